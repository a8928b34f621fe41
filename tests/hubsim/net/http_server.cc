#include "tests/hubsim/net/http_server.h"

#include <utility>

#include "tests/hubsim/net/fault_effects.h"
#include "tests/hubsim/net/request_reader.h"
#include "tests/hubsim/net/response_writer.h"

namespace batuta::hubsim {
namespace {

constexpr std::uint64_t kBodyLimit = 64ULL << 30U;

LoggedRequest DescribeRequest(const Request& request, Listener which, const std::string& bucket) {
  return {.listener = which,
          .method = request.method,
          .target = request.target,
          .path = request.path,
          .headers = request.headers.fields(),
          .authorization = request.headers.Find("Authorization"),
          .range = request.headers.Find("Range"),
          .peer = request.peer,
          .bucket = bucket,
          .connection_id = request.connection_id,
          .start_time = std::chrono::system_clock::now()};
}

// One connection's conversation: reads requests and answers them until one side has enough.
class Conversation {
 public:
  Conversation(Connection& connection, Listener which, const ServerParts& parts)
      : connection_(connection), which_(which), parts_(parts), reader_(connection, parts.spool, kBodyLimit) {}

  // False when the connection is to be closed.
  bool Step(Request request) {
    switch (reader_.ReadHead(request)) {
      case RequestReader::Outcome::kOk:
        break;
      case RequestReader::Outcome::kClosed:
        return false;
      case RequestReader::Outcome::kMalformed:
        return Refuse(400, "Bad Request");
      case RequestReader::Outcome::kTooLarge:
        return Refuse(413, "Payload Too Large");
    }
    return parts_.handler.IsUnseen(request) ? AnswerUnseen(request) : Answer(request);
  }

 private:
  bool Refuse(int status, std::string text) {
    Response response;
    response.status = status;
    response.SetBody(std::move(text));
    WriteResponse(connection_, {}, std::move(response), {}, false, [](std::uint64_t) {});
    connection_.CloseGently();
    return false;
  }

  bool AnswerUnseen(Request& request) {
    BodyIntake intake(connection_, {}, reader_.announced_bytes(), [](std::uint64_t) {});
    if (reader_.ReadBody(request, intake) != RequestReader::Outcome::kOk) return false;
    Response response = parts_.handler.Handle(request, {});
    return WriteResponse(connection_, request, std::move(response), {}, reader_.keep_alive(),
                         [](std::uint64_t) {})
        .may_keep_connection;
  }

  bool Answer(Request& request) {
    const FaultPlan plan(parts_.faults, {.listener = which_, .method = request.method, .path = request.path});
    Admission admission = parts_.handler.Admit(request);
    const std::uint64_t entry = parts_.recorder.Begin(DescribeRequest(request, which_, admission.bucket));
    const bool keeps = AnswerLogged(request, plan, admission, entry);
    parts_.recorder.Update(entry, [](LoggedRequest& logged) {
      logged.is_over = true;
      logged.end_time = std::chrono::system_clock::now();
    });
    return keeps;
  }

  bool AnswerLogged(Request& request, const FaultPlan& plan, Admission& admission, std::uint64_t entry) {
    if (plan.Claims(FaultKind::kReset)) {
      connection_.ResetOnClose();
      return false;
    }
    if (const FaultRule* rule = plan.Claim(FaultKind::kStatusEarly)) {
      return RefuseEarly(ScriptedAnswer(*rule), request, entry);
    }
    BodyIntake intake(connection_, plan, reader_.announced_bytes(),
                      [this, entry](std::uint64_t received) { NoteReceived(entry, received); });
    const RequestReader::Outcome outcome_of_body = reader_.ReadBody(request, intake);
    NoteReceived(entry, reader_.body_bytes());
    if (outcome_of_body != RequestReader::Outcome::kOk) return false;
    KeepBody(entry, request);
    if (const FaultRule* latency = plan.Claim(FaultKind::kLatency)) {
      if (!connection_.Pause(latency->duration)) return false;
    }

    Response response = Decide(request, plan, admission);
    const int status = response.status;
    parts_.recorder.Update(entry, [status](LoggedRequest& logged) { logged.status = status; });
    const WriteOutcome outcome = WriteResponse(
        connection_, request, std::move(response), plan, reader_.keep_alive(),
        [this, entry](std::uint64_t sent) {
          parts_.recorder.Update(entry, [sent](LoggedRequest& logged) { logged.body_bytes_sent = sent; });
        });
    parts_.recorder.Update(entry,
                           [&outcome](LoggedRequest& logged) { logged.is_finished = outcome.is_whole; });
    if (outcome.is_whole && !outcome.may_keep_connection) connection_.CloseGently();
    return outcome.may_keep_connection;
  }

