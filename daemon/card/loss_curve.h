#pragma once

#include <string>

#include "daemon/card/facts.h"

namespace batuta::card {

// The losses as a picture (SVG, without scripts, about 10 KiB at most): one line for training, one for
// evaluation. Empty when there are fewer than two points to join. The same log gives the same bytes. Pure.
std::string LossCurve(const LossLog& log);

}  // namespace batuta::card
