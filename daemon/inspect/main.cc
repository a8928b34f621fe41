#include <cstdio>
#include <string>

#include <sys/socket.h>
#include <unistd.h>

#include "daemon/inspect/confinement.h"
#include "daemon/inspect/session.h"

int main() {
  int kind = 0;
  socklen_t size = sizeof kind;
  if (::getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &kind, &size) != 0) {
    std::fputs("batuta-inspect looks into files for others: batuta hf scan PATH\n", stderr);
    return 2;
  }
  absl::Status status = batuta::inspect::ShutIn();
  if (status.ok()) status = batuta::inspect::Serve(STDIN_FILENO);
  if (status.ok()) return 0;
  std::fprintf(stderr, "batuta-inspect: %s\n", std::string(status.message()).c_str());
  return 1;
}
