# The functions every CMakeLists.txt of the tree is written with.
#
#   godwit_library  one folder of the product: a static library (or an interface one, without sources)
#   godwit_test     one GoogleTest program, registered with ctest; godwit_script_test for any other
#   godwit_fuzz     one fuzz target; in an ordinary build, a test that replays its corpus
#   godwit_bench    one bench program

set(GODWIT_GENERATED_DIR ${PROJECT_BINARY_DIR}/generated)
set(GODWIT_TEST_RESULTS_DIR ${PROJECT_BINARY_DIR}/test_results)

# Warnings for a target's own sources. Generated ones opt out, see godwit_generate_protobuf_.
function(godwit_warnings_ target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
    $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
    $<$<BOOL:${GODWIT_WERROR}>:-Werror>)
endfunction()

# Compiles .proto files of the current folder once; their headers are included from the root of the
# tree ("persistence/records/x.pb.h"). Appends the generated sources to `out`.
function(godwit_generate_protobuf_ out)
  set(sources)
  foreach(proto IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH proto BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE absolute)
    cmake_path(RELATIVE_PATH absolute BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE relative)
    cmake_path(REPLACE_EXTENSION relative LAST_ONLY pb.cc OUTPUT_VARIABLE source)
    cmake_path(REPLACE_EXTENSION relative LAST_ONLY pb.h OUTPUT_VARIABLE header)
    add_custom_command(
      OUTPUT ${GODWIT_GENERATED_DIR}/${source} ${GODWIT_GENERATED_DIR}/${header}
      COMMAND protobuf::protoc --cpp_out=${GODWIT_GENERATED_DIR} -I${PROJECT_SOURCE_DIR} ${absolute}
      DEPENDS ${absolute} protobuf::protoc
      COMMENT "Generating ${header}" VERBATIM)
    list(APPEND sources ${GODWIT_GENERATED_DIR}/${source})
  endforeach()
  file(MAKE_DIRECTORY ${GODWIT_GENERATED_DIR})
  set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS -w)
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

# `out`: the libraries, each replaced by its mutable variant where there is one.
function(godwit_mutable_variants_ out)
  set(variants)
  foreach(library IN LISTS ARGN)
    if(library MATCHES "^godwit::" AND TARGET ${library}_mutable)
      string(APPEND library _mutable)
    endif()
    list(APPEND variants ${library})
  endforeach()
  set(${out} ${variants} PARENT_SCOPE)
endfunction()

function(godwit_add_library_ target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "MUTABLE" "ALIAS" "SOURCES;HEADERS;PUBLIC;PRIVATE")
  if(arg_SOURCES)
    set(scope PUBLIC)
    add_library(${target} STATIC ${arg_SOURCES})
    godwit_warnings_(${target})
    target_compile_options(${target} PRIVATE -Wconversion)
    target_link_libraries(${target} PRIVATE ${arg_PRIVATE})
    if(GODWIT_FUZZ)
      # Only what a fuzz target links has to compile with clang.
      set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
  else()
    set(scope INTERFACE)
    add_library(${target} INTERFACE)
  endif()
  add_library(${arg_ALIAS} ALIAS ${target})
  target_include_directories(${target} ${scope} ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} ${scope} ${arg_PUBLIC})
  if(arg_MUTABLE)
    # Public: whoever asks `mutated(...)` in one program must see the same answer.
    target_compile_definitions(${target} ${scope} GODWIT_MUTANTS=1)
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
  elseif(arg_HEADERS)
    # The target all_verify_interface_header_sets compiles each header alone.
    target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${arg_HEADERS})
    set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
endfunction()

