# One ggml for both engines.
#
# whisper-rs-sys and llama-cpp-sys-2 each carry a ggml of their own and export the same symbols. Linked as they come,
# whisper.cpp would run on a ggml that it was not compiled for (the linker takes the first archive it meets).
# CMake runs this file inside whisper.cpp's project() (see CMAKE_PROJECT_whisper.cpp_INCLUDE in .cargo/config.toml):
# it adds the ggml sources of llama-cpp-sys-2 as the target `ggml`, and whisper.cpp then leaves its own copy out.
# tests/one_ggml.rs fails when the binary holds two, or when the two builds got different switches.

if(NOT TARGET ggml) # whisper.cpp calls project() twice, so this file runs twice
  set(_hark_lock "${CMAKE_CURRENT_LIST_DIR}/../Cargo.lock")
  if(NOT EXISTS "${_hark_lock}")
    message(FATAL_ERROR "one-ggml: Cargo.lock is missing beside the native/ folder; run cargo from the project's root")
  endif()
  file(READ "${_hark_lock}" _hark_lock_text)
  string(REGEX MATCH "name = \"llama-cpp-sys-2\"\r?\nversion = \"([^\"]+)\"" _hark_match "${_hark_lock_text}")
  if(NOT _hark_match)
    message(FATAL_ERROR "one-ggml: Cargo.lock names no llama-cpp-sys-2")
  endif()
  set(_hark_version "${CMAKE_MATCH_1}")
  # Cargo unpacks all crates side by side; `cargo vendor` may leave the version out of the folder's name.
  set(_hark_ggml "")
  foreach(_hark_name "llama-cpp-sys-2-${_hark_version}" "llama-cpp-sys-2")
    if(EXISTS "$ENV{CARGO_MANIFEST_DIR}/../${_hark_name}/llama.cpp/ggml/CMakeLists.txt")
      set(_hark_ggml "$ENV{CARGO_MANIFEST_DIR}/../${_hark_name}/llama.cpp/ggml")
      break()
    endif()
  endforeach()
  if(NOT _hark_ggml)
    message(FATAL_ERROR "one-ggml: the sources of llama-cpp-sys-2 ${_hark_version} are not beside whisper-rs-sys; run cargo fetch")
  endif()
  message(STATUS "one-ggml: whisper.cpp is built on the ggml of llama-cpp-sys-2 ${_hark_version}")
  add_subdirectory("${_hark_ggml}" "${CMAKE_BINARY_DIR}/ggml")
endif()
