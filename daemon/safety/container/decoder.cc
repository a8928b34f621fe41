#include "daemon/safety/container/decoder.h"

#include <algorithm>

#define ZLIB_CONST  // its input is const
#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace batuta::safety {
namespace {

// zlib and bzip2 count in 32 bits.
constexpr size_t kMostAtOnce = 1 << 30;

class Inflater final : public Decoder {
 public:
  // `window_bits` chooses between raw deflate, zlib and gzip.
  explicit Inflater(int window_bits)
      : initialised_(inflateInit2(&stream_, window_bits) == Z_OK), ready_(initialised_) {}

  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  ~Inflater() override {
    if (initialised_) inflateEnd(&stream_);
  }

  Step Decode(std::string_view in, std::span<char> out) override {
    if (!ready_) return {.state = State::kTooMuchMemory};
    in = in.substr(0, kMostAtOnce);
    out = out.first(std::min(out.size(), kMostAtOnce));
    stream_.next_in = reinterpret_cast<const Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) ready_ = inflateReset(&stream_) == Z_OK;
    return {in.size() - stream_.avail_in, out.size() - stream_.avail_out, StateOf(result)};
  }

  std::unique_ptr<Decoder> Clone() override {
    auto clone = std::unique_ptr<Inflater>(new Inflater);
    clone->initialised_ = ready_ && inflateCopy(&clone->stream_, &stream_) == Z_OK;
    clone->ready_ = clone->initialised_;
    return clone;
  }

 private:
  Inflater() = default;

  static State StateOf(int result) {
    switch (result) {
      case Z_OK:
      case Z_BUF_ERROR:  // no progress was possible
        return State::kMore;
      case Z_STREAM_END:
        return State::kEnd;
      case Z_MEM_ERROR:
        return State::kTooMuchMemory;
      default:
        return State::kBroken;
    }
  }

  z_stream stream_{};
  bool initialised_ = false;
  bool ready_ = false;
};

class Bunzipper final : public Decoder {
 public:
  Bunzipper() : ready_(BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK) {}

  Bunzipper(const Bunzipper&) = delete;
  Bunzipper& operator=(const Bunzipper&) = delete;

  ~Bunzipper() override {
    if (ready_) BZ2_bzDecompressEnd(&stream_);
  }

  Step Decode(std::string_view in, std::span<char> out) override {
    if (!ready_) return {.state = State::kTooMuchMemory};
    in = in.substr(0, kMostAtOnce);
    out = out.first(std::min(out.size(), kMostAtOnce));
    stream_.next_in = const_cast<char*>(in.data());  // its interface is older than const
    stream_.avail_in = static_cast<unsigned>(in.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<unsigned>(out.size());
    const int result = BZ2_bzDecompress(&stream_);
    const Step step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, StateOf(result)};
    if (result == BZ_STREAM_END) {
      BZ2_bzDecompressEnd(&stream_);
      ready_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
    }
    return step;
  }

 private:
  static State StateOf(int result) {
    switch (result) {
      case BZ_OK:
        return State::kMore;
      case BZ_STREAM_END:
        return State::kEnd;
      case BZ_MEM_ERROR:
        return State::kTooMuchMemory;
      default:
        return State::kBroken;
    }
  }

  bz_stream stream_{};
  bool ready_;
};

class LzmaDecoder final : public Decoder {
 public:
  explicit LzmaDecoder(Compression compression) : compression_(compression), ready_(Begin()) {}

  LzmaDecoder(const LzmaDecoder&) = delete;
  LzmaDecoder& operator=(const LzmaDecoder&) = delete;

  ~LzmaDecoder() override { lzma_end(&stream_); }

  Step Decode(std::string_view in, std::span<char> out) override {
    if (!ready_) return {.state = State::kTooMuchMemory};
    stream_.next_in = reinterpret_cast<const uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(out.data());
    stream_.avail_out = out.size();
    const lzma_ret result = lzma_code(&stream_, LZMA_RUN);
    const Step step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, StateOf(result)};
    if (result == LZMA_STREAM_END) ready_ = Begin();
    return step;
  }

 private:
  // Takes over what memory it had.
  bool Begin() {
    const lzma_ret result = compression_ == Compression::kXz
                                ? lzma_stream_decoder(&stream_, kMemoryBytes, LZMA_TELL_UNSUPPORTED_CHECK)
                                : lzma_alone_decoder(&stream_, kMemoryBytes);
    return result == LZMA_OK;
  }

  static State StateOf(lzma_ret result) {
    switch (result) {
      case LZMA_OK:
      case LZMA_BUF_ERROR:  // no progress was possible
        return State::kMore;
      case LZMA_STREAM_END:
        return State::kEnd;
      case LZMA_MEM_ERROR:
      case LZMA_MEMLIMIT_ERROR:
        return State::kTooMuchMemory;
      default:  // a check that it cannot verify too
        return State::kBroken;
    }
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
  Compression compression_;
  bool ready_;
};