# godwit_library(NAME persistence_raft SOURCES ... HEADERS ... [PROTOS ...] [PUBLIC ...] [PRIVATE ...] [MUTABLE])
#
# Makes the target godwit_<NAME> with the alias godwit::<NAME>. Every link is spelled out; a target
# must be known before it is linked, which keeps the arrows between folders in one direction.
#
# MUTABLE also makes godwit::<NAME>_mutable for tests: the same sources with GODWIT_MUTANTS, linked
# to the mutable variants of its dependencies. A library over one with such a variant gets its own
# without asking, so that no program links both.
function(godwit_library)
  cmake_parse_arguments(PARSE_ARGV 0 arg "MUTABLE" "NAME" "SOURCES;HEADERS;PROTOS;PUBLIC;PRIVATE")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME)
    message(FATAL_ERROR "godwit_library: NAME is missing or arguments are unknown: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  foreach(library IN LISTS arg_PUBLIC arg_PRIVATE)
    if(library MATCHES "::" AND NOT TARGET ${library})
      message(FATAL_ERROR "godwit_library(${arg_NAME}): ${library} is not known here; a folder links lower ones")
    endif()
  endforeach()
  if(arg_PROTOS)
    godwit_generate_protobuf_(generated ${arg_PROTOS})
    list(APPEND arg_SOURCES ${generated})
  endif()

  set(parts SOURCES ${arg_SOURCES} HEADERS ${arg_HEADERS})
  godwit_add_library_(godwit_${arg_NAME} ALIAS godwit::${arg_NAME} ${parts}
    PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  if(arg_PROTOS)
    target_include_directories(godwit_${arg_NAME} SYSTEM PUBLIC ${GODWIT_GENERATED_DIR})
  endif()

  godwit_mutable_variants_(public_mutable ${arg_PUBLIC})
  godwit_mutable_variants_(private_mutable ${arg_PRIVATE})
  if(arg_MUTABLE OR NOT "${public_mutable};${private_mutable}" STREQUAL "${arg_PUBLIC};${arg_PRIVATE}")
    if(arg_PROTOS)
      message(FATAL_ERROR "godwit_library(${arg_NAME}): put the .proto files into a library without a mutable variant")
    endif()
    godwit_add_library_(godwit_${arg_NAME}_mutable ALIAS godwit::${arg_NAME}_mutable MUTABLE ${parts}
      PUBLIC ${public_mutable} PRIVATE ${private_mutable})
    # CMake refuses a program whose libraries disagree in this property.
    foreach(variant IN ITEMS "" _mutable)
      set_property(TARGET godwit_${arg_NAME}${variant} APPEND PROPERTY COMPATIBLE_INTERFACE_BOOL GODWIT_MUTABLE)
    endforeach()
    set_property(TARGET godwit_${arg_NAME} PROPERTY INTERFACE_GODWIT_MUTABLE OFF)
    set_property(TARGET godwit_${arg_NAME}_mutable PROPERTY INTERFACE_GODWIT_MUTABLE ON)
  endif()
endfunction()

# Properties that every test has.
function(godwit_test_properties_ test)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "ENVIRONMENT")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  math(EXPR timeout "${arg_TIMEOUT} * ${GODWIT_TIMEOUT_FACTOR}")
  set_tests_properties(${test} PROPERTIES
    TIMEOUT ${timeout} RUN_SERIAL ${arg_SERIAL} ENVIRONMENT "${arg_ENVIRONMENT}")
endfunction()

# godwit_test(NAME x_test SOURCES ... LINKS ... [TIMEOUT seconds] [SHARDS n] [ARGS ...] [CAF] [SERIAL])
#
# A GoogleTest program. Its cases go to <build>/test_results/<NAME>.xml, where tests/run counts them.
# SHARDS spreads the cases over n processes. CAF marks code over the actor library, which the thread
# sanitizer reports falsely: it is left out there. SERIAL: nothing else runs meanwhile.
function(godwit_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "CAF;SERIAL" "NAME;TIMEOUT;SHARDS" "SOURCES;LINKS;ARGS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME)
    message(FATAL_ERROR "godwit_test: NAME is missing or arguments are unknown: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(arg_CAF AND GODWIT_SANITIZE MATCHES thread)
    return()
  endif()
  if(NOT arg_SHARDS)
    set(arg_SHARDS 1)
  endif()

  add_executable(${arg_NAME} ${arg_SOURCES})
  godwit_warnings_(${arg_NAME})
  target_include_directories(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LINKS} GTest::gmock GTest::gtest GTest::gtest_main)

  math(EXPR last "${arg_SHARDS} - 1")
  foreach(shard RANGE ${last})
    set(test ${arg_NAME})
    set(environment)
    if(arg_SHARDS GREATER 1)
      set(test ${arg_NAME}.${shard})
      set(environment GTEST_TOTAL_SHARDS=${arg_SHARDS} GTEST_SHARD_INDEX=${shard})
    endif()
    add_test(NAME ${test}
      COMMAND ${arg_NAME} --gtest_brief=1 --gtest_output=xml:${GODWIT_TEST_RESULTS_DIR}/${test}.xml ${arg_ARGS})
    set(serial)
    if(arg_SERIAL)
      set(serial SERIAL)
    endif()
    godwit_test_properties_(${test} ${serial} TIMEOUT ${arg_TIMEOUT} ENVIRONMENT ${environment})
  endforeach()
endfunction()

# godwit_script_test(NAME x_test COMMAND ... [TIMEOUT seconds] [SERIAL])
#
# A script or any other program, counted as one case. To skip, it prints `skipped: <reason>` on a line
# of its own and exits with 77.
function(godwit_script_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "SERIAL" "NAME;TIMEOUT" "COMMAND")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME OR NOT arg_COMMAND)
    message(FATAL_ERROR "godwit_script_test: NAME or COMMAND is missing or arguments are unknown: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  add_test(NAME ${arg_NAME} COMMAND ${arg_COMMAND})
  set(serial)
  if(arg_SERIAL)
    set(serial SERIAL)
  endif()
  godwit_test_properties_(${arg_NAME} ${serial} TIMEOUT ${arg_TIMEOUT})
  set_tests_properties(${arg_NAME} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()

# godwit_fuzz(NAME x_fuzz SOURCES ... LINKS ... CORPUS folder)
#
# SOURCES define LLVMFuzzerTestOneInput. With the preset `fuzz` this is a libFuzzer program in
# <build>/fuzz/; otherwise a test that feeds every file of the corpus to it once.
function(godwit_fuzz)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;CORPUS" "SOURCES;LINKS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME OR NOT arg_CORPUS)
    message(FATAL_ERROR "godwit_fuzz: NAME or CORPUS is missing or arguments are unknown: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  cmake_path(ABSOLUTE_PATH arg_CORPUS BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  add_executable(${arg_NAME} ${arg_SOURCES})
  godwit_warnings_(${arg_NAME})
  target_include_directories(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LINKS})
  if(GODWIT_FUZZ)
    target_link_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
    # tests/run --long reads which corpus belongs to which program.
    file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/fuzz/${arg_NAME}.corpus CONTENT "${arg_CORPUS}\n")
  else()
    target_sources(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/tests/harness/fuzz_replay_main.cpp)
    godwit_script_test(NAME ${arg_NAME} COMMAND ${arg_NAME} ${arg_CORPUS})
  endif()
endfunction()

# godwit_bench(NAME x_bench SOURCES ... LINKS ...): a program of its own or over Google Benchmark; never
# run by ctest, whose machine is shared.
function(godwit_bench)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;LINKS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME)
    message(FATAL_ERROR "godwit_bench: NAME is missing or arguments are unknown: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  add_executable(${arg_NAME} ${arg_SOURCES})
  godwit_warnings_(${arg_NAME})
  target_include_directories(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LINKS})
endfunction()
