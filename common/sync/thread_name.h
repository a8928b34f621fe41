#pragma once

#include <string>

namespace batuta {

// Names the calling thread for debuggers and `top -H`; the kernel keeps 15 bytes, the rest is cut.
void NameThisThread(const std::string& name);

}  // namespace batuta