class Lz4Decoder final : public Decoder {
 public:
  Lz4Decoder() {
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)) != 0) context_ = nullptr;
  }

  Lz4Decoder(const Lz4Decoder&) = delete;
  Lz4Decoder& operator=(const Lz4Decoder&) = delete;

  ~Lz4Decoder() override { LZ4F_freeDecompressionContext(context_); }

  Step Decode(std::string_view in, std::span<char> out) override {
    if (context_ == nullptr) return {.state = State::kTooMuchMemory};
    // A frame to be skipped holds bytes that belong to nobody.
    if (!begun_ && !in.empty() && in.front() != '\x04') return {.state = State::kBroken};
    const bool begun = begun_ || !in.empty();
    size_t used = in.size();
    size_t made = out.size();
    const size_t result = LZ4F_decompress(context_, out.data(), &made, in.data(), &used, nullptr);
    if (LZ4F_isError(result) != 0) return {.state = State::kBroken};
    const bool ended = result == 0 && begun;
    begun_ = begun && !ended;
    return {used, made, ended ? State::kEnd : State::kMore};
  }

 private:
  LZ4F_dctx* context_ = nullptr;
  bool begun_ = false;
};

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {
    if (context_ != nullptr) ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kWindowBits);
  }

  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }

  Step Decode(std::string_view in, std::span<char> out) override {
    if (context_ == nullptr) return {.state = State::kTooMuchMemory};
    // A frame to be skipped holds bytes that belong to nobody.
    if (!begun_ && !in.empty() && in.front() != '\x28') return {.state = State::kBroken};
    const bool begun = begun_ || !in.empty();
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const size_t result = ZSTD_decompressStream(context_, &output, &input);
    if (ZSTD_isError(result) != 0) return {.state = StateOf(ZSTD_getErrorCode(result))};
    const bool ended = result == 0 && begun;
    begun_ = begun && !ended;
    return {input.pos, output.pos, ended ? State::kEnd : State::kMore};
  }

 private:
  static constexpr int kWindowBits = 26;  // 64 MiB

  static State StateOf(ZSTD_ErrorCode code) {
    return code == ZSTD_error_frameParameter_windowTooLarge || code == ZSTD_error_memory_allocation
               ? State::kTooMuchMemory
               : State::kBroken;
  }

  ZSTD_DCtx* context_;
  bool begun_ = false;
};

}  // namespace

std::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kDeflate:
      return "deflate";
    case Compression::kGzip:
      return "gzip";
    case Compression::kZlib:
      return "zlib";
    case Compression::kBzip2:
      return "bzip2";
    case Compression::kXz:
      return "xz";
    case Compression::kLzma:
      return "lzma";
    case Compression::kLz4:
      return "lz4";
    case Compression::kZstd:
      return "zstd";
  }
  return "";
}

std::unique_ptr<Decoder> NewDecoder(Compression compression) {
  switch (compression) {
    case Compression::kDeflate:
      return std::make_unique<Inflater>(-MAX_WBITS);
    case Compression::kGzip:
      return std::make_unique<Inflater>(MAX_WBITS + 16);
    case Compression::kZlib:
      return std::make_unique<Inflater>(MAX_WBITS);
    case Compression::kBzip2:
      return std::make_unique<Bunzipper>();
    case Compression::kXz:
    case Compression::kLzma:
      return std::make_unique<LzmaDecoder>(compression);
    case Compression::kLz4:
      return std::make_unique<Lz4Decoder>();
    case Compression::kZstd:
      return std::make_unique<ZstdDecoder>();
  }
  return nullptr;
}

uint32_t UpdateCrc32(uint32_t crc32, std::string_view bytes) {
  return static_cast<uint32_t>(crc32_z(crc32, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace batuta::safety
