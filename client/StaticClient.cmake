# Links a program of the client with gRPC, Protobuf and Abseil from their archives. A dynamic client loads some sixty shared
# libraries and runs their initialisers before it does anything: about three times the time of a whole warm command.
#
# The targets that find_package() gives for these libraries are the shared ones, and CMake would put them on the link line of
# everything that uses our libraries. So the line is written out here: our archives by file, then the archives that pkg-config
# names, all in one group, so that their order does not matter. What the archives do not have (fmt, zlib, libstdc++, libc) stays shared.

# The libraries of ours that end up in the client.
set(batuta_client_parts
    batuta_client_commands batuta_client_archive batuta_client_connection batuta_client_doctor batuta_client_inspection batuta_client_output batuta_client_serving
    batuta_config batuta_folder batuta_machine batuta_rpc batuta_io batuta_sync batuta_text batuta_time batuta_types batuta_status
    batuta_proto batuta_proto_messages)

# Appends to `out` the archives of a pkg-config module and of all that it requires; a fatal error when one is missing.
function(batuta_find_archives out)
  execute_process(COMMAND "${PKG_CONFIG_EXECUTABLE}" --libs --static ${ARGN}
                  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  set(archives "")
  foreach(flag IN LISTS flags)
    # What has no archive of its own belongs to the C library or the compiler; zlib reads foreign bytes, so that mends of it
    # must arrive by themselves.
    if(NOT flag MATCHES "^-l" OR flag MATCHES "^-l(pthread|dl|rt|m|c|atomic|ssl|crypto|z)$")
      continue()
    endif()
    string(SUBSTRING "${flag}" 2 -1 name)
    find_library(BATUTA_ARCHIVE_${name} "lib${name}.a" REQUIRED)
    mark_as_advanced(BATUTA_ARCHIVE_${name})
    list(APPEND archives "${BATUTA_ARCHIVE_${name}}")
  endforeach()
  # Debian's file for the library without TLS forgets what that library uses.
  foreach(name IN ITEMS upb address_sorting cares re2)
    find_library(BATUTA_ARCHIVE_${name} "lib${name}.a" REQUIRED)
    mark_as_advanced(BATUTA_ARCHIVE_${name})
    list(APPEND archives "${BATUTA_ARCHIVE_${name}}")
  endforeach()
  list(REMOVE_DUPLICATES archives)
  set(${out} "${archives}" PARENT_SCOPE)
endfunction()

function(batuta_link_static_client program)
  batuta_find_archives(archives grpc++_unsecure grpc_unsecure protobuf)
  find_library(BATUTA_ARCHIVE_archive "libarchive.a" REQUIRED)
  mark_as_advanced(BATUTA_ARCHIVE_archive)
  list(APPEND archives "${BATUTA_ARCHIVE_archive}")  # of which only tar is taken, and that needs nothing else
  set(parts "")
  foreach(part IN LISTS batuta_client_parts)
    list(APPEND parts "$<TARGET_FILE:${part}>")
  endforeach()
  add_dependencies(${program} ${batuta_client_parts})
  set_property(TARGET ${program} APPEND PROPERTY LINK_DEPENDS "${parts}")
  target_link_libraries(${program} PRIVATE
    -Wl,--gc-sections -Wl,--as-needed -Wl,--start-group ${parts} ${archives} -Wl,--end-group
    fmt::fmt ZLIB::ZLIB Threads::Threads ${CMAKE_DL_LIBS})
endfunction()
