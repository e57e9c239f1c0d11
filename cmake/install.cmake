# Where things go: with the prefix /usr (that of the presets) to the places that Debian has for them, with /usr/local to
# their counterparts there, which systemd and systemd-sysusers read as well. The unit names the paths that were configured.
configure_file(systemd/snipass.service.in systemd/snipass.service @ONLY)
configure_file(systemd/snipass-tls.service.in systemd/snipass-tls.service @ONLY)
configure_file(systemd/snipass-ech.service.in systemd/snipass-ech.service @ONLY)

install(FILES ${PROJECT_BINARY_DIR}/systemd/snipass.service ${PROJECT_BINARY_DIR}/systemd/snipass-tls.service
  ${PROJECT_BINARY_DIR}/systemd/snipass-ech.service systemd/snipass.socket DESTINATION lib/systemd/system)
install(FILES systemd/snipass.conf DESTINATION lib/sysusers.d)
install(FILES systemd/snipass.logrotate DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/logrotate.d RENAME snipass)
# As in the source tree, or their links would lead nowhere.
install(FILES README.md CHANGELOG.md ARCHITECTURE.md SECURITY.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN "*.png")
install(FILES bench/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/bench)
install(FILES tests/conformance/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/tests/conformance)
install(DIRECTORY bench/results DESTINATION ${CMAKE_INSTALL_DOCDIR}/bench FILES_MATCHING PATTERN "*.svg" PATTERN "*.json")
install(FILES config/snipass.toml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY config/examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES config/snipass.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/snipass)
install(FILES docs/snipass-run.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/snipass.toml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES docs/snipass.8 docs/snipass-tls.8 docs/snipass-ech.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)

# zsh has folders of its own for packages on Debian, and for /usr/local everywhere.
set(zsh_folder site-functions)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND EXISTS /etc/debian_version)
  set(zsh_folder vendor-completions)
endif()
foreach(program snipass snipass-tls snipass-ech snipass-run)
  install(FILES config/completions/${program}.bash RENAME ${program} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES config/completions/_${program} DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${zsh_folder})
  install(FILES config/completions/${program}.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endforeach()

# An admin's configuration is never overwritten.
set(configuration ${CMAKE_INSTALL_FULL_SYSCONFDIR}/snipass/snipass.toml)
install(CODE "
  if(EXISTS \"\$ENV{DESTDIR}${configuration}\")
    message(STATUS \"Kept: \$ENV{DESTDIR}${configuration}\")
  else()
    file(INSTALL \"${PROJECT_SOURCE_DIR}/config/snipass.toml\" DESTINATION \"${CMAKE_INSTALL_FULL_SYSCONFDIR}/snipass\")
  endif()")

add_custom_target(uninstall COMMAND ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR} -DSOURCE=${PROJECT_SOURCE_DIR}
  -DCONFIGURATION=${configuration} -P ${PROJECT_SOURCE_DIR}/cmake/uninstall.cmake VERBATIM)
