// Digests as the hub uses them: sha256 of content, and git's sha1 object ids.
//
// Thread safety: the functions hold no state; a Hasher belongs to one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace batuta::hubsim {

using Sha1Digest = std::array<std::uint8_t, 20>;
using Sha256Digest = std::array<std::uint8_t, 32>;

// Hasher digests a stream of bytes once; after a Finish call it is spent.
class Hasher {
 public:
  enum class Algorithm { kSha1, kSha256 };

  explicit Hasher(Algorithm algorithm);
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void Update(std::string_view bytes);
  Sha1Digest FinishSha1();
  Sha256Digest FinishSha256();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Lower-case hexadecimal.
std::string Hex(std::span<const std::uint8_t> bytes);

// Nothing unless `text` is 64 hexadecimal digits.
std::optional<Sha256Digest> ParseSha256(std::string_view text);

// The id git gives an object: sha1 of "<type> <size>\0<body>".
Sha1Digest GitObjectId(std::string_view type, std::string_view body);

std::string Sha256Hex(std::string_view bytes);

// HMAC-SHA256 in hex, for signed URLs.
std::string HmacHex(std::string_view key, std::string_view message);

}  // namespace batuta::hubsim
