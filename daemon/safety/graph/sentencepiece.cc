#include "daemon/safety/graph/sentencepiece.h"

#include <string>

#include <fmt/format.h>

#include "common/text/utf8.h"
#include "daemon/safety/graph/protobuf_reader.h"
#include "daemon/safety/graph/rules.h"

namespace batuta::safety {
namespace {

using Wire = ProtobufReader::Wire;

// Of a model: the pieces, then how it was trained, how it normalizes, its test, how it undoes that.
constexpr uint32_t kPieces = 1;
constexpr uint32_t kLastPart = 5;

constexpr uint64_t kMostPieceBytes = 64 << 10;

// What is wrong with a piece: a text, a score and one of the kinds. "" for a good one.
std::string_view PieceProblem(ProtobufReader& reader) {
  std::string text;
  ProtobufReader::Field field;
  while (reader.Next(field)) {
    if (field.number == 1 && field.is_bytes()) {
      if (!text.empty()) return "a piece with two texts";
      if (field.size_bytes > kMostPieceBytes) return "a piece that is too long";
      if (!reader.Text(field.size_bytes, text)) break;
    } else if (!(field.number == 2 && field.wire == Wire::kFixed32) &&
               !(field.number == 3 && field.is_varint() && field.value >= 1 && field.value <= 6)) {
      return "a piece with an unknown field";
    }
  }
  if (!reader.problem().empty()) return reader.problem();
  if (text.empty()) return "a piece without a text";
  return IsValidUtf8(text) ? "" : "a piece that is not UTF-8";
}

// Settings of the training and the like, which no loader acts on: that they are well-formed is enough.
std::string_view PartProblem(ProtobufReader& reader) {
  ProtobufReader::Field field;
  while (reader.Next(field)) {
  }
  return reader.problem();
}

}  // namespace

bool IsSentencePiece(std::string_view first) {
  // A piece, and in it its text.
  return first.size() > 3 && first[0] == '\x0a' && first[2] == '\x0a' && first[1] > 0 && first[3] > 0;
}

absl::Status InspectSentencePiece(Subject& subject) {
  subject.SetFormat("sentencepiece");
  ProtobufReader reader(subject.bytes());
  ProtobufReader::Field field;
  uint64_t pieces = 0;
  const auto broken = [&](std::string_view what) {
    subject.Add(rules::kSentencePieceBroken, field.offset, what);
    return absl::OkStatus();
  };
  while (reader.Next(field)) {
    if (!field.is_bytes() || field.number > kLastPart) {
      return broken(fmt::format("field {} is none of a SentencePiece model", field.number));
    }
    if (!reader.Enter()) break;
    pieces += field.number == kPieces ? 1 : 0;
    const std::string_view problem = field.number == kPieces ? PieceProblem(reader) : PartProblem(reader);
    if (!reader.status().ok()) return reader.status();
    if (!problem.empty()) return broken(problem);
    reader.Leave();
  }
  if (!reader.status().ok()) return reader.status();
  if (!reader.problem().empty()) return broken(reader.problem());
  if (pieces == 0) return broken("it has no pieces");
  return absl::OkStatus();
}

}  // namespace batuta::safety
