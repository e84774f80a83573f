# Finds the C++ Actor Framework, for which Debian's libcaf-dev (0.17) ships no CMake package.
#
#   find_package(CAF 0.17.6 REQUIRED COMPONENTS core io openssl)
#
# Imported targets: CAF::core, CAF::io, CAF::openssl, each with what it needs.
# Variables: CAF_FOUND, CAF_VERSION, CAF_INCLUDE_DIR, CAF_<component>_FOUND.

find_path(CAF_INCLUDE_DIR NAMES caf/config.hpp)
mark_as_advanced(CAF_INCLUDE_DIR)

# CAF_VERSION counts major * 10000 + minor * 100 + patch.
unset(CAF_VERSION)
if(CAF_INCLUDE_DIR)
  file(STRINGS ${CAF_INCLUDE_DIR}/caf/config.hpp version_line REGEX "^#define CAF_VERSION [0-9]+")
  if(version_line MATCHES "CAF_VERSION ([0-9]+)")
    math(EXPR major "${CMAKE_MATCH_1} / 10000")
    math(EXPR minor "${CMAKE_MATCH_1} / 100 % 100")
    math(EXPR patch "${CMAKE_MATCH_1} % 100")
    set(CAF_VERSION ${major}.${minor}.${patch})
  endif()
endif()

if(NOT CAF_FIND_COMPONENTS)
  set(CAF_FIND_COMPONENTS core)
endif()
# What was asked for, and what that links.
set(components ${CAF_FIND_COMPONENTS})
if("openssl" IN_LIST components)
  list(APPEND components io)
endif()
if("io" IN_LIST components)
  list(APPEND components core)
endif()
list(REMOVE_DUPLICATES components)

set(component_header_core caf/actor_system.hpp)
set(component_header_io caf/io/all.hpp)
set(component_header_openssl caf/openssl/all.hpp)

foreach(component IN LISTS components)
  set(CAF_${component}_FOUND FALSE)
  if(NOT DEFINED component_header_${component})
    continue()
  endif()
  find_library(CAF_${component}_LIBRARY NAMES caf_${component})
  mark_as_advanced(CAF_${component}_LIBRARY)
  if(CAF_${component}_LIBRARY AND CAF_INCLUDE_DIR AND EXISTS ${CAF_INCLUDE_DIR}/${component_header_${component}})
    set(CAF_${component}_FOUND TRUE)
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF
  REQUIRED_VARS CAF_INCLUDE_DIR VERSION_VAR CAF_VERSION HANDLE_COMPONENTS)

if(CAF_FOUND)
  find_package(Threads REQUIRED)
  foreach(component IN LISTS components)
    if(CAF_${component}_FOUND AND NOT TARGET CAF::${component})
      add_library(CAF::${component} UNKNOWN IMPORTED)
      set_target_properties(CAF::${component} PROPERTIES
        IMPORTED_LOCATION ${CAF_${component}_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${CAF_INCLUDE_DIR})
    endif()
  endforeach()
  if(TARGET CAF::core)
    set_property(TARGET CAF::core PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads)
  endif()
  if(TARGET CAF::io)
    set_property(TARGET CAF::io PROPERTY INTERFACE_LINK_LIBRARIES CAF::core)
  endif()
  if(TARGET CAF::openssl)
    find_package(OpenSSL REQUIRED)
    set_property(TARGET CAF::openssl PROPERTY INTERFACE_LINK_LIBRARIES CAF::io OpenSSL::SSL)
  endif()
endif()
