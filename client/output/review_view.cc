#include "client/output/review_view.h"

#include <string_view>

#include <fmt/format.h>

#include "client/output/wire_text.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

std::string CountText(uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// `by Acme, since 2025-03-04, 18234 downloads in 30 days, 77 likes, licence apache-2.0, gated (manual)`
std::string FactsOf(const v1::RepoReview& review) {
  std::string text =
      fmt::format("by {}", review.author().empty() ? "nobody named" : Printable(review.author()));
  if (review.has_created()) {
    text += fmt::format(", since {}",
                        TimeText(true, review.created()).substr(0, std::string_view("2025-03-04").size()));
  }
  text += fmt::format(", {} in 30 days, {}", CountText(review.downloads(), "download"),
                      CountText(review.likes(), "like"));
  text += review.license().empty() ? ", no licence stated"
                                   : fmt::format(", licence {}", Printable(review.license()));
  if (!review.gated().empty()) text += fmt::format(", gated ({})", Printable(review.gated()));
  return text;
}

std::string IdentityText(const std::string& hub_id, bool has_created,
                         const google::protobuf::Timestamp& created) {
  std::string text = hub_id.empty() ? std::string("unknown") : Printable(hub_id);
  if (has_created) text += fmt::format(" (made {})", TimeText(true, created));
  return text;
}

}  // namespace

std::vector<std::string> ReviewLines(const v1::RepoReview& review, const v1::RepoId& asked,
                                     const Haul& haul) {
  std::vector<std::string> lines;
  const std::string name = fmt::format("{} {}", TypeWord(asked.type()), Printable(asked.id()));
  if (review.is_new()) {
    lines.push_back(fmt::format("{}: nothing was pulled from {} before", name,
                                Printable(asked.id().substr(0, asked.id().find('/')))));
    lines.push_back("  " + FactsOf(review));
    if (haul.files > 0) {
      lines.push_back(
          fmt::format("  to fetch: {}, {}", CountText(haul.files, "file"), FormatBytes(haul.bytes)));
    }
    if (!review.repo().id().empty() && review.repo().id() != asked.id()) {
      lines.push_back(fmt::format("  the hub has it as {} now", Printable(review.repo().id())));
    }
    for (const std::string& note : review.notes()) lines.push_back("  note: " + Printable(note));
    if (!review.confusable_with().empty()) {
      lines.push_back(
          fmt::format("  WARNING: may be mistaken for {}, which {}: {}", Printable(review.confusable_with()),
                      review.is_trusted() ? "this cache trusts" : "is well known", Printable(review.why())));
    }
  }
  if (review.has_replaced()) {
    const v1::RepoReplacement& replaced = review.replaced();
    lines.push_back(fmt::format(
        "{}: WARNING: another repo has this name than the one pulled before: its id was {}, and is {}", name,
        IdentityText(replaced.hub_id_before(), replaced.has_created_before(), replaced.created_before()),
        IdentityText(replaced.hub_id(), replaced.has_created(), replaced.created())));
  }
  return lines;
}

void WriteReview(const v1::RepoReview& review, JsonWriter& json) {
  json.BeginObject().Field("new", review.is_new()).Field("well_known", review.is_well_known());
  json.FieldOrNull("confusable_with", review.confusable_with()).FieldOrNull("why", review.why());
  json.Key("notes").BeginArray();
  for (const std::string& note : review.notes()) json.String(note);
  json.EndArray().FieldOrNull("author", review.author());
  json.FieldOrNull("created", TimeText(review.has_created(), review.created()));
  json.Field("downloads", review.downloads()).Field("likes", review.likes());
  json.FieldOrNull("license", review.license()).FieldOrNull("gated", review.gated());
  json.Key("replaced");
  if (!review.has_replaced()) {
    json.Null().EndObject();
    return;
  }
  const v1::RepoReplacement& replaced = review.replaced();
  json.BeginObject().FieldOrNull("hub_id_before", replaced.hub_id_before());
  json.FieldOrNull("created_before", TimeText(replaced.has_created_before(), replaced.created_before()));
  json.FieldOrNull("hub_id", replaced.hub_id());
  json.FieldOrNull("created", TimeText(replaced.has_created(), replaced.created())).EndObject().EndObject();
}

}  // namespace batuta::client
