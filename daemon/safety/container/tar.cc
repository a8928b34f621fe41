#include "daemon/safety/container/tar.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/container/member_name.h"
#include "daemon/safety/container/rules.h"
#include "daemon/safety/container/tar_header.h"

namespace batuta::safety {
namespace {

using tar::kBlockBytes;

constexpr uint64_t kMostEntries = 100'000;
constexpr uint64_t kMostNameBytes = 32 << 20;  // of all members
constexpr uint64_t kMostPaxBytes = 1 << 20;
constexpr uint64_t kMostLongNameBytes = 64 << 10;

// Keys of a pax header that change nothing about what a member is.
constexpr std::string_view kPaxNotes[] = {"atime",      "ctime",      "mtime",
                                          "uid",        "gid",        "uname",
                                          "gname",      "comment",    "LIBARCHIVE.creationtime",
                                          "SCHILY.dev", "SCHILY.ino", "SCHILY.nlink"};

bool IsPaxNote(std::string_view key) {
  return std::find(std::begin(kPaxNotes), std::end(kPaxNotes), key) != std::end(kPaxNotes);
}

std::string_view WithoutHere(std::string_view name) {
  while (name.starts_with("./")) name.remove_prefix(2);
  return name == "." ? std::string_view() : name;
}

class TarWalk {
 public:
  TarWalk(Subject& subject, std::vector<TarEntry>& entries)
      : subject_(subject), entries_(entries), reader_(subject.bytes()) {}

  absl::Status Run() {
    while (!done_ && Step()) {
    }
    return reader_.status();
  }

 private:
  // What an extension says of the next member.
  struct Override {
    std::optional<std::string> name;
    std::optional<uint64_t> size_bytes;
  };

  // One header and what belongs to it. False when the walk cannot go on.
  bool Step();
  bool Extension(const tar::Header& header);
  bool Pax(const tar::Header& header, bool is_global);
  bool LongName(const tar::Header& header);
  bool Member(tar::Header header);
  bool Add(const tar::Header& header, bool is_folder);
  // Skips content and the zeros that fill its last block.
  bool SkipContent(uint64_t size_bytes);
  bool SkipPadding(uint64_t size_bytes);
  void ReadEnd();

  bool Stop(const Rule& rule, std::string_view text) {
    // After a read that failed nothing is known about the content.
    if (!reader_.status().ok()) return false;
    subject_.Add(rule, at_, text);
    subject_.Add(rules::kTarUnreadable, at_, "what follows in the tar is not known");
    return false;
  }