  void NoteReceived(std::uint64_t entry, std::uint64_t received) {
    parts_.recorder.Update(entry,
                           [received](LoggedRequest& logged) { logged.body_bytes_received = received; });
  }

  void KeepBody(std::uint64_t entry, const Request& request) {
    if (request.body->size() == 0 || request.body->size() > parts_.kept_body_bytes) return;
    parts_.recorder.Update(entry,
                           [&request](LoggedRequest& logged) { logged.body = ReadAll(*request.body); });
  }

  // Answers while the body is still on its way, and closes.
  bool RefuseEarly(Response response, const Request& request, std::uint64_t entry) {
    const int status = response.status;
    WriteResponse(connection_, request, std::move(response), {}, false, [](std::uint64_t) {});
    parts_.recorder.Update(entry, [status](LoggedRequest& logged) { logged.status = status; });
    connection_.CloseGently();
    return false;
  }

  // The answer after quotas, the handler and the plan had their say.
  Response Decide(const Request& request, const FaultPlan& plan, Admission& admission) {
    std::optional<Response> replacement = ReplacementAnswer(plan, request);
    Response response = replacement         ? std::move(*replacement)
                        : admission.refusal ? std::move(*admission.refusal)
                                            : parts_.handler.Handle(request, plan);
    for (const auto& [name, value] : admission.headers.fields()) {
      if (!response.headers.Find(name)) response.headers.Add(name, value);
    }
    DistortAnswer(plan, request, response);
    return response;
  }

  Connection& connection_;
  const Listener which_;
  const ServerParts& parts_;
  RequestReader reader_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Listen(Listener which, std::uint16_t port) {
  absl::StatusOr<ListeningSocket> listening = ListenOnLoopback(port);
  if (!listening.ok()) return listening.status();
  return std::unique_ptr<HttpServer>(new HttpServer(which, *std::move(listening)));
}

HttpServer::HttpServer(Listener which, ListeningSocket listening)
    : which_(which), listening_(std::move(listening)) {}

HttpServer::~HttpServer() {
  Join();
}

void HttpServer::Join() {
  const std::scoped_lock lock(join_mutex_);
  if (acceptor_.joinable()) acceptor_.join();
  for (Worker& worker : workers_) worker.thread.join();
  workers_.clear();
  listening_.socket = Descriptor();
}

void HttpServer::Run(const ServerParts& parts) {
  parts_.emplace(parts);
  acceptor_ = std::thread([this] { AcceptLoop(); });
}

void HttpServer::AcceptLoop() {
  while (true) {
    AcceptedSocket accepted = Accept(listening_, parts_->stop);
    if (!accepted.socket.is_open()) return;
    ReapWorkers();
    const std::uint64_t id = ++connections_;
    auto is_done = std::make_shared<std::atomic<bool>>(false);
    std::thread thread([this, id, is_done, taken = std::move(accepted)]() mutable {
      Serve(std::move(taken), id);
      is_done->store(true);
    });
    workers_.push_back({.thread = std::move(thread), .is_done = std::move(is_done)});
  }
}

void HttpServer::ReapWorkers() {
  for (auto worker = workers_.begin(); worker != workers_.end();) {
    if (!worker->is_done->load()) {
      ++worker;
      continue;
    }
    worker->thread.join();
    worker = workers_.erase(worker);
  }
}

void HttpServer::Serve(AcceptedSocket accepted, std::uint64_t connection_id) {
  const ServerParts& parts = *parts_;
  Connection connection(std::move(accepted.socket), parts.stop);
  if (parts.faults.ClaimResetAtAccept(which_)) {
    connection.ResetOnClose();
    return;
  }
  Conversation conversation(connection, which_, parts);
  Request fresh;
  fresh.peer = accepted.peer;
  fresh.connection_id = connection_id;
  while (!parts.stop.is_raised() && conversation.Step(fresh)) {
  }
}

}  // namespace batuta::hubsim
