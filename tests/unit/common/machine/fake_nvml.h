#pragma once

#include <string>
#include <vector>

namespace batuta {

// What the library of fake_nvml.cc answers; set through its function `fake_nvml_play`, which keeps the
// pointer.
struct FakeNvml {
  struct Gpu {
    std::string name = {};
    std::string uuid = {};
    unsigned long long total = 0;
    unsigned long long free = 0;
    int handle_code = 0;   // of getting hold of the GPU
    int memory_code = 0;   // of both versions of the memory info
    int memory2_code = 0;  // of version 2 alone
    bool has_mig = false;
    std::vector<Gpu> instances = {};  // those with handle_code 6 are gaps
  };

  int init_code = 0;
  int count_code = 0;
  std::vector<Gpu> gpus;
  int open = 0;  // calls of init less calls of shutdown
};

}  // namespace batuta