  Subject& subject_;
  std::vector<TarEntry>& entries_;
  ByteReader reader_;
  uint64_t at_ = 0;  // of the header
  bool done_ = false;
  Override override_;
  bool is_overridden_ = false;
  uint64_t name_bytes_ = 0;
  absl::flat_hash_set<std::string> names_;
};

bool TarWalk::Step() {
  at_ = reader_.offset();
  std::array<char, kBlockBytes> bytes;
  const std::string_view block(bytes.data(), bytes.size());
  if (!reader_.Next(bytes)) return Stop(rules::kTarCut, "it ends without an end mark");
  if (tar::IsZero(block)) {
    ReadEnd();
    return false;
  }
  std::optional<tar::Header> header = tar::ParseHeader(block);
  if (!header) return Stop(rules::kTarHeader, "a header is damaged, or readers would not see the same in it");
  switch (header->type) {
    case 'x':
    case 'g':
    case 'L':
      return Extension(*header);
    default:
      return Member(*std::move(header));
  }
}

bool TarWalk::Extension(const tar::Header& header) {
  if (is_overridden_) return Stop(rules::kTarExtension, "two extensions in a row");
  if (header.type == 'L') return LongName(header);
  return Pax(header, header.type == 'g');
}

bool TarWalk::Pax(const tar::Header& header, bool is_global) {
  std::string content;
  if (header.size_bytes > kMostPaxBytes || !reader_.Append(header.size_bytes, content) ||
      !SkipPadding(header.size_bytes)) {
    return Stop(rules::kTarExtension, "a pax header is cut off or too long");
  }
  std::optional<tar::PaxRecords> records = tar::ParsePax(content);
  if (!records) return Stop(rules::kTarExtension, "a pax header is damaged");
  is_overridden_ = !is_global;
  for (auto& [key, value] : *records) {
    if (!is_global && key == "path") {
      override_.name = std::move(value);
    } else if (!is_global && key == "size" && tar::ParsePaxSize(value)) {
      override_.size_bytes = tar::ParsePaxSize(value);
    } else if (!IsPaxNote(key)) {
      return Stop(rules::kTarExtension, fmt::format("a pax header says {}", Quoted(key)));
    }
  }
  return true;
}

bool TarWalk::LongName(const tar::Header& header) {
  std::string name;
  if (header.size_bytes > kMostLongNameBytes || !reader_.Append(header.size_bytes, name) ||
      !SkipPadding(header.size_bytes)) {
    return Stop(rules::kTarExtension, "a long name is cut off or too long");
  }
  if (name.ends_with('\0')) name.pop_back();
  override_.name = std::move(name);
  is_overridden_ = true;
  return true;
}

bool TarWalk::Member(tar::Header header) {
  const Override said = std::exchange(override_, {});
  is_overridden_ = false;
  if (said.name) header.name = *said.name;
  if (said.size_bytes) {
    if (header.size_bytes != *said.size_bytes && header.size_bytes != 0) {
      return Stop(rules::kTarExtension, "a member has two sizes");
    }
    header.size_bytes = *said.size_bytes;
  }
  const bool is_folder = header.type == '5' || header.name.ends_with('/');
  CheckMemberMode(subject_, header.name, header.mode, is_folder, at_);
  switch (header.type) {
    case '0':
    case '5':
      return Add(header, is_folder);
    case '1':
    case '2':
    case '3':
    case '4':
    case '6':
      subject_.Add(rules::kMemberLink, at_,
                   fmt::format("the member {} is a link or a device", Quoted(header.name)));
      // Not all readers skip what follows one.
      return header.size_bytes == 0 || Stop(rules::kTarHeader, "a link has content");
    default:
      return Stop(rules::kTarExtension,
                  fmt::format("{} is of type {}", Quoted(header.name), Quoted({&header.type, 1})));
  }
}

bool TarWalk::Add(const tar::Header& header, bool is_folder) {
  const std::string_view name = WithoutHere(header.name);
  name_bytes_ += name.size();
  if (entries_.size() == kMostEntries || name_bytes_ > kMostNameBytes) {
    return Stop(rules::kTarCount, fmt::format("more than {} members", entries_.size()));
  }
  // The folder itself is a member of what `tar c .` writes.
  if (!(name.empty() && is_folder)) CheckMemberName(subject_, name, at_);
  if (!names_.insert(FoldedMemberName(name)).second) {
    subject_.Add(rules::kMemberTwice, at_, fmt::format("there are two members {}", Quoted(name)));
  }
  if (is_folder && header.size_bytes != 0) {
    subject_.Add(rules::kMemberFolder, at_, fmt::format("the folder {} has content", Quoted(name)));
    return Stop(rules::kTarHeader, "not all readers skip what follows a folder");
  }
  const TarEntry entry{std::string(name), reader_.offset(), header.size_bytes, is_folder};
  if (entry.size_bytes > reader_.left_bytes()) {
    return Stop(rules::kTarCut, fmt::format("{} is cut off", Quoted(name)));
  }
  entries_.push_back(entry);
  return SkipContent(header.size_bytes);
}

bool TarWalk::SkipContent(uint64_t size_bytes) {
  return reader_.Skip(size_bytes) && SkipPadding(size_bytes);
}

bool TarWalk::SkipPadding(uint64_t size_bytes) {
  std::array<char, kBlockBytes> bytes;
  const std::span<char> padding(bytes.data(), (kBlockBytes - size_bytes % kBlockBytes) % kBlockBytes);
  if (!reader_.Next(padding)) return Stop(rules::kTarCut, "it ends within a block");
  if (!tar::IsZero({padding.data(), padding.size()})) {
    subject_.Add(rules::kTarTrailing, reader_.offset() - padding.size(), "something fills the last block");
  }
  return true;
}

void TarWalk::ReadEnd() {
  done_ = true;
  uint64_t blocks = 1;
  if (reader_.size_bytes() % kBlockBytes != 0) {
    subject_.Add(rules::kTarTrailing, reader_.size_bytes(), "it does not end with a whole block");
  }
  for (; !reader_.at_end(); ++blocks) {
    const std::string_view here = reader_.Peek(kBlockBytes);
    if (here.empty()) return;
    if (!tar::IsZero(here)) {
      Stop(rules::kTarTrailing, "something follows the end mark");
      return;
    }
    reader_.Skip(here.size());
  }
  if (blocks < 2) subject_.Add(rules::kTarCut, at_, "the end mark is cut off");
}

}  // namespace

bool IsTar(std::string_view first_bytes) {
  return first_bytes.size() >= kBlockBytes && !tar::IsZero(first_bytes.substr(0, 1)) &&
         tar::HasChecksum(first_bytes.substr(0, kBlockBytes));
}

absl::Status ReadTar(Subject& subject, std::vector<TarEntry>& entries) {
  return TarWalk(subject, entries).Run();
}

}  // namespace batuta::safety
