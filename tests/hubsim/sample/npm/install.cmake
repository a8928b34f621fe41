# Puts the packages of the lock file, and the tests that use them, into FOLDER: cmake -P with NPM, SOURCE, FOLDER.
file(COPY "${SOURCE}/package.json" "${SOURCE}/package-lock.json" "${SOURCE}/formats_test.mjs" DESTINATION "${FOLDER}")
file(SHA256 "${SOURCE}/package-lock.json" wanted)
set(stamp "${FOLDER}/node_modules/.installed")
if(EXISTS "${stamp}")
  file(READ "${stamp}" installed)
endif()
if(NOT "${installed}" STREQUAL "${wanted}")
  execute_process(COMMAND "${NPM}" ci --ignore-scripts --no-audit --no-fund WORKING_DIRECTORY "${FOLDER}"
    COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE "${stamp}" "${wanted}")
endif()
