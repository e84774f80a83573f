# Flags that hold for the whole build, whatever the target.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# A broken invariant ends the process in every build: what it would write next must not be kept. So
# assertions stay on, and a release build has line numbers for the report.
foreach(language IN ITEMS C CXX)
  foreach(type IN ITEMS RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_${language}_FLAGS_${type} "${CMAKE_${language}_FLAGS_${type}}")
  endforeach()
  string(REPLACE "-O3" "-O2 -g1" CMAKE_${language}_FLAGS_RELEASE "${CMAKE_${language}_FLAGS_RELEASE}")
endforeach()

if(GODWIT_SANITIZE)
  # A header of the actor library binds a null reference that it never reads.
  add_compile_options(-fsanitize=${GODWIT_SANITIZE} -fno-sanitize=null -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GODWIT_SANITIZE})
  if(GODWIT_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

if(GODWIT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "GODWIT_FUZZ needs clang (libFuzzer); use the preset `fuzz`, package clang-14.")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
