# Removes what the last `cmake --install` of this build folder has put there: cmake -DBUILD=... -DSOURCE=... -DCONFIGURATION=... -P.
# An admin's configuration stays.
set(root "$ENV{DESTDIR}")
if(NOT EXISTS ${BUILD}/install_manifest.txt)
  message(FATAL_ERROR "${BUILD} has installed nothing: there is no install_manifest.txt in it")
endif()
file(GLOB enabled "${root}/etc/systemd/system/*.wants/snipass*.service" "${root}/etc/systemd/system/*.wants/snipass.socket")
if(enabled)
  list(TRANSFORM enabled REPLACE "^.*/" "")
  list(JOIN enabled " " names)
  message(FATAL_ERROR "These are enabled: ${names}. First: systemctl disable --now ${names}")
endif()

# A unit that calls snipass-run would start nothing any more.
set(callers "")
file(GLOB units "${root}/etc/systemd/system/*.service" "${root}/etc/systemd/system/*.d/*.conf")
foreach(unit IN LISTS units)
  file(STRINGS "${unit}" calls REGEX "^[^#;]*snipass-run")
  if(calls)
    string(APPEND callers "\n  ${unit}")
  endif()
endforeach()
if(callers)
  message(FATAL_ERROR "Servers are started by snipass-run. First remove or change these, run systemctl daemon-reload, "
    "and restart the servers (docs/moving.md, Back again):${callers}")
endif()

# A server that was started by hand listens where nobody would come any more.
file(STRINGS ${BUILD}/install_manifest.txt files)
set(library ${files})
list(FILTER library INCLUDE REGEX "/libsnipass_preload\\.so$")
execute_process(COMMAND sh -c [[grep -lsF -- " $0" /proc/[0-9]*/maps | while read -r maps; do
    pid=${maps#/proc/}; pid=${pid%/maps}; echo "  $(cat "/proc/$pid/comm") (process $pid)"; done]] "${root}${library}"
  OUTPUT_VARIABLE servers)
if(servers)
  message(FATAL_ERROR "Servers are running that snipass-run has started. First stop them:\n${servers}")
endif()

set(folders "")
foreach(file IN LISTS files)
  set(path "${root}${file}")
  if(file STREQUAL CONFIGURATION AND EXISTS "${path}")
    file(SHA256 "${path}" here)
    file(SHA256 "${SOURCE}/config/snipass.toml" shipped)
    if(NOT here STREQUAL shipped)
      message(STATUS "Kept: ${path}")
      continue()
    endif()
  endif()
  if(EXISTS "${path}" OR IS_SYMLINK "${path}")
    message(STATUS "Removed: ${path}")
    file(REMOVE "${path}")
  endif()
  cmake_path(GET path PARENT_PATH folder)
  while(folder MATCHES "/snipass(/|$)") # folders of our own, if nothing else is in them
    list(APPEND folders "${folder}")
    cmake_path(GET folder PARENT_PATH folder)
  endwhile()
endforeach()

list(REMOVE_DUPLICATES folders)
list(SORT folders ORDER DESCENDING) # what is inside comes first
foreach(folder IN LISTS folders)
  file(GLOB left "${folder}/*" "${folder}/.*")
  list(FILTER left EXCLUDE REGEX "/\\.\\.?$")
  if(IS_DIRECTORY "${folder}" AND NOT left)
    file(REMOVE_RECURSE "${folder}")
  endif()
endforeach()
