# libbatuta-client: messages and stubs of the public API for other C++ tools, with what find_package() and pkg-config need.
# A static library: it makes no promise about its binary interface, the API itself is what is stable.

# How the client and batuta-inspect speak with each other is nobody else's business.
set(public_protos ${protos})
list(REMOVE_ITEM public_protos inspection)
set(public_headers "")
set(public_sources "")
foreach(name IN LISTS public_protos)
  list(APPEND public_headers "${generated}/batuta/v1/${name}.pb.h")
  list(APPEND public_sources "${CMAKE_CURRENT_SOURCE_DIR}/batuta/v1/${name}.proto")
  if(name MATCHES "_service$")
    list(APPEND public_headers "${generated}/batuta/v1/${name}.grpc.pb.h")
  endif()
endforeach()

add_library(batuta_client_library STATIC
  "$<FILTER:$<TARGET_OBJECTS:batuta_proto_messages>,EXCLUDE,/inspection\\.pb\\.cc>" $<TARGET_OBJECTS:batuta_proto>)
set_target_properties(batuta_client_library PROPERTIES OUTPUT_NAME batuta-client EXPORT_NAME client LINKER_LANGUAGE CXX)
target_include_directories(batuta_client_library INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_link_libraries(batuta_client_library INTERFACE protobuf::libprotobuf gRPC::grpc++)
target_compile_features(batuta_client_library INTERFACE cxx_std_17)
# Nobody debugs generated code, and what others link need not carry where it was compiled.
add_custom_command(TARGET batuta_client_library POST_BUILD
  COMMAND "${CMAKE_STRIP}" --strip-debug --remove-section=.comment --enable-deterministic-archives "$<TARGET_FILE:batuta_client_library>" VERBATIM)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/batuta-client")
include(CMakePackageConfigHelpers)
configure_package_config_file(batuta-client-config.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/batuta-client-config.cmake"
  INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/batuta-client-config-version.cmake" COMPATIBILITY SameMinorVersion)
file(RELATIVE_PATH batuta_prefix_from_pc "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" batuta_prefix_from_pc "${batuta_prefix_from_pc}")
configure_file(batuta-client.pc.in batuta-client.pc @ONLY)

install(TARGETS batuta_client_library EXPORT batuta_client ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
install(EXPORT batuta_client NAMESPACE batuta:: FILE batuta-client-targets.cmake DESTINATION "${package_dir}"
        COMPONENT development)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/batuta-client-config.cmake" "${CMAKE_CURRENT_BINARY_DIR}/batuta-client-config-version.cmake"
        DESTINATION "${package_dir}" COMPONENT development)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/batuta-client.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT development)
install(FILES ${public_headers} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/batuta/v1" COMPONENT development)
install(FILES ${public_sources} DESTINATION "${CMAKE_INSTALL_DATADIR}/batuta/proto/batuta/v1" COMPONENT development)
