# Every library from outside, found once. Who may link what is written in each folder's own
# CMakeLists.txt; tests/tidy checks the same arrows in the includes.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(tl-expected REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)

pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET GLOBAL lmdb)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET GLOBAL libisal)

# The adapter's rules were found and tested against this one version; 0.15 of plain Debian 12 loses
# committed entries by itself.
set(GODWIT_RAFT_VERSION 0.22.1)
pkg_check_modules(RAFT IMPORTED_TARGET GLOBAL raft)
if(NOT RAFT_FOUND OR NOT RAFT_VERSION VERSION_EQUAL GODWIT_RAFT_VERSION)
  if(RAFT_FOUND)
    set(found "version ${RAFT_VERSION}")
  else()
    set(found "none")
  endif()
  message(FATAL_ERROR
    "Godwit needs libraft ${GODWIT_RAFT_VERSION} exactly; found: ${found}. It is in Debian's bookworm-backports: "
    "add that suite to the package sources and run `apt-get install -t bookworm-backports libraft-dev`. "
    "`tests/run` does both.")
endif()

if(NOT GODWIT_FUZZ)
  find_package(CAF 0.17.6 REQUIRED COMPONENTS core)
  find_package(Boost 1.74 REQUIRED)
  find_package(CLI11 REQUIRED)
  find_package(tomlplusplus REQUIRED)
  find_package(spdlog REQUIRED)
  find_package(nlohmann_json REQUIRED)
  find_package(prometheus-cpp REQUIRED)
  pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET GLOBAL libsystemd)
  pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET GLOBAL libutf8proc)
  pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET GLOBAL jemalloc)
  # libphonenumber has neither a CMake nor a pkg-config file in Debian 12.
  find_path(PHONENUMBER_INCLUDE_DIR phonenumbers/phonenumberutil.h REQUIRED)
  find_library(PHONENUMBER_LIBRARY phonenumber REQUIRED)
  mark_as_advanced(PHONENUMBER_INCLUDE_DIR PHONENUMBER_LIBRARY)
  add_library(phonenumber::phonenumber UNKNOWN IMPORTED)
  set_target_properties(phonenumber::phonenumber PROPERTIES
    IMPORTED_LOCATION ${PHONENUMBER_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${PHONENUMBER_INCLUDE_DIR}
    INTERFACE_LINK_LIBRARIES protobuf::libprotobuf)
endif()
if(GODWIT_TESTS AND NOT GODWIT_FUZZ)
  find_package(GTest REQUIRED)
endif()
if(GODWIT_BENCHES AND NOT GODWIT_FUZZ)
  find_package(benchmark REQUIRED)
endif()
