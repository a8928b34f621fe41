# batuta_embed_text(<target> <file> <function>): compiles the text of `file` into `target`, as `std::string_view <function>()` of
# namespace batuta::embedded; nothing is read when the program runs.
function(batuta_embed_text target file function)
  get_filename_component(path "${file}" ABSOLUTE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
  file(READ "${path}" text)
  set(source "${CMAKE_CURRENT_BINARY_DIR}/${function}.embedded.cc")
  file(CONFIGURE OUTPUT "${source}" @ONLY CONTENT [=[// Made from @file@.
#include <string_view>

namespace batuta::embedded {

std::string_view @function@();

std::string_view @function@() {
  return R"embedded(@text@)embedded";
}

}  // namespace batuta::embedded
]=])
  target_sources(${target} PRIVATE "${source}")
endfunction()
