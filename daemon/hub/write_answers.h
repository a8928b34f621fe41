#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/hub/repo_writer.h"

// What a writer sends, and what the hub answers to it. Pure; the answers are those of a stranger.
//   kInternal (HUB_PROTOCOL), kOutOfRange (ANSWER_TOO_LARGE)  as in json_reader.h, or what is essential is
//   not usable.
namespace batuta::hub {

std::string EncodeNewRepo(const NewRepo& repo);
std::string EncodeCard(RepoType type, const std::string& text);
std::string EncodePreupload(const std::vector<PreuploadFile>& files, const std::string& git_ignore);
std::string EncodeBatch(const std::optional<Revision>& branch, const std::vector<LfsObject>& objects);
std::string EncodeCompletion(const LfsObject& object, const std::vector<StoredPart>& parts);
std::string EncodeVerify(const LfsObject& object);

// The hub takes titles of 200 characters at most: what is longer begins the description.
std::string EncodePullRequest(const std::string& title, const std::string& description);

// `endpoint`: where the answer is from. Links from https to http are not followed, nor shown.
absl::StatusOr<CreatedRepo> DecodeCreatedRepo(std::string_view endpoint, std::string_view text);
absl::StatusOr<CardCheck> DecodeCardCheck(std::string_view text);

// One for each file, in their order.
absl::StatusOr<std::vector<PreuploadAnswer>> DecodePreupload(const std::vector<PreuploadFile>& files,
                                                             std::string_view text);

// One for each object, in their order. `endpoint` takes the place of the public hub's address in the links
// that are to be told of an upload: a hub may not know by which name it was reached.
absl::StatusOr<std::vector<LfsUpload>> DecodeBatch(const std::vector<LfsObject>& objects,
                                                   std::string_view endpoint, std::string_view text);

absl::StatusOr<CommitResult> DecodeCommit(std::string_view endpoint, std::string_view text);

// `page`: where a person reads about the repo.
absl::StatusOr<PullRequest> DecodePullRequest(std::string_view page, std::string_view text);
absl::StatusOr<std::vector<CommitTitle>> DecodeCommits(std::string_view text, size_t limit);

}  // namespace batuta::hub
