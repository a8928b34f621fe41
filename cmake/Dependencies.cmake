# Every dependency comes from the system; nothing is downloaded at configure time.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CURL REQUIRED)
find_package(LibArchive REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(EXPAT REQUIRED)
pkg_check_modules(ROCKSDB REQUIRED IMPORTED_TARGET rocksdb)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
find_package(ZLIB REQUIRED)
find_package(BZip2 REQUIRED)  # its package has no .pc file
foreach(name liblzma liblz4 libzstd)
  string(TOUPPER ${name} prefix)
  pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET ${name})
endforeach()
pkg_check_modules(HYPERSCAN REQUIRED IMPORTED_TARGET libhs)  # Vectorscan, or Hyperscan: the same interface
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(LIBSYSTEMD REQUIRED IMPORTED_TARGET libsystemd)  # what a service manager hands over, and is told
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)

find_program(BATUTA_PROTOC protoc REQUIRED)
find_program(BATUTA_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

# A launcher, when the machine has one, makes a rebuild of unchanged files free.
find_program(BATUTA_CCACHE ccache)
if(BATUTA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${BATUTA_CCACHE}")
endif()

# lld links the large gRPC programs several times faster than the default linker.
find_program(BATUTA_LLD NAMES ld.lld ld.lld-14)
if(BATUTA_LLD)
  get_filename_component(BATUTA_LLD_DIR "${BATUTA_LLD}" DIRECTORY)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_link_options("--ld-path=${BATUTA_LLD}")
  elseif(EXISTS "${BATUTA_LLD_DIR}/ld.lld")
    add_link_options("-fuse-ld=lld")
  endif()
endif()

if(BATUTA_LINT)
  find_program(BATUTA_CLANG_TIDY NAMES clang-tidy-14 clang-tidy REQUIRED)
endif()
