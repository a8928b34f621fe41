#pragma once

#include "batuta/v1/push_service.pb.h"

#include "client/output/output.h"

// A model card, as a push would bring it along.
namespace batuta::client {

enum class CardPart { kReadme, kDiff };

// For people: that part of it on stdout, where it comes from on stderr. JSON (the contract of the command
// line):
// {"card":"generated|completed|present|none","readme","files":[{"path","content"}],"sources":[…],"warnings":[…],"diff"};
// "readme" is null when there is none. Quiet: "generated", "completed", "present" or "none". Warnings go to
// stderr in every format but JSON.
void PrintCard(Output& output, const v1::PreviewCardResponse& card, CardPart part);

}  // namespace batuta::client
