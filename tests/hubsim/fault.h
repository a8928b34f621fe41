// FaultRule says what goes wrong, on which requests, and how often. Rules are scripted per path and compose:
// of each kind the first rule that matches and is not spent applies (of kFlipByte, kSetHeader and kDropHeader
// all do). A rule is spent, and counts what it skips, only where it can take effect: faults of the body by
// 2xx answers that have one (never by HEAD or a redirect), faults of ranges by answers to ranged requests,
// those of ETags by answers with one, those of uploads by requests whose body has more than `at_bytes` bytes.
//
//   sim->AddFault({.kind = FaultKind::kCut, .path = "model.safetensors", .at_bytes = 1000});
//   sim->AddFault({.kind = FaultKind::kStatus, .path = "/api/*", .count = 3, .status = 503});
//   sim->AddFault({.kind = FaultKind::kSlow,
//                  .listener = Listener::kCdn,
//                  .count = kAlways,
//                  .bytes_per_second = 65536});
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace batuta::hubsim {

// Which of the two servers: the hub itself, or the file CDN that large files are redirected to.
enum class Listener { kHub, kCdn, kAny };

enum class FaultKind {
  kCut,            // close the connection after `at_bytes` bytes of the body
  kStall,          // send nothing after `at_bytes` bytes of the body, for `duration` (0: until Stop())
  kSlow,           // send the body at `bytes_per_second`
  kContentLength,  // announce the length plus `amount` (may be negative), send what is there, close
  kFlipByte,       // change the byte at offset `at_bytes` of the file, in an answer that carries it
  kEtag,           // ETag and X-Linked-ETag become `value` (quotes included)
  kNewContent,     // other bytes of the same length and another ETag: the file was replaced
  kIgnoreRange,    // answer a ranged request with 200 and the whole file
  kWrongRange,     // 206 whose Content-Range and bytes are `amount` bytes off
  kStatus,         // answer `status` with `headers` and `body`; the request has no effect
  kStatusAfter,    // the request takes effect, then `status` is answered
  kStatusEarly,    // as kStatus, but answered before the body is read; the connection is closed
  kCutUpload,      // close the connection after `at_bytes` bytes of the request's body
  kStallUpload,    // read nothing more after `at_bytes` bytes of the request's body, for `duration`
  kSlowUpload,     // read the request's body at `bytes_per_second`
  kFlipMode,       // preupload answers lfs for regular and the other way round: files like the glob `value`
  kIgnoreFile,     // preupload answers shouldIgnore for files like the glob `value`
  kObjectError,    // the LFS batch has an error `status` with the text `body` for the object `value`
  kMissingPart,    // the LFS batch leaves out the last part's link of the object `value`
  kExpired,        // hub: links, also those of uploads, are expired when handed out; CDN: 403
  kLatency,        // wait `duration` before the head
  kGarbageJson,    // 200 with text that looks like JSON at first and is none
  kEndlessBody,    // 200 with a JSON array that goes on for `at_bytes` bytes, chunked
  kRedirectLoop,   // 307 to itself, with a counter in the query
  kHeaderBomb,     // `amount` extra headers of `at_bytes` bytes each
  kSetHeader,      // set the headers of `headers`, spelled as given, replacing those of the same name
  kDropHeader,     // leave out the header named `value`
  kGzip,           // Content-Encoding: gzip whatever the client accepts
  kReset,          // TCP reset instead of an answer; the request has no effect
  kResetAtAccept,  // TCP reset before the request is read; `path` and `method` do not apply
};

inline constexpr int kAlways = -1;

struct FaultRule {
  FaultKind kind = FaultKind::kStatus;
  Listener listener = Listener::kAny;
  // Members that a rule leaves out keep these values.
  // Matched with the decoded path (no query). With '*' or '?' a glob of the whole path, where '*' crosses
  // '/'; else a part of it; empty matches all. A CDN path ends in <sha256>/<path of the file>.
  std::string path = {};
  std::string method = {};  // empty: any
  int skip = 0;             // so many matching requests pass unharmed first
  int count = 1;            // so many are harmed; kAlways: all

  std::uint64_t at_bytes = 0;
  std::int64_t amount = 0;
  std::uint64_t bytes_per_second = 0;
  std::chrono::milliseconds duration{0};
  int status = 500;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  // An empty `value` of a fault that is about files or objects means all; it is spent by each one.
  std::string value = {};
};

// Names a rule that was added; valid until ClearFaults().
struct FaultHandle {
  std::uint64_t id = 0;
};

}  // namespace batuta::hubsim
