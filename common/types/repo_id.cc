#include "common/types/repo_id.h"

#include <cstdint>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/utf8.h"

namespace batuta {
namespace {

constexpr size_t kMaxPartBytes = 96;

bool IsWordCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// What is wrong with the id as a whole; empty when nothing is.
std::string_view WholeProblem(std::string_view id) {
  if (id.empty()) return "it is empty";
  if (id.find('/') != id.rfind('/')) return "it has more than one `/`";
  if (id.find("--") != std::string_view::npos) return "`--` is not allowed";
  if (id.find("..") != std::string_view::npos) return "`..` is not allowed";
  if (id.ends_with(".git")) return "it must not end in `.git`";
  return {};
}

std::string_view PartProblem(std::string_view part) {
  if (part.empty()) return "a part beside the `/` is empty";
  if (part.size() > kMaxPartBytes) return "a part is longer than 96 characters";
  for (const char c : part) {
    if (!IsWordCharacter(c) && c != '-' && c != '.')
      return "only letters, digits, `_`, `-` and `.` are allowed";
  }
  if (!IsWordCharacter(part.front()) || !IsWordCharacter(part.back())) {
    return "each part must start and end on a letter, a digit or `_`";
  }
  return {};
}

std::string_view Problem(std::string_view id) {
  if (const std::string_view problem = WholeProblem(id); !problem.empty()) return problem;
  const size_t slash = id.find('/');
  if (slash == std::string_view::npos) return PartProblem(id);
  if (const std::string_view problem = PartProblem(id.substr(0, slash)); !problem.empty()) return problem;
  return PartProblem(id.substr(slash + 1));
}

// Names the first character that is not ASCII: it may look as if it were.
std::string StrangerIn(std::string_view id) {
  for (size_t i = 0; i < id.size();) {
    const Utf8Step step = NextUtf8(id, i);
    if (step.valid && step.point >= 0x80) {
      return fmt::format(
          "the character U+{:04X} in it is none of A-Z, a-z and 0-9, though it may look like one; ",
          static_cast<uint32_t>(step.point));
    }
    i += step.length;
  }
  return {};
}

absl::Status Invalid(std::string_view what, std::string_view text, std::string_view problem,
                     std::string_view hint) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidRepoId,
                   fmt::format("{} {}: {}", what, Quoted(text), problem), hint);
}

}  // namespace

std::string_view ToString(RepoType type) {
  switch (type) {
    case RepoType::kModel:
      return "model";
    case RepoType::kDataset:
      return "dataset";
    case RepoType::kSpace:
      return "space";
  }
  return "model";
}

absl::StatusOr<RepoType> ParseRepoType(std::string_view text) {
  if (text == "model" || text == "models") return RepoType::kModel;
  if (text == "dataset" || text == "datasets") return RepoType::kDataset;
  if (text == "space" || text == "spaces") return RepoType::kSpace;
  return Invalid("repo type", text, "unknown", "use model, dataset or space");
}

absl::StatusOr<RepoId> RepoId::Parse(RepoType type, std::string_view id) {
  if (const std::string_view problem = Problem(id); !problem.empty()) {
    return Invalid("repo id", id, problem,
                   StrangerIn(id) + "write it as `namespace/name`, for example `openai-community/gpt2`");
  }
  return RepoId(type, std::string(id));
}

std::string_view RepoId::repo_namespace() const {
  const size_t slash = id_.find('/');
  return slash == std::string::npos ? std::string_view() : std::string_view(id_).substr(0, slash);
}

std::string_view RepoId::name() const {
  const size_t slash = id_.find('/');
  return slash == std::string::npos ? std::string_view(id_) : std::string_view(id_).substr(slash + 1);
}

std::string RepoId::folder() const {
  const std::string_view space = repo_namespace();
  if (space.empty()) return fmt::format("{}--{}", api_segment(), name());
  return fmt::format("{}--{}--{}", api_segment(), space, name());
}

std::string_view RepoId::api_segment() const {
  switch (type_) {
    case RepoType::kModel:
      return "models";
    case RepoType::kDataset:
      return "datasets";
    case RepoType::kSpace:
      return "spaces";
  }
  return "models";
}

std::string_view RepoId::url_prefix() const {
  switch (type_) {
    case RepoType::kModel:
      return "";
    case RepoType::kDataset:
      return "datasets/";
    case RepoType::kSpace:
      return "spaces/";
  }
  return "";
}

absl::StatusOr<RepoId> RepoId::FromFolder(std::string_view folder) {
  for (const RepoType type : {RepoType::kModel, RepoType::kDataset, RepoType::kSpace}) {
    const std::string prefix = fmt::format("{}s--", ToString(type));
    if (!folder.starts_with(prefix)) continue;
    std::string id(folder.substr(prefix.size()));
    if (id.find('/') != std::string::npos) break;
    if (const size_t joint = id.find("--"); joint != std::string::npos) id.replace(joint, 2, "/");
    if (!Problem(id).empty()) break;
    return RepoId(type, std::move(id));
  }
  return Invalid("cache folder", folder, "not named `models--namespace--name` or alike", {});
}

}  // namespace batuta
