# The packages for Debian: `cpack --preset package` makes them below build/package. One component of the installation is one
# package. What they depend on, dpkg-shlibdeps finds out.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME batuta)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_CONTACT "${BATUTA_MAINTAINER}")
set(CPACK_COMPONENTS_ALL client daemon development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# What explains a backtrace goes into packages of its own (batutad-dbgsym …); the programs are stripped.
set(CPACK_DEBIAN_CLIENT_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_DAEMON_DEBUGINFO_PACKAGE ON)

set(CPACK_DEBIAN_CLIENT_PACKAGE_NAME batuta)
set(CPACK_DEBIAN_CLIENT_PACKAGE_SECTION net)
set(CPACK_DEBIAN_CLIENT_PACKAGE_RECOMMENDS batutad)
set(CPACK_DEBIAN_CLIENT_DESCRIPTION "one cache for the Hugging Face Hub, client
Downloads models, datasets and spaces of the Hugging Face Hub into one cache
that every tool of a machine shares, uploads folders, searches, and shows what
is cached and what is going on. The work is done by a daemon, which the client
starts when none is running.")

set(CPACK_DEBIAN_DAEMON_PACKAGE_NAME batutad)
set(CPACK_DEBIAN_DAEMON_PACKAGE_SECTION net)
set(CPACK_DEBIAN_DAEMON_PACKAGE_DEPENDS "adduser, ca-certificates, init-system-helpers (>= 1.54~)")
set(CPACK_DEBIAN_DAEMON_PACKAGE_RECOMMENDS batuta)
set(CPACK_DEBIAN_DAEMON_DESCRIPTION "one cache for the Hugging Face Hub, daemon
Owns the cache, the queue of downloads and uploads and the rate-limit budget of
a machine, for all of its tools. Files become visible only when they are whole,
their hash matches, and loading them does nothing but loading.
.
The service serves the members of the group batuta. A user without it gets a
daemon of his own from the client.")
# In the order of their work. What is listed as conffiles is the administrator's.
file(WRITE "${CMAKE_BINARY_DIR}/package/conffiles" "/etc/batuta/config.toml\n")
set(CPACK_DEBIAN_DAEMON_PACKAGE_CONTROL_EXTRA
    "${CMAKE_SOURCE_DIR}/cmake/debian/postinst;${CMAKE_SOURCE_DIR}/cmake/debian/prerm;${CMAKE_SOURCE_DIR}/cmake/debian/postrm;${CMAKE_BINARY_DIR}/package/conffiles")

# Generated headers compile with the Protobuf that made them, and no other.
string(REGEX MATCH "^([0-9]+)\\.([0-9]+)" protobuf "${Protobuf_VERSION}")
math(EXPR next_minor "${CMAKE_MATCH_2} + 1")
set(protobuf_next "${CMAKE_MATCH_1}.${next_minor}")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libbatuta-client-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)  # a static library: what it needs to be linked are the -dev packages
# Debian's CMake files of gRPC look for the plugins of protoc, whoever finds gRPC by them.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libgrpc++-dev, protobuf-compiler-grpc, libprotobuf-dev (>= ${protobuf}), libprotobuf-dev (<< ${protobuf_next}~)")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS batutad)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "one cache for the Hugging Face Hub, API for C++
Headers, a static library, and what CMake and pkg-config need for a C++ program
that talks to Batuta's daemon; and the protos, for every other language.")

# What the policy wants in each of them.
set(folder "${CMAKE_BINARY_DIR}/package")
configure_file(cmake/debian/copyright.in "${folder}/copyright" @ONLY)
configure_file(cmake/debian/changelog "${folder}/changelog" @ONLY)
execute_process(COMMAND gzip -9nf "${folder}/changelog" COMMAND_ERROR_IS_FATAL ANY)
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} key)
  set(name ${CPACK_DEBIAN_${key}_PACKAGE_NAME})
  install(FILES "${folder}/copyright" "${folder}/changelog.gz" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/${name}"
          COMPONENT ${component})
  if(EXISTS "${CMAKE_SOURCE_DIR}/cmake/debian/${name}.lintian-overrides")
    install(FILES "cmake/debian/${name}.lintian-overrides" DESTINATION "${CMAKE_INSTALL_DATADIR}/lintian/overrides"
            RENAME ${name} COMPONENT ${component})
  endif()
endforeach()

# The client has parts of these libraries in it, and their licences want to be told with it.
foreach(library libgrpc++-dev libprotobuf-dev libabsl-dev libc-ares-dev libre2-dev libarchive-dev)
  install(FILES "/usr/share/doc/${library}/copyright" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/batuta/linked"
          RENAME "${library}.txt" COMPONENT client)
endforeach()

install(DIRECTORY docs/examples/cpp DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/libbatuta-client-dev/examples" COMPONENT development)

include(CPack)
