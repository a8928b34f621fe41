// RequestReader turns the bytes of one connection into requests, head first and then body. The only user of
// the HTTP parser library.
//
// Bodies up to 1 MiB stay in memory; longer ones go to an unlinked file in `spool_folder`.
// Thread safety: one thread uses it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/hubsim/net/http_message.h"
#include "tests/hubsim/net/socket.h"

namespace batuta::hubsim {

class RequestReader {
 public:
  enum class Outcome {
    kOk,
    kClosed,     // the peer closed, or the server stops
    kMalformed,  // what arrived is no HTTP request; answer 400 and close
    kTooLarge,   // head above 64 KiB or body above the limit; answer 413 and close
  };

  RequestReader(Connection& connection, std::filesystem::path spool_folder, std::uint64_t body_limit);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Waits for the next request's head and fills method, target and headers.
  Outcome ReadHead(Request& request);

  // Reads the body of the request whose head was read last. Answers "Expect: 100-continue" itself.
  Outcome ReadBody(Request& request);

  // Whether the client wants the connection kept, by the head that was read last.
  bool keep_alive() const;

  std::uint64_t body_bytes() const;

 private:
  class Parser;

  Outcome Fill(bool until_head);

  Connection& connection_;
  const std::filesystem::path spool_folder_;
  const std::uint64_t body_limit_;
  std::string pending_;  // bytes read and not parsed yet
  std::unique_ptr<Parser> parser_;
};

}  // namespace batuta::hubsim
