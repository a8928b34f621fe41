// Clients that ask the daemon where files are: CLIENTS connections at once for SECONDS, of the models and
// files that make_cache has made, one line of JSON with the latencies in microseconds.
//   resolve_load SOCKET REPOS FILES CLIENTS SECONDS RATE
// RATE is how many questions a second all of them ask together, each at its time. A latency counts from when
// the question was put; from when it was due, if its client still waited for an answer by then. With 0 each
// asks again as soon as it has its answer.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "batuta/v1/cache_service.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration;
using std::chrono::nanoseconds;

struct Load {
  std::string socket;
  unsigned repos = 1;
  unsigned files = 1;
  unsigned clients = 1;
  double seconds = 1;
  double rate = 0;  // of all together
};

std::string Numbered(const char* pattern, unsigned a, unsigned b) {
  char text[128];
  std::snprintf(text, sizeof text, pattern, a, b);
  return text;
}

batuta::v1::ResolveRequest AnyQuestion(const Load& load, std::mt19937& random) {
  const unsigned repo = static_cast<unsigned>(random()) % load.repos;
  const unsigned file = static_cast<unsigned>(random()) % (load.files - 2) + 1;
  batuta::v1::ResolveRequest request;
  request.mutable_repo()->set_type(batuta::v1::REPO_TYPE_MODEL);
  request.mutable_repo()->set_id(Numbered("acme-%02u/otter-%05u", repo % 97, repo));
  request.set_revision("main");
  request.set_path(Numbered("model-%05u-of-%05u.safetensors", file, load.files - 2));
  return request;
}

// The latencies of one client, in microseconds.
std::vector<double> Ask(const Load& load, unsigned number, Clock::time_point begin) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  const auto channel =
      grpc::CreateCustomChannel("unix:" + load.socket, grpc::InsecureChannelCredentials(), arguments);
  const auto stub = batuta::v1::CacheService::NewStub(channel);
  std::mt19937 random(number);
  const auto end = begin + std::chrono::duration_cast<nanoseconds>(duration<double>(load.seconds));
  const nanoseconds pause(load.rate == 0 ? 0 : static_cast<int64_t>(1e9 * load.clients / load.rate));
  auto due = begin + pause * number / load.clients;
  std::vector<double> latencies;
  for (;;) {
    if (load.rate == 0) due = std::max(Clock::now(), begin);
    if (due >= end) return latencies;
    auto asked = due;
    if (Clock::now() < due) {
      std::this_thread::sleep_until(due);
      asked = Clock::now();  // that a sleeper wakes up late is not the daemon's doing
    }
    const batuta::v1::ResolveRequest request = AnyQuestion(load, random);
    grpc::ClientContext context;
    batuta::v1::ResolveResponse response;
    const grpc::Status status = stub->Resolve(&context, request, &response);
    if (!status.ok()) {
      std::fprintf(stderr, "resolve_load: %s: %s\n", request.repo().id().c_str(),
                   status.error_message().c_str());
      std::exit(1);
    }
    latencies.push_back(duration<double, std::micro>(Clock::now() - asked).count());
    due += pause;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: resolve_load SOCKET REPOS FILES CLIENTS SECONDS RATE\n");
    return 2;
  }
  const Load load{.socket = argv[1],
                  .repos = static_cast<unsigned>(std::atoi(argv[2])),
                  .files = static_cast<unsigned>(std::atoi(argv[3])),
                  .clients = static_cast<unsigned>(std::atoi(argv[4])),
                  .seconds = std::atof(argv[5]),
                  .rate = std::atof(argv[6])};
  const auto begin = Clock::now() + std::chrono::milliseconds(200);  // all are connected by then
  std::vector<std::vector<double>> of_clients(load.clients);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < load.clients; ++i) {
    threads.emplace_back([&, i] { of_clients[i] = Ask(load, i, begin); });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<double> all;
  for (const auto& one : of_clients) all.insert(all.end(), one.begin(), one.end());
  std::sort(all.begin(), all.end());
  if (all.empty()) return 1;
  const auto at = [&all](double part) {
    return all[static_cast<size_t>(part * static_cast<double>(all.size() - 1))];
  };
  std::printf(
      "{\"count\": %zu, \"per_second\": %.0f, \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"max\": %.1f}\n",
      all.size(), static_cast<double>(all.size()) / load.seconds, at(0.5), at(0.9), at(0.99), all.back());
  return 0;
}
