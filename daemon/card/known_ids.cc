#include "daemon/card/known_ids.h"

#include <algorithm>
#include <array>
#include <utility>

namespace batuta::card {
namespace {

// Sorted.
constexpr std::array<std::string_view, 50> kPipelineTags = {"any-to-any",
                                                            "audio-classification",
                                                            "audio-text-to-text",
                                                            "audio-to-audio",
                                                            "automatic-speech-recognition",
                                                            "depth-estimation",
                                                            "document-question-answering",
                                                            "feature-extraction",
                                                            "fill-mask",
                                                            "graph-ml",
                                                            "image-classification",
                                                            "image-feature-extraction",
                                                            "image-segmentation",
                                                            "image-text-to-image",
                                                            "image-text-to-text",
                                                            "image-text-to-video",
                                                            "image-to-3d",
                                                            "image-to-image",
                                                            "image-to-text",
                                                            "image-to-video",
                                                            "keypoint-detection",
                                                            "mask-generation",
                                                            "object-detection",
                                                            "question-answering",
                                                            "reinforcement-learning",
                                                            "robotics",
                                                            "sentence-similarity",
                                                            "summarization",
                                                            "table-question-answering",
                                                            "tabular-classification",
                                                            "tabular-regression",
                                                            "text-classification",
                                                            "text-generation",
                                                            "text-ranking",
                                                            "text-to-3d",
                                                            "text-to-audio",
                                                            "text-to-image",
                                                            "text-to-speech",
                                                            "text-to-video",
                                                            "time-series-forecasting",
                                                            "token-classification",
                                                            "translation",
                                                            "unconditional-image-generation",
                                                            "video-classification",
                                                            "video-text-to-text",
                                                            "video-to-video",
                                                            "visual-document-retrieval",
                                                            "visual-question-answering",
                                                            "voice-activity-detection",
                                                            "zero-shot-classification"};

// Sorted.
constexpr std::array<std::string_view, 80> kLicenses = {"afl-3.0",
                                                        "agpl-3.0",
                                                        "apache-2.0",
                                                        "apple-amlr",
                                                        "apple-ascl",
                                                        "artistic-2.0",
                                                        "bigcode-openrail-m",
                                                        "bigscience-bloom-rail-1.0",
                                                        "bigscience-openrail-m",
                                                        "bsd",
                                                        "bsd-2-clause",
                                                        "bsd-3-clause",
                                                        "bsd-3-clause-clear",
                                                        "bsl-1.0",
                                                        "c-uda",
                                                        "cc",
                                                        "cc-by-2.0",
                                                        "cc-by-2.5",
                                                        "cc-by-3.0",
                                                        "cc-by-4.0",
                                                        "cc-by-nc-2.0",
                                                        "cc-by-nc-3.0",
                                                        "cc-by-nc-4.0",
                                                        "cc-by-nc-nd-3.0",
                                                        "cc-by-nc-nd-4.0",
                                                        "cc-by-nc-sa-2.0",
                                                        "cc-by-nc-sa-3.0",
                                                        "cc-by-nc-sa-4.0",
                                                        "cc-by-nd-4.0",
                                                        "cc-by-sa-3.0",
                                                        "cc-by-sa-4.0",
                                                        "cc0-1.0",
                                                        "cdla-permissive-1.0",
                                                        "cdla-permissive-2.0",
                                                        "cdla-sharing-1.0",
                                                        "creativeml-openrail-m",
                                                        "deepfloyd-if-license",
                                                        "ecl-2.0",
                                                        "epl-1.0",
                                                        "epl-2.0",
                                                        "etalab-2.0",
                                                        "eupl-1.1",
                                                        "eupl-1.2",
                                                        "fair-noncommercial-research-license",
                                                        "gemma",
                                                        "gfdl",
                                                        "gpl",
                                                        "gpl-2.0",
                                                        "gpl-3.0",
                                                        "h-research",
                                                        "intel-research",
                                                        "isc",
                                                        "lgpl",
                                                        "lgpl-2.1",
                                                        "lgpl-3.0",
                                                        "lgpl-lr",
                                                        "llama2",
                                                        "llama3",
                                                        "llama3.1",
                                                        "llama3.2",
                                                        "llama3.3",
                                                        "llama4",
                                                        "lppl-1.3c",
                                                        "mit",
                                                        "mpl-2.0",
                                                        "ms-pl",
                                                        "ncsa",
                                                        "odbl",
                                                        "odc-by",
                                                        "ofl-1.1",
                                                        "openmdw-1.0",
                                                        "openrail",
                                                        "openrail++",
                                                        "osl-3.0",
                                                        "pddl",
                                                        "postgresql",
                                                        "unknown",
                                                        "unlicense",
                                                        "wtfpl",
                                                        "zlib"};

static_assert(std::is_sorted(kPipelineTags.begin(), kPipelineTags.end()));
static_assert(std::is_sorted(kLicenses.begin(), kLicenses.end()));

template <size_t kCount>
bool Holds(const std::array<std::string_view, kCount>& sorted, std::string_view text) {
  return std::binary_search(sorted.begin(), sorted.end(), text);
}

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return lowered;
}

}  // namespace

