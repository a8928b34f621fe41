#include "client/output/wire_text.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "common/text/human.h"

namespace batuta::client {

WallTime WallOf(const google::protobuf::Timestamp& time) {
  const auto since_epoch = std::chrono::seconds(time.seconds()) + std::chrono::nanoseconds(time.nanos());
  return WallTime(std::chrono::duration_cast<WallTime::duration>(since_epoch));
}

std::string TimeText(bool is_present, const google::protobuf::Timestamp& time) {
  return is_present ? FormatRfc3339(WallOf(time)) : std::string();
}

std::string_view TypeWord(v1::RepoType type) {
  switch (type) {
    case v1::REPO_TYPE_DATASET:
      return "dataset";
    case v1::REPO_TYPE_SPACE:
      return "space";
    default:
      return "model";
  }
}

v1::RepoType WireType(RepoType type) {
  switch (type) {
    case RepoType::kModel:
      return v1::REPO_TYPE_MODEL;
    case RepoType::kDataset:
      return v1::REPO_TYPE_DATASET;
    case RepoType::kSpace:
      return v1::REPO_TYPE_SPACE;
  }
  return v1::REPO_TYPE_UNSPECIFIED;
}

std::string_view StateWord(v1::Job::State state) {
  switch (state) {
    case v1::Job::STATE_QUEUED:
      return "queued";
    case v1::Job::STATE_RUNNING:
      return "running";
    case v1::Job::STATE_WAITING:
      return "waiting";
    case v1::Job::STATE_PAUSED:
      return "paused";
    case v1::Job::STATE_DONE:
      return "done";
    case v1::Job::STATE_FAILED:
      return "failed";
    case v1::Job::STATE_CANCELLED:
      return "cancelled";
    default:
      return "unknown";
  }
}

bool HasEnded(v1::Job::State state) {
  return state == v1::Job::STATE_DONE || state == v1::Job::STATE_FAILED || state == v1::Job::STATE_CANCELLED;
}

std::string_view FileStatusWord(v1::PullFile::Status status, bool is_plan) {
  switch (status) {
    case v1::PullFile::STATUS_DOWNLOADED:
      return "downloaded";
    case v1::PullFile::STATUS_CACHED:
      return "cached";
    case v1::PullFile::STATUS_SKIPPED:
      return "skipped";
    case v1::PullFile::STATUS_FAILED:
      return "failed";
    case v1::PullFile::STATUS_RUNNING:
      return "running";
    default:
      return is_plan ? "would_download" : "pending";
  }
}

std::string_view ChangeWord(v1::PushFile::Change change) {
  switch (change) {
    case v1::PushFile::CHANGE_ADDED:
      return "added";
    case v1::PushFile::CHANGE_MODIFIED:
      return "modified";
    case v1::PushFile::CHANGE_DELETED:
      return "deleted";
    case v1::PushFile::CHANGE_IGNORED:
      return "ignored";
    default:
      return "unchanged";
  }
}

std::string_view PushStatusWord(v1::PushFile::Status status) {
  switch (status) {
    case v1::PushFile::STATUS_RUNNING:
      return "running";
    case v1::PushFile::STATUS_SENT:
      return "sent";
    case v1::PushFile::STATUS_STORED:
      return "stored";
    case v1::PushFile::STATUS_COMMITTED:
      return "committed";
    default:
      return "pending";
  }
}

std::string_view KindWord(v1::Job::Kind kind) {
  return kind == v1::Job::KIND_PUSH ? "push" : "pull";
}

std::string_view PriorityWord(v1::Priority priority) {
  switch (priority) {
    case v1::PRIORITY_INTERACTIVE:
      return "interactive";
    case v1::PRIORITY_BACKGROUND:
      return "background";
    default:
      return "normal";
  }
}

v1::Priority WirePriority(std::string_view word) {
  for (const v1::Priority priority :
       {v1::PRIORITY_INTERACTIVE, v1::PRIORITY_NORMAL, v1::PRIORITY_BACKGROUND}) {
    if (PriorityWord(priority) == word) return priority;
  }
  return v1::PRIORITY_UNSPECIFIED;
}

std::string LimitText(uint64_t bytes_per_second) {
  return bytes_per_second == 0 ? "no limit" : FormatRate(static_cast<double>(bytes_per_second));
}

std::string WaitingText(const v1::Job& job, WallTime now) {
  std::string text = job.waiting_reason();
  if (job.attempts() > 1) text += fmt::format(" (try {})", job.attempts());
  if (job.has_waiting_until()) {
    text += fmt::format(", resumes in {}", CountdownText(WallOf(job.waiting_until()) - now));
  }
  return text;
}

std::string CountdownText(Duration left) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::max(left, Duration(0)));
  return seconds < std::chrono::minutes(1) ? fmt::format("{} s", seconds.count()) : FormatDuration(seconds);
}

std::string AgeText(bool is_present, const google::protobuf::Timestamp& time, WallTime now) {
  if (!is_present) return "never";
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - WallOf(time));
  if (age < std::chrono::seconds(1)) return "now";
  return fmt::format("{} ago", CountdownText(age));
}

}  // namespace batuta::client
