// Makes a large cache as other tools would have filled it: REPOS models of SNAPSHOTS commits of FILES files,
// every file a blob of its own and sound. Behind their headers the weights are holes, so that names, inodes
// and a page each take room; every tenth model is an adapter of the one before it.
//   make_cache FOLDER REPOS SNAPSHOTS FILES

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr uint64_t kMegabyte = 1'000'000;
constexpr uint64_t kAdapterEvery = 10;

void Check(int result, const char* what) {
  if (result >= 0) return;
  std::fprintf(stderr, "make_cache: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

// An open folder.
class Folder {
 public:
  explicit Folder(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    Check(fd_, path.c_str());
  }

  Folder(const Folder& parent, const std::string& name) : fd_(Make(parent, name)) {}

  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  ~Folder() { ::close(fd_); }

  void Write(const std::string& name, const std::string& text, uint64_t size_bytes) const {
    const int file = ::openat(fd_, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    Check(file, name.c_str());
    Check(static_cast<int>(::write(file, text.data(), text.size())), "write");
    Check(::ftruncate(file, static_cast<off_t>(size_bytes)), "ftruncate");
    ::close(file);
  }

  void Link(const std::string& target, const std::string& name) const {
    Check(::symlinkat(target.c_str(), fd_, name.c_str()), name.c_str());
  }

 private:
  static int Make(const Folder& parent, const std::string& name) {
    Check(::mkdirat(parent.fd_, name.c_str(), 0755), name.c_str());
    return ::openat(parent.fd_, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }

  const int fd_;
};

std::string NameOf(uint64_t repo) {
  return fmt::format("acme-{:02}/otter-{:05}", repo % 97, repo);
}

std::string PathOf(uint64_t file, uint64_t files) {
  if (file == 0) return "config.json";
  if (file == 1) return "adapter_config.json";
  return fmt::format("model-{:05}-of-{:05}.safetensors", file - 1, files - 2);
}

// A file as it begins, and how large it is.
struct Content {
  std::string begin;
  uint64_t size_bytes = 0;
};

// One tensor of so many bytes, all zero.
Content Weights(uint64_t bytes) {
  const std::string header =
      fmt::format(R"({{"w":{{"dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]}}}})", bytes);
  std::string begin(sizeof(uint64_t), '\0');  // the length of the header, little end first
  for (size_t i = 0; i < begin.size(); ++i) begin[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
  begin += header;
  return {begin, begin.size() + bytes};
}

// `number`: of the file in all of the cache. `base`: of an adapter, else empty.
Content ContentOf(uint64_t file, uint64_t number, const std::string& base) {
  if (file > 1) return Weights(number % 5'000 * kMegabyte);
  std::string text = file == 1 && !base.empty() ? fmt::format(R"({{"base_model_name_or_path": "{}"}})", base)
                                                : fmt::format(R"({{"number": {}}})", number);
  const uint64_t size_bytes = text.size();
  return {std::move(text), size_bytes};
}

void MakeRepo(const Folder& root, uint64_t number, uint64_t snapshots, uint64_t files) {
  std::string name = "models--" + NameOf(number);
  name.replace(name.find('/'), 1, "--");
  const Folder repo(root, name);
  const Folder blobs(repo, "blobs");
  const Folder refs(repo, "refs");
  const Folder folder(repo, "snapshots");
  const std::string base = number % kAdapterEvery == kAdapterEvery - 1 ? NameOf(number - 1) : "";
  for (uint64_t snapshot = 0; snapshot < snapshots; ++snapshot) {
    const uint64_t first = (number * snapshots + snapshot) * files;
    const std::string commit = fmt::format("{:040x}", 0xACE0000000000000 + first);
    const Folder links(folder, commit);
    if (snapshot == 0) refs.Write("main", commit, commit.size());
    for (uint64_t file = 0; file < files; ++file) {
      const Content content = ContentOf(file, first + file, base);
      const std::string blob = fmt::format("{:064x}", first + file);
      blobs.Write(blob, content.begin, content.size_bytes);
      links.Link("../../blobs/" + blob, PathOf(file, files));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: make_cache FOLDER REPOS SNAPSHOTS FILES\n");
    return 2;
  }
  const Folder root{std::string(argv[1])};
  const uint64_t repos = std::strtoull(argv[2], nullptr, 10);
  const uint64_t snapshots = std::strtoull(argv[3], nullptr, 10);
  const uint64_t files = std::strtoull(argv[4], nullptr, 10);
  for (uint64_t repo = 0; repo < repos; ++repo) MakeRepo(root, repo, snapshots, files);
  return 0;
}
