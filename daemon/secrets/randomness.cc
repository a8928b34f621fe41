#include "daemon/secrets/randomness.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_set.h"

namespace batuta::secrets {
namespace {

constexpr size_t kShortestWord = 4;
constexpr size_t kLongestWord = 14;

// Of these, values in identifiers and documentation are made; long enough that chance hardly writes them.
constexpr std::string_view kWords =
    "about above absolute abstract accept access account action active actual adapter address admin after "
    "agent "
    "algorithm alias align allow alpha amount analysis another answer append apple application apply archive "
    "argument array article assert asset assign async atom attach attention attribute audio auth author auto "
    "available average avoid backend background backup balance banana base basic batch before begin behavior "
    "below best beta between bias binary bind black blank block blue board body boolean border both bottom "
    "bound "
    "branch break bridge broad brown browser bucket buffer build builder bundle button bytes cache call "
    "callback "
    "cancel capture card case cast category center central certificate chain change channel char charge chat "
    "check checkpoint child choice class clean clear click client clip clock clone close cloud cluster code "
    "codec collection color column combine command comment commit common compare compile complete component "
    "compute concat config configuration confirm connect connection console const constant construct "
    "container "
    "content context continue control convert cookie copy core correct count counter cover create credential "
    "cross current custom cycle daemon data database dataset date debug decode decoder deep default define "
    "delete delta demo deploy depth describe description design detail detect develop device dictionary "
    "different digest direct directory disable discard disk display distribution document domain dominant "
    "done "
    "double down download draft draw drive driver drop dropout dummy dump duplicate duration dynamic each "
    "early "
    "east easy edit editor element email embed embedding empty enable encode encoder encrypt endpoint engine "
    "enter entity entry enum environment epoch equal error escape estimate evaluate event every exact "
    "example "
    "exception exclude execute exist exit expect experiment export express expression extend extension extra "
    "extract face factor factory fail failure fake false fast favorite feature federation feed fetch field "
    "file "
    "fill filter final find fine finish first fixed flag flat float flow folder follow font force foreign "
    "form "
    "format forward found fragment frame framework free freeze from front full function future gamma gate "
    "gateway general generate generator generic getter github give global good google gradient graph great "
    "green "
    "grid group guard guest handle handler hash head header hello help helper hidden high history hold home "
    "hook "
    "host hour house hugging human icon identifier ignore image implement import include index info "
    "inference "
    "init initial initialize inline inner input insert inside inspect install instance instruct integer "
    "interface internal interval invalid invoke issue item iterator java javascript join json just keep "
    "kernel "
    "keyboard keys kind know label lambda language large last latency latent later launch layer layout lazy "
    "lead "
    "learn learning least left legacy length less letter level library license life light like limit line "
    "linear "
    "link list listen literal little live load loader local locale location lock logger login logout long "
    "look "
    "lookup loop loss lower machine magic main major make manage manager manifest manual many map mapping "
    "mark "
    "mask master match matrix mean measure media medium member memory menu merge message meta metadata "
    "method "
    "metric middle minimum minor mirror missing mock mode model modify module moment money monitor month "
    "more "
    "mount mouse move multi must mutable name namespace native nested network neural never next node noise "
    "none "
    "normal normalize note notebook nothing notice null number numeric object observe offset often only open "
    "operation operator optimize optimizer option optional order origin original other outer output over "
    "override owner pack package padding page pair panel parallel param parameter parent parse parser part "
    "partial pass passphrase passwd password patch path pattern pause payload peer people percent perform "
    "period permission person phase phone photo picture pipe pipeline pixel place plain plan platform play "
    "please plugin point policy pool popular port position post power precision predict prefix prepare "
    "present "
    "preview previous price primary prime print priority private probability process processor product "
    "production profile program progress project prompt property protect protocol provider proxy public "
    "publish "
    "pull purpose push python quality quantize query question queue quick quiet quote random range rank rate "
    "ratio read reader ready real reason receive recent record recover recursive redirect reduce reference "
    "refresh region register registry regular reject relation release reload remote remove render repeat "
    "replace "
    "reply report repository request require required reset resize resolve resource response rest restart "
    "restore result resume retry return reverse review right role rollback root rotate round route router "
    "rule "
    "running runtime safe same sample save scale scan schedule schema scheme scope score screen script "
    "scroll "
    "search second secret section secure security seed select self send sender sensitive sentence separate "
    "sequence serial series server service session setting settings setup several shape share shared shell "
    "shift "
    "short should show shuffle side signal signature silent simple single site size skip sleep slice slow "
    "small "
    "smart smooth snapshot socket soft some sort sound source space spawn special specific speed split "
    "square "
    "stack stage standard star start state statement static station status step stop storage store stream "
    "street "
    "strict string strip strong structure style submit subject success suffix suite sum summary super supply "
    "support surface swap switch symbol sync syntax system table target task team template temp temperature "
    "temporary tensor term terminal test testing text than that their them theme then there these they thing "
    "think this thread threshold through throw ticket time timeout timestamp title toggle token tokenizer "
    "tool "
    "topic total trace track trade traffic train trainer training transaction transfer transform transformer "
    "translate transport tree trigger true trust tuple turn tutorial type under unique unit universal "
    "unknown "
    "unlock until update upgrade upload upper usage user username using util utility valid validate "
    "validation "
    "value variable variant vector vendor verify version vertical very video view virtual visible vision "
    "visit "
    "vocab voice void volume wait wake walk wallet want warn warning watch water wave week weight well west "
    "what "
    "when where which while white whole wide width will window wire with without word work worker workflow "
    "workspace world wrap wrapper write writer wrong year yellow your zero zone";

const absl::flat_hash_set<std::string_view>& Words() {
  static const auto* const words = [] {
    auto* made = new absl::flat_hash_set<std::string_view>;
    for (size_t at = 0; at < kWords.size();) {
      const size_t end = std::min(kWords.find(' ', at), kWords.size());
      if (end - at >= kShortestWord) made->insert(kWords.substr(at, end - at));
      at = end + 1;
    }
    return made;
  }();
  return *words;
}

bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}

bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}

