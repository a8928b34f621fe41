#include "daemon/transport/curl_transport.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

#include "absl/base/thread_annotations.h"

#include "common/status/status.h"
#include "common/sync/mutex.h"
#include "common/sync/thread_name.h"
#include "daemon/transport/call_queue.h"
#include "daemon/transport/curl_call.h"
#include "daemon/transport/curl_handles.h"

namespace batuta::transport {
namespace {

constexpr std::chrono::milliseconds kLongestWait{60'000};

SteadyTime Now() {
  return std::chrono::steady_clock::now();
}

absl::Status Cancelled() {
  return MakeError(absl::StatusCode::kCancelled, reason::kCancelled, "the request was cancelled");
}

// Signals belong to main.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// CurlLoop is the state that lives on the transport's thread, and one turn of its loop.
class CurlLoop {
 public:
  CurlLoop(CurlOptions options, CURLM* multi, OpenSockets& sockets)
      : options_(std::move(options)),
        multi_(multi),
        sockets_(sockets),
        queue_({.total = options_.max_connections, .per_origin = options_.max_connections_per_host}) {}

  void Start(std::unique_ptr<CurlCall> call);
  void Cancel(CallId id);
  void Resume(CallId id);

  // Moves bytes, ends what ended, starts what may start. Returns how long the loop may sleep.
  std::chrono::milliseconds Turn();
  void CancelAll();

 private:
  void StartWaiting();
  void Launch(CurlCall& call);
  void TakeResults();
  void EndOverdue(SteadyTime now);
  void End(CurlCall& call, const absl::Status& status);
  EasyHandle TakeEasy();

  const CurlOptions options_;
  CURLM* const multi_;
  OpenSockets& sockets_;
  CallQueue queue_;
  std::unordered_map<CallId, std::unique_ptr<CurlCall>> calls_;
  std::unordered_set<CurlCall*> running_;
  std::vector<EasyHandle> spare_;
};

void CurlLoop::Start(std::unique_ptr<CurlCall> call) {
  absl::Status refusal = call->refusal();
  if (refusal.ok() && queue_.waiting() >= options_.max_waiting_calls) {
    refusal = MakeError(absl::StatusCode::kResourceExhausted, reason::kDaemonBusy,
                        "too many requests wait for a connection", "try again when some of the work is done");
  }
  if (!refusal.ok()) {
    call->Finish(MarkNeverSent(std::move(refusal)));
    return;
  }
  queue_.Push(call->id(), call->destination().origin, call->load(), call->priority());
  calls_.emplace(call->id(), std::move(call));
}

void CurlLoop::Cancel(CallId id) {
  if (const auto found = calls_.find(id); found != calls_.end()) End(*found->second, Cancelled());
}

void CurlLoop::Resume(CallId id) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second->easy() == nullptr) return;
  CurlCall& call = *found->second;
  if (const CURLcode code = call.Resume(Now()); code != CURLE_OK) End(call, call.Conclude(code));
}

std::chrono::milliseconds CurlLoop::Turn() {
  StartWaiting();
  int still_running = 0;
  curl_multi_perform(multi_, &still_running);
  TakeResults();
  const SteadyTime now = Now();
  EndOverdue(now);
  StartWaiting();
  SteadyTime wake = now + kLongestWait;
  for (const CurlCall* call : running_) wake = std::min(wake, call->NextDeadline().value_or(wake));
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(wake - now), std::chrono::milliseconds(0));
}

void CurlLoop::CancelAll() {
  while (!calls_.empty()) End(*calls_.begin()->second, Cancelled());
}

void CurlLoop::StartWaiting() {
  while (const std::optional<CallId> id = queue_.Next()) Launch(*calls_.at(*id));
}

void CurlLoop::Launch(CurlCall& call) {
  running_.insert(&call);
  EasyHandle easy = TakeEasy();
  if (easy) {
    call.Attach(std::move(easy), options_, sockets_, Now());
    if (curl_multi_add_handle(multi_, call.easy()) == CURLM_OK) return;
  }
  End(call,
      MakeError(absl::StatusCode::kInternal, reason::kInternal, "libcurl has no memory for another request"));
}

void CurlLoop::TakeResults() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    char* mine = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &mine);
    CurlCall& call = *reinterpret_cast<CurlCall*>(mine);
    long version = CURL_HTTP_VERSION_NONE;
    curl_easy_getinfo(message->easy_handle, CURLINFO_HTTP_VERSION, &version);
    if (version == CURL_HTTP_VERSION_2_0) queue_.SetMultiplexed(call.destination().origin);
    End(call, call.Conclude(code));
  }
}

void CurlLoop::EndOverdue(SteadyTime now) {
  std::vector<CurlCall*> overdue;
  for (CurlCall* call : running_) {
    if (call->IsOverdue(now)) overdue.push_back(call);
  }
  for (CurlCall* call : overdue) End(*call, call->Conclude(CURLE_OPERATION_TIMEDOUT));
}

