# Installs the packages of package-lock.json into BINARY_DIR, beside copies of the scripts; the source tree stays clean.
#   cmake -DSOURCE_DIR=… -DBINARY_DIR=… -P install_packages.cmake
find_program(NPM npm)
find_program(NODE node)
if(NOT NPM OR NOT NODE)
  message(FATAL_ERROR "npm and node (18 or newer) are needed to prove the hub simulator against @huggingface/hub, "
                      "and were not found on PATH. Install Node.js, for example: apt-get install nodejs npm")
endif()

file(MAKE_DIRECTORY "${BINARY_DIR}")
file(GLOB scripts "${SOURCE_DIR}/*.mjs")
file(COPY ${scripts} "${SOURCE_DIR}/package.json" "${SOURCE_DIR}/package-lock.json" DESTINATION "${BINARY_DIR}")

# A lock file with registry hosts in it works on the machine of its author only.
file(STRINGS "${SOURCE_DIR}/package-lock.json" hosts REGEX "\"resolved\"")
if(hosts)
  message(FATAL_ERROR "package-lock.json names registry hosts. Write it with: "
                      "npm install --package-lock-only --omit-lockfile-registry-resolved")
endif()

# What is installed for this very lock file need not be fetched again.
file(SHA256 "${SOURCE_DIR}/package-lock.json" wanted)
set(stamp "${BINARY_DIR}/installed.sha256")
if(EXISTS "${stamp}" AND EXISTS "${BINARY_DIR}/node_modules/@huggingface/hub/package.json")
  file(READ "${stamp}" installed)
  if(installed STREQUAL wanted)
    return()
  endif()
endif()

execute_process(COMMAND "${NPM}" ci --no-audit --no-fund --loglevel=error
                WORKING_DIRECTORY "${BINARY_DIR}" RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "npm ci failed (${result}) for ${SOURCE_DIR}/package-lock.json. It needs the npm registry that "
                      "`npm config get registry` names; see npm's words above.")
endif()
file(WRITE "${stamp}" "${wanted}")
