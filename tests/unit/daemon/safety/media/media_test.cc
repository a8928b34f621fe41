#include "daemon/safety/media/media.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/safety/inspect.h"

namespace batuta::safety {
namespace {

using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;

// What the format that recognises the bytes finds; "unrecognised" when none does.
std::string Codes(std::string_view bytes) {
  for (const MediaFormat& format : MediaFormats()) {
    if (bytes.size() < format.offset || !bytes.substr(format.offset).starts_with(format.signature)) continue;
    return CodesOf(InspectWith(format.inspect, bytes, "file"));
  }
  return "unrecognised";
}

std::string Chunk(std::string_view kind, std::string_view data) {
  return "\0\0\0"s + static_cast<char>(data.size()) + std::string(kind) + std::string(data) + "crc!";
}

std::string Mp3Frame() {
  return "\xFF\xFB\x10\xC0"s + std::string(104 - 4, '\0');  // 32 kbit/s at 44.1 kHz
}

std::string Ogg(std::string_view data) {
  return "OggS"s + std::string(22, '\0') + '\1' + static_cast<char>(data.size()) + std::string(data);
}

struct Case {
  std::string_view name;
  std::string file;
  bool ends_by_itself = true;  // its last byte is known: one more is one too many
};

std::vector<Case> Files() {
  return {
      {"png", "\x89PNG\r\n\x1A\n" + Chunk("IHDR", std::string(13, '\1')) + Chunk("IDAT", "data") +
                  Chunk("IEND", "")},
      {"gif", "GIF89a\1\0\1\0\x80\0\0\0\0\0\xFF\xFF\xFF!\xF9\4\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"s},
      {"jpeg", "\xFF\xD8\xFF\xE0\0\4ab\xFF\xDA\0\4cdpicture\xFF\0more\xFF\xD3more\xFF\xD9"s},
      {"two jpegs", "\xFF\xD8\xFF\xE0\0\4ab\xFF\xD9\xFF\xD8\xFF\xE0\0\4ab\xFF\xD9"s},
      {"wav", "RIFF\x18\0\0\0WAVEfmt \2\0\0\0abdata\2\0\0\0cd"s},
      {"webp", "RIFF\x10\0\0\0WEBPVP8L\3\0\0\0abc\0"s},
      {"flac", "fLaC\x80\0\0\2ab\xFF\xF8sound"s, false},
      {"ogg", Ogg("one") + Ogg("two")},
      {"mp3", "ID3\4\0\0\0\0\0\2ab"s + Mp3Frame() + Mp3Frame() + "TAG" + std::string(125, ' ')},
      {"mp3 without tags", Mp3Frame() + Mp3Frame()},
      {"mp4",
       "\0\0\0\x0C"
       "ftypisom\0\0\0\x0Amdatab"s +
           "\0\0\0\1free\0\0\0\0\0\0\0\x11x"s},
      {"mp4 that goes on to its end",
       "\0\0\0\x0C"
       "ftypisom\0\0\0\0mdatab"s,
       false},
      {"webm",
       "\x1A\x45\xDF\xA3\x82"
       "ab\x18\x53\x80\x67\x40\3abc"s},
      {"webm of unknown length",
       "\x1A\x45\xDF\xA3\x82"
       "ab\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
       "abc"s,
       false},
      {"pdf", "%PDF-1.7\n1 0 obj\n%%EOF\n"s},
      {"parquet", "PAR1datafoot\4\0\0\0PAR1"s, false},
      {"arrow", "ARROW1\0\0datafoot\4\0\0\0ARROW1"s, false},
  };
}

TEST(Media, NoAlarmOnFilesThatEndWhereTheirFormatSays) {
  for (const Case& each : Files()) EXPECT_EQ(Codes(each.file), "") << each.name;
}

TEST(Media, RefusesWhatFollowsTheEnd) {
  for (const Case& each : Files()) {
    EXPECT_NE(Codes(each.file + "PK\5\6" + std::string(18, '\0')), "") << each.name;
    if (!each.ends_by_itself) continue;
    EXPECT_NE(Codes(each.file + "\x0B"), "") << each.name;
  }
}

TEST(Media, RefusesFilesThatEndTooEarly) {
  for (const Case& each : Files()) {
    if (!each.ends_by_itself) continue;
    // Two bytes less, so that a file with two ends does not end at the first.
    for (size_t size = 16; size + 2 < each.file.size(); size += 7) {
      EXPECT_NE(Codes(std::string_view(each.file).substr(0, size)), "") << each.name << " " << size;
    }
  }
}

TEST(Media, TablesHaveTheirSignatureAtBothEndsAndRoomForTheFooter) {
  EXPECT_EQ(Codes("PAR1datafoot\4\0\0\0PAR2"sv), "media-broken");
  EXPECT_EQ(Codes("PAR1datafoot\x40\0\0\0PAR1"sv), "media-broken");
  EXPECT_EQ(Codes("PAR1PAR1"sv), "media-broken");
}

TEST(Media, SizesThatDoNotFitAreRefused) {
  EXPECT_EQ(Codes("RIFF\xFF\xFF\xFF\xFFWAVEdata\xFF\xFF\xFF\xFF"
                  "ab"sv),
            "media-broken");
  EXPECT_EQ(Codes("\0\0\0\x04"
                  "ftypisom"sv),
            "media-broken");
  EXPECT_EQ(Codes("\0\0\0\1ftyp\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"sv), "media-broken");
  EXPECT_EQ(Codes("\x89PNG\r\n\x1A\n\xFF\xFF\xFF\xFFIHDR"sv), "media-broken");
}

}  // namespace
}  // namespace batuta::safety