void CurlLoop::End(CurlCall& call, const absl::Status& status) {
  const auto found = calls_.find(call.id());
  const std::unique_ptr<CurlCall> last =
      std::move(found->second);  // lives until its handler has heard the end
  calls_.erase(found);
  if (running_.erase(&call) == 0) {
    queue_.Remove(call.id());
  } else {
    if (call.easy() != nullptr) curl_multi_remove_handle(multi_, call.easy());
    if (EasyHandle easy = call.Detach();
        easy && spare_.size() < static_cast<size_t>(options_.max_connections)) {
      spare_.push_back(std::move(easy));
    }
    queue_.Finished(call.destination().origin, call.load());
  }
  call.Finish(status);
}

EasyHandle CurlLoop::TakeEasy() {
  if (spare_.empty()) return EasyHandle(curl_easy_init());
  EasyHandle easy = std::move(spare_.back());
  spare_.pop_back();
  return easy;
}

class ThreadedCurlTransport final : public CurlTransport {
 public:
  static absl::StatusOr<std::unique_ptr<CurlTransport>> Create(CurlOptions options) {
    auto transport = std::make_unique<ThreadedCurlTransport>();
    if (!transport->library_.ok() || !transport->multi_) {
      return MakeError(absl::StatusCode::kInternal, reason::kInternal, "libcurl cannot be set up");
    }
    CURLM* const multi = transport->multi_.get();
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options.max_connections));
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      static_cast<long>(options.max_connections_per_host));
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(options.max_connections));
    transport->thread_ = std::thread(&ThreadedCurlTransport::Run, transport.get(), std::move(options));
    return transport;
  }

  ~ThreadedCurlTransport() override { Stop(); }

  CallId Start(HttpRequest request, std::shared_ptr<HttpHandler> handler) override {
    const CallId id = next_id_.fetch_add(1);
    Command(
        std::make_unique<CurlCall>(id, std::move(request), std::move(handler), [this, id] { Resume(id); }));
    return id;
  }

  void Cancel(CallId call) override { Command(CancelCommand{call}); }

  void Resume(CallId call) override { Command(ResumeCommand{call}); }

  void Stop() override {
    {
      MutexLock lock(mutex_);
      is_stopping_ = true;
    }
    if (multi_) curl_multi_wakeup(multi_.get());
    std::call_once(joined_, [this] {
      if (thread_.joinable()) thread_.join();
    });
  }

 private:
  struct CancelCommand {
    CallId id;
  };

  struct ResumeCommand {
    CallId id;
  };

  using AnyCommand = std::variant<std::unique_ptr<CurlCall>, CancelCommand, ResumeCommand>;

  void Command(AnyCommand command) {
    bool is_first = false;
    {
      MutexLock lock(mutex_);
      if (is_stopping_) return;
      is_first = commands_.empty();
      commands_.push_back(std::move(command));
    }
    if (is_first) curl_multi_wakeup(multi_.get());
  }

  // The commands since the last time, in order. False: none will come any more.
  bool TakeCommands(std::vector<AnyCommand>* commands) {
    commands->clear();
    MutexLock lock(mutex_);
    commands->swap(commands_);
    return !is_stopping_;
  }

  void Run(CurlOptions options) {
    NameThisThread("transport");
    BlockSignals();
    CurlLoop loop(std::move(options), multi_.get(), sockets_);
    std::vector<AnyCommand> commands;
    for (bool goes_on = true; goes_on;) {
      goes_on = TakeCommands(&commands);
      for (AnyCommand& command : commands) {
        if (auto* call = std::get_if<std::unique_ptr<CurlCall>>(&command)) {
          loop.Start(std::move(*call));
        } else if (const auto* cancel = std::get_if<CancelCommand>(&command)) {
          loop.Cancel(cancel->id);
        } else {
          loop.Resume(std::get<ResumeCommand>(command).id);
        }
      }
      if (!goes_on) break;
      const auto wait = static_cast<int>(loop.Turn().count());
      if (curl_multi_poll(multi_.get(), nullptr, 0, wait, nullptr) != CURLM_OK) {
        // The kernel refused to wait: no reason to spin.
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
    loop.CancelAll();
  }

  const CurlLibrary library_;
  OpenSockets sockets_;
  const MultiHandle multi_{curl_multi_init()};
  std::atomic<CallId> next_id_{1};
  Mutex mutex_;
  std::vector<AnyCommand> commands_ ABSL_GUARDED_BY(mutex_);
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::once_flag joined_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CurlTransport>> CurlTransport::Start(CurlOptions options) {
  options.max_connections = std::max(options.max_connections, 1);
  options.max_connections_per_host = std::max(options.max_connections_per_host, 1);
  options.receive_buffer_bytes = std::clamp<size_t>(options.receive_buffer_bytes, 1024, 10 << 20);
  return ThreadedCurlTransport::Create(std::move(options));
}

}  // namespace batuta::transport
