#include "daemon/safety/inspector.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/bundle/bundle.h"
#include "daemon/safety/families.h"
#include "daemon/safety/graph/hdf5.h"
#include "daemon/safety/graph/openvino.h"
#include "daemon/safety/magic.h"
#include "daemon/safety/name_class.h"
#include "daemon/safety/pickle/pickle.h"
#include "daemon/safety/rules.h"
#include "daemon/safety/text/rules.h"
#include "daemon/safety/text/text.h"

namespace batuta::safety {
namespace {

constexpr std::string_view kInside = " » ";  // between the names of a Subject's place

// The first bytes, as many as are here.
absl::StatusOr<std::string> ReadBeginning(ByteSource& bytes) {
  absl::Status status;
  for (const size_t count : {4'096U, 512U, 64U, 16U}) {
    ByteReader reader(bytes);
    const std::string_view first = reader.Peek(count);
    status = reader.status();
    if (status.ok()) return std::string(first);
    if (!absl::IsOutOfRange(status)) break;
  }
  return status;
}

// What is not what its name says is refused, whatever it is instead.
void HoldAgainstName(Subject& subject, const Promise& promise, Family family, std::string_view what) {
  if (promise.Allows(family)) return;
  subject.Add(rules::kNameMismatch, 0,
              fmt::format("it is not {} as its name says: it is {}", promise.what, what));
}

absl::Status InspectRecognised(Subject& subject, const Promise& promise, const Recognised& recognised) {
  HoldAgainstName(subject, promise, recognised.family, recognised.what);
  return recognised.inspect(subject);
}

absl::Status InspectFoundText(Subject& subject, const Promise& promise, std::string_view first) {
  const bool belongs = promise.first == Family::kText || (promise.what.empty() && !promise.is_weights);
  if (IsLfsPointer(first) && (!belongs || promise.what.empty())) {
    subject.SetFormat("git-lfs pointer");
    subject.Add(rules::kLfsPointer, 0, "it is a git-lfs pointer and not the file");
    return InspectText(subject, TextKind::kPlain);
  }
  if (IsHtmlPage(first) && !belongs) {
    subject.SetFormat("markup");
    subject.Add(rules::kHtmlPage, 0, "it is a web page and not the file");
    return InspectText(subject, TextKind::kMarkup);
  }
  HoldAgainstName(subject, promise, Family::kText, "text");
  if (subject.name().ends_with(".xml")) return InspectOpenvino(subject);
  return InspectText(subject, promise.text);
}

// In the order in which no loader can be misled: what runs by itself, what has a signature, pickles (which
// may have none), text, and what only its name can tell.
absl::Status InspectBeginning(Subject& subject) {
  const Promise promise = PromiseOf(subject.name());
  if (subject.size_bytes() == 0) {
    subject.SetFormat("empty");
    if (promise.is_weights) subject.Add(rules::kEmpty, 0, "it is empty");
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string first, ReadBeginning(subject.bytes()));
  if (const Magic* magic = FindMagic(first); magic != nullptr) {
    subject.SetFormat(magic->format);
    HoldAgainstName(subject, promise, magic->rule == &rules::kShebang ? Family::kText : Family::kNone,
                    magic->format);
    subject.Add(*magic->rule, 0, fmt::format("it is a {}", magic->format));
    return absl::OkStatus();
  }
  constexpr Recognised kPickle{Family::kPickle, "a pickle", InspectPickle};
  if (const Recognised recognised = ByBeginning(first); recognised.family != Family::kNone) {
    // "GIF89a" is a number to a pickle, and a program may follow in the colours.
    if (recognised.family == Family::kMedia) {
      ASSIGN_OR_RETURN(const bool is_both, IsPickle(subject.bytes()));
      if (is_both) return InspectRecognised(subject, promise, kPickle);
    }
    return InspectRecognised(subject, promise, recognised);
  }
  // It may begin far behind the beginning, where the bytes may not be here yet.
  const absl::StatusOr<bool> is_hdf5 = IsHdf5(subject.bytes());
  if (!is_hdf5.ok() && !absl::IsOutOfRange(is_hdf5.status())) return is_hdf5.status();
  if (is_hdf5.ok() && *is_hdf5)
    return InspectRecognised(subject, promise, {Family::kHdf5, "HDF5", InspectHdf5});
  ASSIGN_OR_RETURN(const bool is_pickle, IsPickle(subject.bytes()));
  if (is_pickle) return InspectRecognised(subject, promise, kPickle);
  const bool may_be_old =
      promise.first == Family::kText && (promise.text == TextKind::kPlain || promise.text == TextKind::kCode);
  const bool is_text =
      LooksLikeText(first, first.size() == subject.size_bytes()) || (may_be_old && LooksLikeOldText(first));
  if (is_text && (IsLfsPointer(first) || IsHtmlPage(first))) return InspectFoundText(subject, promise, first);
  // Before other text, since a small one may be made of nothing but characters.
  const Recognised promised = ByPromise(promise, first);
  if (is_hdf5.ok() && promised.family != Family::kNone) return promised.inspect(subject);
  if (is_text) return InspectFoundText(subject, promise, first);
  RETURN_IF_ERROR(is_hdf5.status());
  if (!promise.what.empty()) {
    subject.Add(rules::kNameMismatch, 0, fmt::format("it is not {} as its name says", promise.what));
  }
  if (promise.text == TextKind::kTemplate)
    subject.Add(rules::kTemplateBroken, 0, "the chat template is no text");
  subject.Add(rules::kUnrecognised, 0, "its bytes are of no known format");
  return absl::OkStatus();
}

// Any file and any member of one. What is understood to its last byte cannot be something else as well; of
// the rest some read only the end.
absl::Status InspectAny(Subject& subject) {
  const uint64_t findings_before = subject.report().finding_count();
  RETURN_IF_ERROR(InspectBeginning(subject));
  const Grades grades = subject.report().grades();
  const bool is_understood =
      subject.report().finding_count() == findings_before || grades == Grades{Grade::kPickle};
  const bool is_worst = grades.Has(Grade::kMalicious) || grades.Has(Grade::kBomb);
  return is_understood || is_worst ? absl::OkStatus() : InspectZipAtEnd(subject);
}

// "*.bin » archive/data.pkl" → "archive/data.pkl".
void StripName(std::string& place, std::string_view name) {
  if (!place.starts_with(name)) return;
  place.erase(0, std::min(place.size(), name.size() + kInside.size()));
}

}  // namespace

Outcome Inspect(std::string_view path, ByteSource& bytes, const Limits& limits) {
  Report report;
  const std::string name = NameClass(path);
  Subject subject(name, bytes, report, InspectAny, limits);
  const std::string place = subject.place();
  Outcome outcome;
  outcome.status = InspectAny(subject);
  outcome.verdict = std::move(report).Take();
  if (outcome.verdict.format.empty()) outcome.verdict.format = "unknown";
  for (Finding& finding : outcome.verdict.findings) StripName(finding.place, place);
  return outcome;
}

}  // namespace batuta::safety
