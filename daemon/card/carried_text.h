#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/card/value.h"

// What may go from a file of the folder into a card, which everybody reads. Pure.
namespace batuta::card {

// `text` on one line, fit to be shown; empty when it may not be: it is not UTF-8, longer than `limit_bytes`,
// names a place on this machine (`/home/anna/run`, `C:\run`, `~/run`, `file:…`), or has the shape of a secret
// or of a URL with a password in it.
std::string CarriedText(std::string_view text, size_t limit_bytes = 200);

// A scalar, as CarriedText(); a list of scalars, with commas between them. Empty for everything else.
std::string CarriedValue(const Value& value, size_t limit_bytes = 200);

// May a text be told that stands under this name? Not under one that speaks of secrets, places or people
// (`hub_token`, `output_dir`, `user`). Numbers may be told under any.
bool IsCarriedName(std::string_view name);

// `text` when it is an http or https URL without user, password and query; empty otherwise.
std::string CarriedUrl(std::string_view text);

}  // namespace batuta::card
