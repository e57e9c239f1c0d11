# What must be installed. All that is missing is named at once, and what installs it.

# need(NAME...): as find_package(NAME...); need_module(PREFIX NAME): as pkg_check_modules.
macro(need name)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    list(APPEND missing "${name} ${ARGN}")
  endif()
endmacro()

macro(need_module prefix name)
  if(PkgConfig_FOUND)
    pkg_check_modules(${prefix} QUIET IMPORTED_TARGET ${name})
  endif()
  if(NOT ${prefix}_FOUND)
    list(APPEND missing ${name})
  endif()
endmacro()

# end_of_needs(LIST): ends the configuration if something is missing; LIST is one of scripts/install-deps.
macro(end_of_needs list)
  if(missing)
    list(TRANSFORM missing STRIP)
    string(REPLACE ";" " " shown "${missing}")
    list(JOIN missing ", " shown)
    message(FATAL_ERROR "Missing: ${shown}.\nscripts/install-deps ${list} installs what is needed (Debian and Ubuntu; --list names the packages).")
  endif()
endmacro()
