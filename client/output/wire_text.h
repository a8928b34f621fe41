#pragma once

#include <string>
#include <string_view>

#include "google/protobuf/timestamp.pb.h"

#include "batuta/v1/push.pb.h"
#include "batuta/v1/types.pb.h"

#include "common/time/clock.h"
#include "common/types/repo_id.h"

// How values of the API are spelled on the command line and in JSON.
namespace batuta::client {

WallTime WallOf(const google::protobuf::Timestamp& time);

// RFC 3339; empty when the message does not hold one.
std::string TimeText(bool is_present, const google::protobuf::Timestamp& time);

// "model", "dataset", "space".
std::string_view TypeWord(v1::RepoType type);
v1::RepoType WireType(RepoType type);

// "queued", "running", "waiting", "paused", "done", "failed", "cancelled".
std::string_view StateWord(v1::Job::State state);
bool HasEnded(v1::Job::State state);

// "downloaded", "cached", "skipped", "failed", "running", "pending"; in a plan PENDING is "would_download".
std::string_view FileStatusWord(v1::PullFile::Status status, bool is_plan);

// "added", "modified", "unchanged", "deleted", "ignored".
std::string_view ChangeWord(v1::PushFile::Change change);

// "pending", "running", "sent", "stored", "committed".
std::string_view PushStatusWord(v1::PushFile::Status status);

// "pull", "push".
std::string_view KindWord(v1::Job::Kind kind);

// "interactive", "normal", "background".
std::string_view PriorityWord(v1::Priority priority);

// The other way round; PRIORITY_UNSPECIFIED for any other word.
v1::Priority WirePriority(std::string_view word);

// A bandwidth limit: `10 MB/s`, or `no limit` for 0.
std::string LimitText(uint64_t bytes_per_second);

// What a waiting job waits for: `network (try 3), resumes in 12 s`.
std::string WaitingText(const v1::Job& job, WallTime now);

// The time until something, in whole seconds rounded up: `37 s`, `3 m 20 s`; `0 s` when it has passed.
std::string CountdownText(Duration left);

// `3 m ago`, `2 d ago`, `now`; "never" when absent.
std::string AgeText(bool is_present, const google::protobuf::Timestamp& time, WallTime now);

}  // namespace batuta::client
