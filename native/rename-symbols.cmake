# cmake -P: joins OBJECTS (separated by |) to the object file OUT in which every defined symbol but KEEP begins with PREFIX.
# Run by cpu-variants.cmake.

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE errors)
  if(NOT code EQUAL 0)
    list(GET ARGN 0 tool)
    message(FATAL_ERROR "cpu-variants: ${tool} failed: ${errors}")
  endif()
  set(output "${text}" PARENT_SCOPE)
endfunction()

string(REPLACE "|" ";" OBJECTS "${OBJECTS}")
run("${LINKER}" -r -o "${OUT}.joined" ${OBJECTS})

# A constructor of this copy would run before main() on every processor, also on those that lack its instructions.
run("${OBJDUMP}" -h "${OUT}.joined")
if(output MATCHES "\\.(init_array|ctors|preinit_array)")
  message(FATAL_ERROR "cpu-variants: this ggml-cpu runs code before main(); an AVX-512 copy of it would end the program on other processors")
endif()

# Local names too: the linker keeps one COMDAT group of each name in the program, and the group of a constructor is named
# by a local symbol (…C5Ev). With those left as they are the other copy lost its constructors.
run("${NM}" --defined-only "${OUT}.joined")
string(REGEX MATCHALL "[^ \n]+\n" symbols "${output}")
list(REMOVE_DUPLICATES symbols)
set(renames "")
foreach(symbol IN LISTS symbols)
  string(STRIP "${symbol}" symbol)
  if(NOT symbol STREQUAL KEEP AND NOT symbol MATCHES "^\\.")
    string(APPEND renames "${symbol} ${PREFIX}${symbol}\n")
  endif()
endforeach()
file(WRITE "${OUT}.renames" "${renames}")
run("${OBJCOPY}" "--redefine-syms=${OUT}.renames" "${OUT}.joined" "${OUT}")
file(REMOVE "${OUT}.joined")

run("${NM}" --defined-only "${OUT}")
string(REGEX MATCHALL " _[^ \n]+\n" left "${output}")
if(left)
  message(FATAL_ERROR "cpu-variants: these symbols kept their names: ${left}")
endif()
