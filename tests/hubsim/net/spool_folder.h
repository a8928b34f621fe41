// SpoolFolder is where long request bodies lie: a folder of the simulator's own, gone with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tests/hubsim/net/socket.h"

namespace batuta::hubsim {

class SpoolFolder {
 public:
  struct File {
    std::string path;
    Descriptor descriptor;  // to write from the beginning
  };

  // A new folder below `parent`; where temporary folders usually are when it is empty.
  //   kUnavailable    it cannot be made.
  static absl::StatusOr<std::unique_ptr<SpoolFolder>> Make(std::filesystem::path parent);

  // Removes the folder with all that is in it.
  ~SpoolFolder();
  SpoolFolder(const SpoolFolder&) = delete;
  SpoolFolder& operator=(const SpoolFolder&) = delete;

  // Makes so many files of so many bytes ahead, which the next bodies overwrite. On a virtual machine that
  // gives unused memory back to its host, a new page of a file can cost ten times what it costs to fill it,
  // and whoever measures senders would measure that.
  //   kUnavailable    the disk refused.
  absl::Status Prepare(std::size_t count, std::uint64_t bytes);

  // A file for one body, which whoever takes it removes; it may be longer than the body will be. Nothing when
  // the disk refuses. From any thread.
  std::optional<File> Open();

 private:
  explicit SpoolFolder(std::filesystem::path path) : path_(std::move(path)) {}

  std::optional<File> Create();

  const std::filesystem::path path_;
  std::mutex mutex_;
  std::vector<File> ready_;
};

}  // namespace batuta::hubsim
