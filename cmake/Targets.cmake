# The two shapes of target that this project has, with their warnings and their declared edges.

add_library(batuta_warnings INTERFACE)
target_compile_options(batuta_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # GCC 12 sees overlaps in std::string and unset values in std::optional that are not there, once it optimises.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  # What users build must not fail for a warning that their compiler is the first to give.
  $<$<NOT:$<CONFIG:Release>>:-Werror>)
target_include_directories(batuta_warnings INTERFACE "${CMAKE_SOURCE_DIR}")

function(batuta_apply_lint target)
  if(BATUTA_LINT)
    set_target_properties(${target} PROPERTIES CXX_CLANG_TIDY
      "${BATUTA_CLANG_TIDY};--quiet;--warnings-as-errors=*")
  endif()
endfunction()

# batuta_library(<name> SOURCES <file>... [PUBLIC <target>...] [PRIVATE <target>...])
# One static library per folder. PUBLIC edges are seen in its headers, PRIVATE ones only in its sources.
function(batuta_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE batuta_warnings ${ARG_PRIVATE})
  target_include_directories(${name} PUBLIC "${CMAKE_SOURCE_DIR}")
  batuta_apply_lint(${name})
endfunction()

# batuta_builds_for(<label> <target>): the tests of that label run it.
function(batuta_builds_for label target)
  if(NOT TARGET ${label}_tests)
    add_custom_target(${label}_tests)
  endif()
  add_dependencies(${label}_tests ${target})
endfunction()

# batuta_test(<name> LABEL <label> SOURCES <file>... LIBS <target>... [TIMEOUT <seconds>])
# One GoogleTest binary; it links the libraries named and nothing else, so an undeclared edge fails at its link.
# ThreadSanitizer is told that the packaged libraries are not instrumented: what their threads hand to each other looks like
# a race. The target <label>_tests builds all of one label.
function(batuta_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE batuta_warnings ${ARG_LIBS} GTest::gmock_main)
  batuta_apply_lint(${name})
  batuta_builds_for(${ARG_LABEL} ${name})
  add_test(NAME ${name} COMMAND ${name} --gtest_shuffle)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1")
endfunction()

# batuta_fuzzed(<target>): parses foreign bytes; instrumented where a fuzzer is built, so that it sees which way they took.
function(batuta_fuzzed target)
  if(BATUTA_FUZZER)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# batuta_fuzz(<name> SOURCES <file>... CORPUS <folder> LIBS <target>...)
# One fuzz target, run for a bounded time. With Clang's fuzzer (preset asan) `<binary> FOLDER` goes on for as long as one
# likes; elsewhere the corpus and mutations of it are replayed.
function(batuta_fuzz name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE batuta_warnings ${ARG_LIBS})
  set(corpus "${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CORPUS}")
  if(BATUTA_FUZZER)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set(found "${CMAKE_CURRENT_BINARY_DIR}/${name}.found")
    file(MAKE_DIRECTORY "${found}")
    add_test(NAME ${name} COMMAND ${name} -runs=50000 -max_total_time=60 -seed=1 -max_len=8192 -timeout=10 -rss_limit_mb=1024
      "-artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/" "${found}" "${corpus}")
  else()
    target_link_libraries(${name} PRIVATE batuta_test_fuzz)
    add_test(NAME ${name} COMMAND ${name} 20000 "${corpus}")
  endif()
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
