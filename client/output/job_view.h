#pragma once

#include <string>
#include <vector>

#include "batuta/v1/job_service.pb.h"

#include "client/output/json_writer.h"
#include "client/output/output.h"
#include "common/time/clock.h"

namespace batuta::client {

// One job as JSON:
// {"id","repo","type","revision","commit","state","waiting_reason","waiting_until","total_bytes",
// "done_bytes","downloaded_bytes","bytes_per_second","files_total","files_done","attempts","created","finished","elapsed_ms",
// "path","priority","tool","error":{"code","reason","message","hint"},"last_error","kind":"pull|push"} and of
// a push "phase","local_path","url","card","uploaded_bytes"; what does not apply is null.
void WriteJob(JsonWriter& json, const v1::Job& job);

// The jobs as {"jobs":[…]}, a table for people, or their ids.
void PrintJobs(Output& output, const std::vector<v1::Job>& jobs, WallTime now);

// A line of the event stream: {"event":"job","sequence",…} with the keys of WriteJob(), or
// {"event":"file","path", "size_bytes","blob","status","reason","done_bytes"}; of a push also "change".
std::string JobEvent(const v1::WatchJobResponse& update);
std::string FileEvent(const v1::PullFile& file);
std::string PushFileEvent(const v1::PushFile& file);

// How people call a job: `acme/otter`, with its revision unless that is main.
std::string JobName(const v1::Job& job);

}  // namespace batuta::client
