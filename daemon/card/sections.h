#pragma once

#include <string>
#include <string_view>

#include "daemon/card/facts.h"

namespace batuta::card {

// The text of a card below its metadata: the sections of the model-card literature, each with what the facts
// say or with "Not stated.". `curve_path` is the picture of the losses; empty: there is none. Nothing of a
// foreign text becomes markup. Pure.
std::string CardSections(const Facts& facts, std::string_view model_name, std::string_view curve_path);

// `text` such that Markdown shows it as it is, also within a table.
std::string MarkdownText(std::string_view text);

}  // namespace batuta::card
