#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace batuta::test {

// One kind of secret, as its vendor describes it: not as the scanner's rule does.
struct FakeFormat {
  std::string_view kind;
  std::string_view before;  // on its line
  std::string_view secret;  // `{34:A}` is 34 random characters of an alphabet, see Filled()
  std::string_view after;
};

std::span<const FakeFormat> FakeFormats();

struct FakeSecret {
  std::string kind;
  std::string line;          // without a line end, but where the kind needs several
  std::string secret;        // a part of it that nothing may ever print
  uint64_t secret_line = 0;  // of the secret, counted from the first of `line`
};

// Random values of every kind.
class FakeSecrets {
 public:
  explicit FakeSecrets(uint64_t seed) : random_(seed) {}

  std::vector<FakeSecret> OfEveryKind();
  FakeSecret Of(std::string_view kind);

  // Alphabets: L letters, A letters and digits, l small letters and digits, U large ones and digits, d
  // digits, x hex, B base 32, 6 base 64, u base 64 for URLs, b bech32, s base 58, w words of prose.
  std::string Filled(std::string_view format);
  std::string Characters(size_t count, char alphabet);

  std::string GithubToken(std::string_view prefix, size_t random_characters = 30);
  std::string PrivateKey(std::string_view algorithm, std::string_view line_end);
  std::string JsonWebToken(std::string_view payload);

  std::mt19937_64& random() { return random_; }

 private:
  FakeSecret Make(const FakeFormat& format);

  std::mt19937_64 random_;
};

std::string Base64(std::string_view bytes);
std::string Base64Url(std::string_view bytes);
std::string Hex(std::string_view bytes);
std::string Percent(std::string_view bytes);  // every byte
std::string Utf16(std::string_view ascii, bool is_big_endian, bool has_mark);

}  // namespace batuta::test
