#include "daemon/safety/media/media.h"

#include <algorithm>
#include <bit>
#include <string>

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/media/mpeg_audio.h"
#include "daemon/safety/media/rules.h"

namespace batuta::safety {
namespace {

// NOLINTNEXTLINE(misc-unused-using-decls): the literals use it, without its name.
using std::string_view_literals::operator""sv;

template <typename Number>
bool NextBig(ByteReader& reader, Number& out) {
  if (!reader.Next(out)) return false;
  if constexpr (sizeof(Number) == 2) out = __builtin_bswap16(out);
  if constexpr (sizeof(Number) == 4) out = __builtin_bswap32(out);
  if constexpr (sizeof(Number) == 8) out = __builtin_bswap64(out);
  return true;
}

absl::Status Broken(Subject& subject, const ByteReader& reader) {
  if (reader.status().ok())
    subject.Add(rules::kMediaBroken, reader.offset(), "it breaks its format, or ends too early");
  return reader.status();
}

absl::Status Ends(Subject& subject, const ByteReader& reader) {
  if (!reader.at_end()) subject.Add(rules::kMediaTrailing, reader.offset(), "bytes behind its end");
  return absl::OkStatus();
}

// For formats whose own end nothing tells: no zip may end where they do.
absl::Status EndsWithoutZip(Subject& subject) {
  constexpr uint64_t kFarthest = (64 << 10) + 22;  // a comment and the record before it
  const uint64_t size = subject.size_bytes();
  ByteReader reader(subject.bytes(), size - std::min(size, kFarthest));
  std::string tail;
  if (!reader.Append(reader.left_bytes(), tail)) return reader.status();
  if (tail.find("PK\5\6") != tail.npos) subject.Add(rules::kMediaTrailing, size, "a zip ends where it does");
  return absl::OkStatus();
}

absl::Status InspectPng(Subject& subject) {
  subject.SetFormat("png");
  ByteReader reader(subject.bytes(), 8);
  for (bool is_first = true;; is_first = false) {
    uint32_t length = 0;
    uint32_t kind = 0;
    if (!NextBig(reader, length) || !NextBig(reader, kind) || !reader.Skip(uint64_t{length} + 4)) {
      return Broken(subject, reader);
    }
    constexpr uint32_t kHeader = 0x49484452;
    constexpr uint32_t kEnd = 0x49454E44;
    if (is_first != (kind == kHeader)) return Broken(subject, reader);
    if (kind == kEnd) return Ends(subject, reader);
  }
}

bool SkipGifBlocks(ByteReader& reader) {
  for (uint8_t length = 1; length != 0;) {
    if (!reader.Next(length) || !reader.Skip(length)) return false;
  }
  return true;
}

bool SkipGifColours(ByteReader& reader, uint8_t flags) {
  return (flags & 0x80) == 0 || reader.Skip(uint64_t{3} << ((flags & 7) + 1));
}

absl::Status InspectGif(Subject& subject) {
  subject.SetFormat("gif");
  ByteReader reader(subject.bytes(), 10);
  uint8_t flags = 0;
  if (!reader.Next(flags) || !reader.Skip(2) || !SkipGifColours(reader, flags))
    return Broken(subject, reader);
  for (uint8_t kind = 0; reader.Next(kind);) {
    if (kind == 0x3B) return Ends(subject, reader);
    const bool is_image = kind == 0x2C;
    if (!is_image && kind != 0x21) break;
    if (is_image && (!reader.Skip(8) || !reader.Next(flags) || !SkipGifColours(reader, flags))) break;
    if (!reader.Skip(1) || !SkipGifBlocks(reader)) break;
  }
  return Broken(subject, reader);
}

// Passes over the coded picture, up to and with the marker that ends it.
bool NextJpegMarker(ByteReader& reader, bool is_coded, uint8_t& marker) {
  uint8_t byte = 0;
  while (reader.Next(byte)) {
    if (byte != 0xFF) {
      if (!is_coded) return false;
      continue;
    }
    while (reader.Next(marker) && marker == 0xFF) {
    }
    if (reader.failed()) return false;
    const bool is_stuffed = marker == 0 || (marker >= 0xD0 && marker <= 0xD7);
    if (!is_coded || !is_stuffed) return marker != 0;
  }
  return false;
}

absl::Status InspectJpeg(Subject& subject) {
  subject.SetFormat("jpeg");
  ByteReader reader(subject.bytes(), 2);
  bool is_coded = false;
  for (uint8_t marker = 0; NextJpegMarker(reader, is_coded, marker);) {
    is_coded = marker == 0xDA;
    if (marker == 0xD9) {
      // Cameras put a second picture behind the first.
      if (reader.Peek(3) != "\xFF\xD8\xFF"sv)
        return reader.status().ok() ? Ends(subject, reader) : reader.status();
      reader.Skip(2);
      continue;
    }
    uint16_t length = 0;
    if (!NextBig(reader, length) || length < 2 || !reader.Skip(length - 2U)) break;
  }
  return Broken(subject, reader);
}

absl::Status InspectRiff(Subject& subject) {
  subject.SetFormat("riff");
  ByteReader reader(subject.bytes());
  uint32_t size = 0;
  if (reader.Peek(4) != "RIFF" || !reader.Skip(4) || !reader.Next(size) || !reader.Skip(4)) {
    return Broken(subject, reader);
  }
  const uint64_t end = uint64_t{size} + 8;
  while (reader.offset() < end) {
    uint32_t length = 0;
    if (!reader.Skip(4) || !reader.Next(length)) return Broken(subject, reader);
    const uint64_t padded = uint64_t{length} + length % 2;
    if (!reader.Skip(reader.offset() + padded == end + 1 ? length : padded)) return Broken(subject, reader);
  }
  return reader.offset() == end ? Ends(subject, reader) : Broken(subject, reader);
}

absl::Status InspectFlac(Subject& subject) {
  subject.SetFormat("flac");
  ByteReader reader(subject.bytes(), 4);
  for (bool is_last = false; !is_last;) {
    uint32_t head = 0;
    if (!NextBig(reader, head) || !reader.Skip(head & 0xFFFFFF)) return Broken(subject, reader);
    is_last = head >> 31 != 0;
  }
  uint16_t frame = 0;
  if (!NextBig(reader, frame) || (frame & 0xFFFC) != 0xFFF8) return Broken(subject, reader);
  return EndsWithoutZip(subject);
}

absl::Status InspectOgg(Subject& subject) {
  subject.SetFormat("ogg");
  ByteReader reader(subject.bytes());
  while (!reader.at_end()) {
    if (reader.Peek(4) != "OggS")
      return reader.status().ok() && reader.offset() > 0 ? Ends(subject, reader) : Broken(subject, reader);
    uint8_t count = 0;
    std::string lengths;
    if (!reader.Skip(26) || !reader.Next(count) || !reader.Append(count, lengths))
      return Broken(subject, reader);
    uint64_t bytes = 0;
    for (const char length : lengths) bytes += static_cast<uint8_t>(length);
    if (!reader.Skip(bytes)) return Broken(subject, reader);
  }
  return absl::OkStatus();
}

// MP4, QuickTime, HEIF, AVIF: boxes from the first byte to the last.
absl::Status InspectBoxes(Subject& subject) {
  subject.SetFormat("iso media");
  ByteReader reader(subject.bytes());
  while (!reader.at_end()) {
    const uint64_t begin = reader.offset();
    uint32_t size = 0;
    if (!NextBig(reader, size) || !reader.Skip(4)) return Broken(subject, reader);
    if (size == 0) return EndsWithoutZip(subject);  // it goes on to the end of the file
    uint64_t whole = size;
    if (size == 1 && !NextBig(reader, whole)) return Broken(subject, reader);
    if (whole < reader.offset() - begin || !reader.Skip(whole - (reader.offset() - begin))) {
      return Broken(subject, reader);
    }
  }
  return absl::OkStatus();
}

// A number of EBML: as many bytes as its first one says. `is_open`: its length is not known.
bool NextEbml(ByteReader& reader, bool keeps_marker, uint64_t& out, bool& is_open) {
  uint8_t first = 0;
  if (!reader.Next(first) || first == 0) return false;
  const int more = std::countl_zero(first);
  const uint8_t mask = static_cast<uint8_t>(0x7FU >> more);
  out = keeps_marker ? first : first & mask;
  is_open = (first & mask) == mask;
  for (int i = 0; i < more; ++i) {
    uint8_t byte = 0;
    if (!reader.Next(byte)) return false;
    out = out << 8U | byte;
    is_open = is_open && byte == 0xFF;
  }
  return true;
}

absl::Status InspectMatroska(Subject& subject) {
  subject.SetFormat("matroska");
  ByteReader reader(subject.bytes());
  while (!reader.at_end()) {
    uint64_t id = 0;
    uint64_t size = 0;
    bool is_open = false;
    if (!NextEbml(reader, true, id, is_open) || !NextEbml(reader, false, size, is_open))
      return Broken(subject, reader);
    if (is_open) return EndsWithoutZip(subject);
    if (!reader.Skip(size)) return Broken(subject, reader);
  }
  return absl::OkStatus();
}

absl::Status InspectPdf(Subject& subject) {
  subject.SetFormat("pdf");
  const uint64_t size = subject.size_bytes();
  ByteReader reader(subject.bytes(), size - std::min<uint64_t>(size, 1024));
  std::string tail;
  if (!reader.Append(reader.left_bytes(), tail)) return reader.status();
  const size_t end = tail.rfind("%%EOF");
  if (end == tail.npos) return Broken(subject, reader);
  if (tail.find_first_not_of("\r\n \t\0"sv, end + 5) != tail.npos) {
    subject.Add(rules::kMediaTrailing, size - tail.size() + end + 5, "bytes behind its end");
  }
  return EndsWithoutZip(subject);
}

// Both ends have the signature, and before the last stands how long the footer is.
absl::Status InspectTable(Subject& subject, std::string_view format, std::string_view head,
                          std::string_view tail) {
  subject.SetFormat(format);
  const uint64_t size = subject.size_bytes();
  if (size < head.size() + sizeof(uint32_t) + tail.size()) {
    subject.Add(rules::kMediaBroken, size, "it is too short for its format");
    return absl::OkStatus();
  }
  ByteReader reader(subject.bytes(), size - sizeof(uint32_t) - tail.size());
  uint32_t footer = 0;
  if (!reader.Next(footer)) return reader.status();
  const uint64_t room = reader.offset() - sizeof(uint32_t) - head.size();
  const bool has_tail = reader.Peek(tail.size()) == tail;
  if (!reader.status().ok()) return reader.status();
  if (!has_tail || footer == 0 || footer > room) {
    subject.Add(rules::kMediaBroken, size - tail.size(), "it does not end as its format does");
  }
  return absl::OkStatus();
}

absl::Status InspectParquet(Subject& subject) {
  return InspectTable(subject, "parquet", "PAR1", "PAR1");
}

absl::Status InspectArrow(Subject& subject) {
  return InspectTable(subject, "arrow", "ARROW1\0\0"sv, "ARROW1");
}

absl::Status InspectFeather(Subject& subject) {
  return InspectTable(subject, "feather", "FEA1", "FEA1");
}

constexpr MediaFormat kFormats[] = {
    {"\x89PNG\r\n\x1A\n"sv, 0, "a picture", false, InspectPng},
    {"GIF87a"sv, 0, "a picture", false, InspectGif},
    {"GIF89a"sv, 0, "a picture", false, InspectGif},
    {"\xFF\xD8\xFF"sv, 0, "a picture", false, InspectJpeg},
    {"WEBP"sv, 8, "a picture", false, InspectRiff},
    {"WAVE"sv, 8, "sound", false, InspectRiff},
    {"AVI "sv, 8, "a film", false, InspectRiff},
    {"fLaC"sv, 0, "sound", false, InspectFlac},
    {"OggS"sv, 0, "sound", false, InspectOgg},
    {"ID3"sv, 0, "sound", false, InspectMpegAudio},
    {"\xFF\xFB"sv, 0, "sound", false, InspectMpegAudio},
    {"\xFF\xFA"sv, 0, "sound", false, InspectMpegAudio},
    {"\xFF\xF3"sv, 0, "sound", false, InspectMpegAudio},
    {"\xFF\xF2"sv, 0, "sound", false, InspectMpegAudio},
    {"ftyp"sv, 4, "a film", false, InspectBoxes},
    {"\x1A\x45\xDF\xA3"sv, 0, "a film", false, InspectMatroska},
    {"%PDF-"sv, 0, "a PDF", false, InspectPdf},
    {"PAR1"sv, 0, "Parquet", true, InspectParquet},
    {"ARROW1\0\0"sv, 0, "Arrow", true, InspectArrow},
    {"FEA1"sv, 0, "Arrow", true, InspectFeather},
};

}  // namespace

std::span<const MediaFormat> MediaFormats() {
  return kFormats;
}

}  // namespace batuta::safety
