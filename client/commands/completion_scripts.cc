#include "client/commands/completion_scripts.h"

namespace batuta::client {
namespace {

// bash splits words at `:` and `=` (COMP_WORDBREAKS); neither stands in a word that is completed here but
// `--flag=value`, whose parts arrive as three words and are joined again by __complete.
constexpr std::string_view kBash = R"script(# bash completion of batuta
#   source <(batuta completion bash)
_batuta() {
  local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  mapfile -t COMPREPLY < <("${COMP_WORDS[0]}" __complete -- "${words[@]}" 2>/dev/null)
  if [[ ${COMP_WORDS[COMP_CWORD]} == "=" || ${COMP_WORDS[COMP_CWORD - 1]} == "=" ]]; then
    COMPREPLY=("${COMPREPLY[@]#*=}")
  fi
  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
    compopt -o default
  fi
}
complete -F _batuta batuta
)script";

constexpr std::string_view kZsh = R"script(#compdef batuta
# zsh completion of batuta
#   source <(batuta completion zsh)      or put it into a folder of $fpath as _batuta
_batuta() {
  local -a candidates
  candidates=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=("${(@)candidates:#}")
  if (( ${#candidates} )); then
    compadd -Q -- "${candidates[@]}"
  else
    _files
  fi
}
if [ "${funcstack[1]}" = "_batuta" ]; then
  _batuta "$@"
else
  compdef _batuta batuta
fi
)script";

constexpr std::string_view kFish = R"script(# fish completion of batuta
#   batuta completion fish | source
function __batuta_complete
  set -l words (commandline -opc)
  set -e words[1]
  batuta __complete -- $words (commandline -ct) 2>/dev/null
end
complete -c batuta -f -a '(__batuta_complete)'
complete -c batuta -n '__fish_seen_argument -s o -l output' -F
)script";

}  // namespace

std::string_view CompletionScript(std::string_view shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return {};
}

}  // namespace batuta::client
