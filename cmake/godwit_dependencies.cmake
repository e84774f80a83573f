# Every library from outside, found once. Who may link what is written in each folder's own
# CMakeLists.txt; tests/tidy checks the same arrows in the includes.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(tl-expected REQUIRED)

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

if(GODWIT_TESTS AND NOT GODWIT_FUZZ)
  find_package(GTest REQUIRED)
endif()
if(GODWIT_BENCHES AND NOT GODWIT_FUZZ)
  find_package(benchmark REQUIRED)
  find_package(CLI11 REQUIRED)
endif()
