# The manual, the completions and the configuration of the machine, made by the programs themselves and installed with them.
set(batuta_manual "${CMAKE_BINARY_DIR}/manual")
add_custom_command(
  OUTPUT "${batuta_manual}/written"
  COMMAND "${CMAKE_COMMAND}" "-DBATUTA=$<TARGET_FILE:batuta>" "-DBATUTAD=$<TARGET_FILE:batutad>" "-DOUT=${batuta_manual}"
          -P "${CMAKE_SOURCE_DIR}/cmake/WriteManual.cmake"
  DEPENDS batuta batutad "${CMAKE_SOURCE_DIR}/cmake/WriteManual.cmake"
  COMMENT "Writing the manual"
  VERBATIM)
add_custom_target(batuta_manual ALL DEPENDS "${batuta_manual}/written")

install(DIRECTORY "${batuta_manual}/man1" DESTINATION "${CMAKE_INSTALL_MANDIR}" COMPONENT client)
install(DIRECTORY "${batuta_manual}/man8" DESTINATION "${CMAKE_INSTALL_MANDIR}" COMPONENT daemon)

# Where the shells of Debian look in /usr for what packages bring; elsewhere zsh has another folder for it.
install(FILES "${batuta_manual}/completions/batuta" DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions"
        COMPONENT client)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(batuta_zsh_dir vendor-completions)
else()
  set(batuta_zsh_dir site-functions)
endif()
install(FILES "${batuta_manual}/completions/_batuta" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/${batuta_zsh_dir}" COMPONENT client)
install(FILES "${batuta_manual}/completions/batuta.fish" DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d"
        COMPONENT client)

# The daemon reads /etc/batuta/config.toml, wherever it is installed. A package brings that file; other installations bring it
# to copy from, and touch nothing outside their prefix.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  install(FILES "${batuta_manual}/config.toml" DESTINATION "${CMAKE_INSTALL_FULL_SYSCONFDIR}/batuta" COMPONENT daemon)
else()
  install(FILES "${batuta_manual}/config.toml" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/batutad" COMPONENT daemon)
endif()
