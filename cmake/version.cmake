# Run at each build (cmake -P), with SOURCE, TEMPLATE, OUTPUT and what the template names: the commit is that of the build, not
# of the configuration. The file is written only if it changes.
file(READ ${SOURCE}/cmake/commit COMMIT) # filled in by git archive
string(STRIP "${COMMIT}" COMMIT)
if(COMMIT MATCHES "Format")
  set(COMMIT unknown)
  execute_process(COMMAND git -C ${SOURCE} describe --always --abbrev=12 --exclude=* --dirty
                  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(COMMIT ${described})
  endif()
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