char Lower(char c) {
  return IsUpper(c) ? static_cast<char>(c + ('a' - 'A')) : c;
}

// The 0.1 % quantile of the entropy of random strings, by length, less 0.05.
constexpr std::array<int, 8> kLengths = {16, 20, 24, 32, 34, 40, 48, 64};
using Row = std::array<double, 8>;
constexpr Row kHex = {2.39, 2.66, 2.82, 3.07, 3.12, 3.25, 3.32, 3.50};
constexpr Row kBase32 = {2.85, 3.10, 3.30, 3.64, 3.68, 3.86, 4.01, 4.21};
constexpr Row kBase36 = {2.90, 3.19, 3.39, 3.74, 3.77, 3.94, 4.11, 4.32};
constexpr Row kLetters = {3.07, 3.36, 3.61, 3.94, 3.99, 4.16, 4.39, 4.62};
constexpr Row kBase62 = {3.11, 3.43, 3.69, 4.03, 4.12, 4.30, 4.48, 4.77};

const Row& RowOf(std::string_view value, const Classes& classes) {
  const bool is_hex = std::ranges::all_of(
      value, [](char c) { return (c >= '0' && c <= '9') || (Lower(c) >= 'a' && Lower(c) <= 'f'); });
  if (is_hex) return kHex;
  if (classes.others > 0) return kBase62;
  if (classes.lower > 0 && classes.upper > 0) return classes.digits > 0 ? kBase62 : kLetters;
  const bool is_32 =
      std::ranges::none_of(value, [](char c) { return c == '0' || c == '1' || c == '8' || c == '9'; });
  return is_32 ? kBase32 : kBase36;
}

// How many bytes of a run of small letters are words, and how many words those are.
void CountWords(std::string_view part, size_t& covered, int& count) {
  for (size_t at = 0; at + kShortestWord <= part.size();) {
    size_t length = std::min(kLongestWord, part.size() - at);
    while (length >= kShortestWord && !Words().contains(part.substr(at, length))) --length;
    if (length >= kShortestWord) {
      covered += length;
      ++count;
      at += length;
    } else {
      ++at;
    }
  }
}

}  // namespace

double Entropy(std::string_view value) {
  std::array<uint32_t, 256> counts{};
  for (const char c : value) ++counts[static_cast<unsigned char>(c)];
  const auto size = static_cast<double>(value.size());
  double entropy = 0;
  for (const uint32_t count : counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / size;
    entropy -= share * std::log2(share);
  }
  return entropy;
}

double LeastEntropy(std::string_view value) {
  const Row& row = RowOf(value, ClassesOf(value));
  const auto length = static_cast<double>(value.size());
  if (value.size() <= 16) return row.front() * std::log2(std::max(length, 2.0)) / 4;
  for (size_t i = 1; i < kLengths.size(); ++i) {
    if (length > kLengths[i]) continue;
    const double share = (length - kLengths[i - 1]) / (kLengths[i] - kLengths[i - 1]);
    return row[i - 1] + share * (row[i] - row[i - 1]);
  }
  return row.back();
}

bool IsMadeOfWords(std::string_view value) {
  std::string part;
  size_t covered = 0;
  int count = 0;
  for (size_t i = 0; i <= value.size(); ++i) {
    const bool ends = i == value.size() || !(IsLower(value[i]) || IsUpper(value[i])) ||
                      (i > 0 && IsUpper(value[i]) && IsLower(value[i - 1]));
    if (ends) {
      CountWords(part, covered, count);
      part.clear();
    }
    if (i < value.size() && (IsLower(value[i]) || IsUpper(value[i]))) part += Lower(value[i]);
  }
  if (count >= 2 && covered * 10 >= value.size() * 5) return true;
  if (count == 1 && covered * 10 >= value.size() * 7) return true;
  const Classes classes = ClassesOf(value);
  const bool is_letters =
      classes.digits == 0 && classes.others == 0 && classes.lower > 0 && classes.upper > 0;
  // Chance writes fewer than a fifth of long letters large once in ten thousand times.
  return is_letters && value.size() >= 30 &&
         std::min(classes.upper, classes.lower) * 5 <= static_cast<int>(value.size());
}

Classes ClassesOf(std::string_view value) {
  Classes classes;
  for (const char c : value) {
    if (IsLower(c)) {
      ++classes.lower;
    } else if (IsUpper(c)) {
      ++classes.upper;
    } else if (c >= '0' && c <= '9') {
      ++classes.digits;
    } else {
      ++classes.others;
    }
  }
  return classes;
}

}  // namespace batuta::secrets
