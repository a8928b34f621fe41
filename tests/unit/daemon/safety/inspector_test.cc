#include "daemon/safety/inspector.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "daemon/safety/name_class.h"
#include "tests/support/archives/zip_model.h"

namespace batuta::safety {
namespace {

using std::string_view_literals::operator""sv;

Outcome Look(std::string_view path, std::string_view bytes) {
  MemorySource source(bytes);
  return Inspect(path, source);
}

// "safe", or "invalid: name-mismatch code-native".
std::string Says(std::string_view path, std::string_view bytes) {
  const Outcome outcome = Look(path, bytes);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  std::string out(Judgement(outcome.verdict));
  for (const Finding& finding : outcome.verdict.findings) {
    if (out.find(finding.code) == std::string::npos) out += (out.ends_with(":") ? "" : ": ") + finding.code;
  }
  return out;
}

std::string Safetensors() {
  const std::string header = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  return bytes + header + "data";
}

TEST(Inspector, TakesWhatIsWhatItsNameSays) {
  EXPECT_EQ(Says("model.safetensors", Safetensors()), "safe");
  EXPECT_EQ(Says("a/b/pytorch_model.bin", Safetensors()), "safe");
  EXPECT_EQ(Says("README.md", "# A model\n\n`import os; os.system('x')`\n"), "safe");
  EXPECT_EQ(Says("LICENSE", "Do what you like.\n"), "safe");
  EXPECT_EQ(Says("notes.txt", ""), "safe");
  EXPECT_EQ(Says("names.csv", "caf\xE9;na\xEFve\r\n"), "safe");
  EXPECT_EQ(Look("a.bin", Safetensors()).verdict.format, "safetensors");
  EXPECT_EQ(Look("README.md", "text").verdict.format, "text");
}

TEST(Inspector, RefusesWhatIsNotWhatItsNameSays) {
  const std::string_view elf =
      "\x7F"
      "ELF\2\1\1\0"sv;
  EXPECT_EQ(Says("model.safetensors", elf), "unsafe: name-mismatch: code-native");
  EXPECT_EQ(Says("model.bin", elf), "unsafe: code-native");
  EXPECT_EQ(Says("model.gguf", Safetensors()), "invalid: name-mismatch");
  EXPECT_EQ(Says("model.safetensors", "just text"), "invalid: name-mismatch");
  EXPECT_EQ(Says("README.md", Safetensors()), "invalid: name-mismatch");
  EXPECT_EQ(Says("photo.png", Safetensors()), "invalid: name-mismatch");
  EXPECT_EQ(Says("model.safetensors", "\xFF\xFE\0\1\2\3"sv), "invalid: name-mismatch: format-unknown");
  EXPECT_EQ(Says("model.bin", "\xFF\xFE\0\1\2\3"sv), "unknown: format-unknown");
  EXPECT_EQ(Says("model.safetensors", ""), "invalid: file-empty");
}

TEST(Inspector, RefusesPrograms) {
  struct Case {
    std::string_view bytes;
    std::string_view code;
  };

  const std::string windows = "MZ" + std::string(0x3A, '\0') + std::string("\x40\0\0\0PE\0\0", 8);
  const Case cases[] = {
      {"\xFE\xED\xFA\xCF\7\0\0\1"sv, "code-native"},
      {windows, "code-native"},
      {"MZqFpD='\n"sv, "code-native"},
      {"\xCA\xFE\xBA\xBE\0\0\0\x34"sv, "code-bytecode"},
      {"\0asm\1\0\0\0"sv, "code-bytecode"},
      {"\x42\x0D\x0D\x0A\0\0\0\0\1\2\3\4\1\2\3\4"sv, "code-bytecode"},
      {"\x1BLua\x53"sv, "code-bytecode"},
      {"#!/bin/sh\n"sv, "code-script"},
      {"\xAC\xED\0\5sr"sv, "code-java-objects"},
      {"X\n\0\0\0\2"sv, "code-r-data"},
      {"RDX3\nX\n"sv, "code-r-data"},
      {"ptrt\1\2"sv, "code-engine"},
  };
  for (const Case& c : cases) EXPECT_EQ(Says("file", c.bytes), "unsafe: " + std::string(c.code));
  EXPECT_EQ(
      Says("a.txt", "MZ is how DOS programs begin, and this text does too: it goes on and on and on and on"),
      "safe");
  EXPECT_EQ(Says("a.csv", "id\r\n1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n"), "safe");
  EXPECT_EQ(Says("a.csv", "X\n1\n2\n"), "safe");
  EXPECT_EQ(Says("a.7z", "7z\xBC\xAF\x27\x1C\0\4"sv), "unknown: archive-unsupported");
  EXPECT_EQ(Says("run.sh", "#!/bin/sh\n"), "unsafe: code-script");
}

TEST(Inspector, RefusesWhatStandsInPlaceOfTheFile) {
  const std::string_view pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
  EXPECT_EQ(Says("model.safetensors", pointer), "invalid: text-lfs-pointer");
  EXPECT_EQ(Says("model.bin", pointer), "invalid: text-lfs-pointer");
  EXPECT_EQ(Says("model", pointer), "invalid: text-lfs-pointer");
  EXPECT_EQ(Says("variables.data-00000-of-00001", pointer), "invalid: text-lfs-pointer");
  EXPECT_EQ(Says("model.bin", "\n<!DOCTYPE html><p>404"), "invalid: text-html-page");
  EXPECT_EQ(Says("model.bin", "<html><script>x()</script>"), "unsafe: text-html-page: script-markup");
  EXPECT_EQ(Says("page.html", "<html><p>404"), "safe");
}

TEST(Inspector, SaysWhatItIsByName) {
  EXPECT_EQ(Says("modeling.py", "x = 1\n"), "unsafe: script-source");
  EXPECT_EQ(Says("train.ipynb", "{}"), "unsafe: script-notebook");
  EXPECT_EQ(Says("config.json", R"({"auto_map": {"AutoModel": "modeling_x.X"}})"), "unsafe: config-auto-map");
  EXPECT_EQ(Says("a.jinja", "{{ x.__class__ }}"), "unsafe: template-private");
  EXPECT_EQ(Says("a.yaml", "a: !!python/object:b.C {}"), "unsafe: yaml-tag");
}

TEST(Inspector, TakesTheNamesWordForWhatIsCodeAnyway) {
  EXPECT_EQ(Says("model.t7", "\4\0\0\0\1\0\0\0"sv), "unsafe: code-torch7");
  EXPECT_EQ(Says("model.engine", "\4\0\xFF\0\1\0\0\0"sv), "unsafe: code-engine");
}

TEST(Inspector, DependsOnThePathOnlyByItsClass) {
  for (const std::string_view path :
       {"a/model.safetensors", "x.BIN", "config.json", "weights", "v.data-00001-of-00002",
        "model.safetensors.index.json", "a.tar.gz", "m-00001-of-00003.gguf", ".gitattributes", "Makefile"}) {
    const std::string name = NameClass(path);
    EXPECT_EQ(NameClass(name), name) << path;
    for (const std::string_view bytes : {"\x7F"
                                         "ELF"sv,
                                         "text"sv, "{\"a\": 1, \"a\": 2}"sv, "\xFF\0"sv}) {
      EXPECT_EQ(Look(path, bytes).verdict, Look(name, bytes).verdict) << path;
    }
  }
  EXPECT_EQ(NameClass("a/Model-00001.SafeTensors"), "*.safetensors");
  EXPECT_EQ(NameClass("adapter_config.json"), "adapter_config.json");
  EXPECT_EQ(NameClass("a.b"), "*");
  EXPECT_EQ(NameClass("variables/variables.data-00000-of-00001"), "*.data-0-of-0");
  EXPECT_EQ(NameClass(""), "*");
  EXPECT_EQ(Look("secret/name.bin",
                 "\x7F"
                 "ELF")
                .verdict.findings[0]
                .place,
            "");
}

test::ZipModel Zip(std::string_view name, std::string_view content) {
  test::ZipModel model;
  model.members.push_back(test::StoredMember(name, content));
  return model;
}

// A torch checkpoint of which the pickle calls posix.system.
test::ZipModel Attack() {
  return Zip("archive/data.pkl", "\x80\2cposix\nsystem\nX\4\0\0\0true\x85R."sv);
}

TEST(Inspector, LooksIntoAZipBehindSomethingElse) {
  const std::string zip = test::WriteZip(Attack());
  const std::string noise = "\xFF\xFE" + std::string(100, '\1');
  const auto is_found = [](std::string_view name, std::string_view bytes) {
    const Verdict verdict = Look(name, bytes).verdict;
    return verdict.grades.Has(Grade::kMalicious) && verdict.grades.Has(Grade::kInvalid);
  };
  EXPECT_TRUE(is_found("model.safetensors", Safetensors() + zip));
  EXPECT_TRUE(is_found("model.bin", noise + zip));
  EXPECT_TRUE(is_found("notes.txt", "Some words.\n" + zip));
  EXPECT_TRUE(is_found("variables.data-00000-of-00001", noise + zip));
  // Behind a zip that is harmless by itself; readers differ on which of the two it is.
  const std::string harmless = test::WriteZip(Zip("a.txt", "text\n"));
  EXPECT_TRUE(is_found("model.zip", harmless + zip));
  // With offsets from the beginning of the file, and with the numbers of zip64.
  test::ZipModel moved = Attack();
  moved.members.front().before = noise;
  EXPECT_TRUE(is_found("model.bin", test::WriteZip(moved)));
  test::ZipModel large = Attack();
  large.has_zip64_end = true;
  EXPECT_TRUE(is_found("model.bin", noise + test::WriteZip(large)));
  // Inside an archive, and with some bytes behind it.
  EXPECT_TRUE(is_found("all.zip", test::WriteZip(Zip("model.bin", noise + zip))));
  EXPECT_TRUE(is_found("model.bin", noise + zip + "behind"));
}

TEST(Inspector, AZipBehindSomethingElseIsInvalidHoweverHarmless) {
  const std::string zip = test::WriteZip(Zip("a.txt", "text\n"));
  EXPECT_EQ(Says("model.safetensors", Safetensors() + zip), "invalid: safetensors-length: zip-appended");
  EXPECT_EQ(Says("model.bin", "\xFF\xFE\1\2PK\5\6" + std::string(18, '\0')), "unknown: format-unknown");
  // Two directories, one for those who count from the beginning and one for the others.
  std::string two = Safetensors() + zip;
  test::ZipModel second = Zip("b.txt", "text\n");
  second.directory_offset = static_cast<uint32_t>(two.find("PK\1\2"));
  two += test::WriteZip(second);
  EXPECT_NE(Says("model.safetensors", two).find("zip-unreadable"), std::string::npos);
}

TEST(Inspector, SaysWhatItKnowsFromTheFirstBytes) {
  class Beginning final : public ByteSource {
   public:
    Beginning(std::string_view here, uint64_t size_bytes) : here_(here), size_bytes_(size_bytes) {}

    uint64_t size_bytes() const override { return size_bytes_; }

    absl::Status Read(uint64_t offset, std::span<char> out) override {
      if (offset + out.size() > here_.size()) return absl::OutOfRangeError("not here yet");
      here_.copy(out.data(), out.size(), offset);
      return absl::OkStatus();
    }

   private:
    std::string_view here_;
    uint64_t size_bytes_;
  };

  Beginning elf(
      "\x7F"
      "ELF\2\1\1\0\0\0\0\0\0\0\0\0"sv,
      1'000'000);
  Outcome outcome = Inspect("model.safetensors", elf);
  EXPECT_EQ(Judgement(outcome.verdict), "unsafe");
  EXPECT_TRUE(absl::IsOutOfRange(outcome.status)) << "its end may be a zip, and worse";
  const std::string first = Safetensors();
  Beginning header(first, first.size());
  EXPECT_TRUE(Inspect("model.safetensors", header).status.ok());
  Beginning text("a text of which only a little is here", 1'000'000);
  outcome = Inspect("README.md", text);
  EXPECT_TRUE(absl::IsOutOfRange(outcome.status));
}

}  // namespace
}  // namespace batuta::safety