bool IsPipelineTag(std::string_view text) {
  return Holds(kPipelineTags, text);
}

bool IsLanguageCode(std::string_view text) {
  if (text == "code" || text == "multilingual") return true;
  return (text.size() == 2 || text.size() == 3) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

bool IsBaseRelation(std::string_view text) {
  return text == "adapter" || text == "merge" || text == "quantized" || text == "finetune";
}

std::string LicenseId(std::string_view stated) {
  std::string id = Lowered(stated);
  for (const std::string_view suffix : {"-only", "-or-later"}) {
    if (id.ends_with(suffix)) id.resize(id.size() - suffix.size());
  }
  if (Holds(kLicenses, id)) return id;
  constexpr std::array kNames = {
      std::pair{std::string_view("apache 2.0"), std::string_view("apache-2.0")},
      std::pair{std::string_view("apache license 2.0"), std::string_view("apache-2.0")},
      std::pair{std::string_view("apache license, version 2.0"), std::string_view("apache-2.0")},
      std::pair{std::string_view("mit license"), std::string_view("mit")},
      std::pair{std::string_view("the mit license"), std::string_view("mit")},
  };
  for (const auto& [name, known] : kNames) {
    if (id == name) return std::string(known);
  }
  return {};
}

std::string LicenseOfText(std::string_view text) {
  std::string head = Lowered(text.substr(0, 1'500));
  std::replace_if(
      head.begin(), head.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  head.erase(std::unique(head.begin(), head.end(), [](char a, char b) { return a == ' ' && b == ' '; }),
             head.end());

  // All of these parts: the licence. The first that fits.
  struct Signs {
    std::string_view first;
    std::string_view second;
    std::string_view id;
  };

  constexpr std::array kSigns = {
      Signs{"apache license", "version 2.0, january 2004", "apache-2.0"},
      Signs{"permission is hereby granted, free of charge",
            "the above copyright notice and this permission notice", "mit"},
      Signs{"gnu affero general public license", "version 3, 19 november 2007", "agpl-3.0"},
      Signs{"gnu lesser general public license", "version 3, 29 june 2007", "lgpl-3.0"},
      Signs{"gnu general public license", "version 3, 29 june 2007", "gpl-3.0"},
      Signs{"gnu general public license", "version 2, june 1991", "gpl-2.0"},
      Signs{"mozilla public license", "version 2.0", "mpl-2.0"},
      Signs{"creative commons attribution 4.0 international", "public license", "cc-by-4.0"},
      Signs{"creative commons attribution-sharealike 4.0 international", "public license", "cc-by-sa-4.0"},
      Signs{"creative commons legal code", "cc0 1.0 universal", "cc0-1.0"},
      Signs{"this is free and unencumbered software", "released into the public domain", "unlicense"},
      Signs{"redistributions in binary form must reproduce", "neither the name of", "bsd-3-clause"},
  };
  for (const Signs& signs : kSigns) {
    if (head.find(signs.first) != std::string::npos && head.find(signs.second) != std::string::npos) {
      return std::string(signs.id);
    }
  }
  return {};
}

std::string CommitOf(std::string_view text) {
  const bool is_hex = std::all_of(text.begin(), text.end(),
                                  [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return is_hex && text.size() >= 7 && text.size() <= 64 ? std::string(text) : std::string();
}

}  // namespace batuta::card
