#pragma once

#include <string>

namespace batuta::cache {

// What names this run of the machine, and so the life of its page cache. Where the kernel does not tell, a
// value that no other process gets: then less is believed after a restart, never too much.
std::string ReadBootId();

}  // namespace batuta::cache
