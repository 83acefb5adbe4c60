# The same ggml-cpu twice in one program, chosen at start: AVX2 for every processor, AVX-512 with VNNI for those that have it.
#
# ggml's own way (GGML_CPU_ALL_VARIANTS) wants a shared library per variant, opened at run time. Here all stays in
# libggml-cpu.a. CMake runs this file inside ggml's project() in both engines' builds (CMAKE_PROJECT_ggml_INCLUDE in
# .cargo/config.toml). After ggml has described its target `ggml-cpu`, the same sources are compiled again with more
# instructions, every symbol that this copy defines gets a prefix (so that the linker cannot take one of its
# std:: templates for code that runs on an older processor), and cpu-dispatch.c hands out the one or the other.
# That is enough because ggml_backend_cpu_reg is the only function of ggml-cpu that anything else calls:
# tests/one_ggml.rs looks after that. Where the tools or the processor family differ, the program has AVX2 alone.

if(CMAKE_VERSION VERSION_LESS 3.19)
  message(FATAL_ERROR "cpu-variants: Hark's engines need CMake 3.19 or newer, this is ${CMAKE_VERSION}")
endif()

set(HARK_AVX512_FLAGS -mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl -mavx512vbmi -mavx512vnni)
# BF16 is left out: the models here are f16, Q8_0 and Q4_0, and Ice and Tiger Lake laptops lack it.
set(HARK_AVX512_DEFINITIONS GGML_AVX512 GGML_AVX512_VBMI GGML_AVX512_VNNI)
set(HARK_NATIVE "${CMAKE_CURRENT_LIST_DIR}")

function(hark_wants_variants answer)
  set(${answer} OFF PARENT_SCOPE)
  if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux" OR NOT CMAKE_SIZEOF_VOID_P EQUAL 8 OR BUILD_SHARED_LIBS OR CMAKE_INTERPROCEDURAL_OPTIMIZATION)
    return()
  endif()
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$" OR NOT GGML_AVX2 OR GGML_AVX512 OR GGML_NATIVE)
    return()
  endif()
  if(NOT CMAKE_OBJCOPY OR NOT CMAKE_OBJDUMP OR NOT CMAKE_NM OR NOT CMAKE_LINKER)
    return()
  endif()
  include(CheckCXXCompilerFlag)
  foreach(flag IN LISTS HARK_AVX512_FLAGS)
    string(MAKE_C_IDENTIFIER "HARK_HAS${flag}" known)
    check_cxx_compiler_flag(${flag} ${known})
    if(NOT ${known})
      return()
    endif()
  endforeach()
  set(${answer} ON PARENT_SCOPE)
endfunction()

function(hark_add_cpu_variants)
  hark_wants_variants(wanted)

  # Callers ask the dispatcher; the copy that ggml described answers to another name.
  add_library(hark-cpu-dispatch OBJECT "${HARK_NATIVE}/cpu-dispatch.c")
  target_include_directories(hark-cpu-dispatch PRIVATE $<TARGET_PROPERTY:ggml-cpu,INCLUDE_DIRECTORIES>)
  set_target_properties(hark-cpu-dispatch PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_compile_definitions(ggml-cpu PRIVATE ggml_backend_cpu_reg=hark_cpu_reg_base)
  target_sources(ggml-cpu PRIVATE $<TARGET_OBJECTS:hark-cpu-dispatch>)
  if(NOT wanted)
    message(STATUS "cpu-variants: the program gets one ggml-cpu")
    return()
  endif()
  target_compile_definitions(hark-cpu-dispatch PRIVATE HARK_AVX512)

  get_target_property(folder ggml-cpu SOURCE_DIR)
  get_target_property(sources ggml-cpu SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.(c|cpp)$")
  list(TRANSFORM sources PREPEND "${folder}/" REGEX "^[^/]")
  get_target_property(options ggml-cpu COMPILE_OPTIONS)
  get_target_property(definitions ggml-cpu COMPILE_DEFINITIONS)
  get_directory_property(common DIRECTORY "${folder}" COMPILE_DEFINITIONS)
  list(REMOVE_ITEM definitions ggml_backend_cpu_reg=hark_cpu_reg_base)

  # VNNI for whole numbers everywhere, 512 bits for the repacked weights only. Sums of floats would come out in another order
  # with 512 bits: then the words of a borderline case depend on the machine and on how a prompt was cut into batches (both
  # were seen), and the encoder of whisper base.en took 7 % longer on Zen 4. Without the macro ggml chooses its 256-bit code
  # for floats, and all results are bit for bit those of AVX2.
  set(narrow ${sources})
  list(FILTER narrow EXCLUDE REGEX "arch/x86/repack\\.cpp$")
  set_source_files_properties(${narrow} PROPERTIES COMPILE_OPTIONS "-U__AVX512F__")
  add_library(hark-cpu-avx512 OBJECT ${sources})
  target_include_directories(hark-cpu-avx512 PRIVATE $<TARGET_PROPERTY:ggml-cpu,INCLUDE_DIRECTORIES>)
  target_compile_options(hark-cpu-avx512 PRIVATE ${options} ${HARK_AVX512_FLAGS})
  target_compile_definitions(hark-cpu-avx512 PRIVATE ${common} ${definitions} ${HARK_AVX512_DEFINITIONS}
                                                     ggml_backend_cpu_reg=hark_cpu_reg_avx512)
  foreach(property C_STANDARD C_STANDARD_REQUIRED C_EXTENSIONS CXX_STANDARD CXX_STANDARD_REQUIRED CXX_EXTENSIONS COMPILE_FEATURES)
    get_target_property(value ggml-cpu ${property})
    if(NOT value STREQUAL "value-NOTFOUND")
      set_target_properties(hark-cpu-avx512 PROPERTIES ${property} "${value}")
    endif()
  endforeach()
  set_target_properties(hark-cpu-avx512 PROPERTIES POSITION_INDEPENDENT_CODE ON)

  # One object file, its symbols renamed. A target of its own, because a command's output is known in one folder only.
  set(merged "${CMAKE_CURRENT_BINARY_DIR}/hark-cpu-avx512.o")
  set(objects "$<TARGET_OBJECTS:hark-cpu-avx512>")
  add_custom_target(hark-cpu-avx512-merged
    COMMAND ${CMAKE_COMMAND} "-DOBJECTS=$<JOIN:${objects},|>" "-DOUT=${merged}" "-DKEEP=hark_cpu_reg_avx512" "-DPREFIX=hark_avx512_"
            "-DLINKER=${CMAKE_LINKER}" "-DNM=${CMAKE_NM}" "-DOBJCOPY=${CMAKE_OBJCOPY}" "-DOBJDUMP=${CMAKE_OBJDUMP}"
            -P "${HARK_NATIVE}/rename-symbols.cmake"
    DEPENDS hark-cpu-avx512 ${objects}
    BYPRODUCTS "${merged}" VERBATIM)
  target_sources(ggml-cpu PRIVATE "${merged}")
  set_source_files_properties("${merged}" TARGET_DIRECTORY ggml-cpu PROPERTIES GENERATED TRUE EXTERNAL_OBJECT TRUE)
  add_dependencies(ggml-cpu hark-cpu-avx512-merged)
  message(STATUS "cpu-variants: AVX2 and AVX-512 with VNNI, chosen at start")
endfunction()

# At the end of ggml's CMakeLists.txt, when its target ggml-cpu is complete.
cmake_language(DEFER CALL hark_add_cpu_variants)
