// RequestReader turns the bytes of one connection into requests, head first and then body. The only user of
// the HTTP parser library.
//
// Bodies up to 256 KiB stay in memory; longer ones go to a file of the spool folder, gone with the body.
// Thread safety: one thread uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "tests/hubsim/net/body_intake.h"
#include "tests/hubsim/net/http_message.h"
#include "tests/hubsim/net/socket.h"
#include "tests/hubsim/net/spool_folder.h"

namespace batuta::hubsim {

class RequestReader {
 public:
  enum class Outcome {
    kOk,
    kClosed,     // the peer closed, or the server stops
    kMalformed,  // what arrived is no HTTP request; answer 400 and close
    kTooLarge,   // head above 64 KiB or body above the limit; answer 413 and close
  };

  RequestReader(Connection& connection, SpoolFolder& spool, std::uint64_t body_limit);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Waits for the next request's head and fills method, target and headers.
  Outcome ReadHead(Request& request);

  // Reads the body of the request whose head was read last, as fast and as far as `intake` lets it. Answers
  // "Expect: 100-continue" itself.
  Outcome ReadBody(Request& request, BodyIntake& intake);

  // As the head announces it; nothing when it does not.
  std::optional<std::uint64_t> announced_bytes() const;

  // Whether the client wants the connection kept, by the head that was read last.
  bool keep_alive() const;

  std::uint64_t body_bytes() const;

 private:
  class Parser;

  // Gives the parser what was read and not parsed yet. kOk: it wants more, or has all it wanted.
  Outcome Parse(bool until_head);
  bool IsComplete(bool until_head) const;
  // Reads at most `most` bytes behind what is not parsed yet.
  bool Read(std::size_t most);

  Connection& connection_;
  SpoolFolder& spool_;
  const std::uint64_t body_limit_;
  const std::unique_ptr<char[]> buffer_;  // [begin_, end_): read and not parsed yet
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::unique_ptr<Parser> parser_;
};

}  // namespace batuta::hubsim
