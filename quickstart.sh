#!/usr/bin/env bash
# From a fresh Debian 12 to a first pull: packages, build, daemon up, pull, and what happened.
set -euo pipefail

usage() {
  cat <<'TXT'
usage: ./quickstart.sh [--offline-demo] [--repo ID] [--keep] [--build-only] [-j JOBS]

  ./quickstart.sh                  install, build, then pull a small model from the hub into your cache
  ./quickstart.sh --offline-demo   the same without internet: a simulated hub on this machine serves small models

  --offline-demo   use the simulated hub and a cache of its own; chosen by itself when the hub cannot be reached
  --repo ID        the model to pull from the hub (default sentence-transformers/all-MiniLM-L6-v2, about 90 MB)
  --keep           leave the demo's folder with its cache and logs in place
  --build-only     install packages and build, no more
  -j JOBS          compilers side by side (default: the number of cores)
  -h, --help       this text

Nothing is left running. Programs are built in build/release; nothing is installed outside of it but Debian packages.
Exit codes: 0 done, 1 a step failed and the text says which, 2 usage.
TXT
}

say() { printf '%s\n' "$*"; }
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
die() {
  printf 'quickstart: %s\n' "$*" >&2
  exit 1
}

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; fi

demo=0 keep=0 build_only=0
repo=sentence-transformers/all-MiniLM-L6-v2
jobs=$(nproc)
while [ $# -gt 0 ]; do
  case $1 in
    --offline-demo) demo=1 ;;
    --keep) keep=1 ;;
    --build-only) build_only=1 ;;
    --repo | -j)
      if [ $# -lt 2 ]; then usage >&2; exit 2; fi
      if [ "$1" = -j ]; then jobs=$2; else repo=$2; fi
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$top/build/release

# --- 1. packages, 2. build ---

free_mib=$(df -Pm "$top" | awk 'NR == 2 {print $4}')
if [ "$free_mib" -lt 2048 ]; then
  die "only $free_mib MiB are free where the checkout lies; the build needs about 1 GiB. Make room, then try again."
fi

title "1. Packages"
"$top/cmake/install_packages.sh" build demo </dev/null || die "packages are missing; see above."
say "All there."

# Shows how far ninja is: in place on a terminal, else a line now and then.
watch_build() {
  local shown='' now tick=0
  while kill -0 "$1" 2>/dev/null; do
    now=$(grep -oE '^\[[0-9]+/[0-9]+\]' "$build/build.log" 2>/dev/null | tail -1 || true)
    if [ -n "$now" ] && [ "$now" != "$shown" ]; then
      if [ -t 1 ]; then printf '\r%s ' "$now"; elif [ $((tick % 30)) -eq 0 ]; then say "$now"; fi
      shown=$now
    fi
    tick=$((tick + 1))
    sleep 1
  done
  if [ -t 1 ]; then printf '\r'; fi
}

title "2. Build (some minutes the first time)"
mkdir -p "$build"
begin=$SECONDS
(
  cd "$top"
  export CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1
  cmake --preset release -DBATUTA_BUILD_HUBSIM=ON && cmake --build --preset release -j "$jobs"
) >"$build/build.log" 2>&1 </dev/null &
compiler=$!
trap 'kill "$compiler" 2>/dev/null || true' EXIT
watch_build "$compiler"
if ! wait "$compiler"; then
  grep -E 'error|Error|Could NOT|FAILED' "$build/build.log" | head -15 >&2 || true
  die "the build failed; everything it said is in $build/build.log"
fi
trap - EXIT
say "Built in $((SECONDS - begin)) s: $build"
if [ $build_only -eq 1 ]; then exit 0; fi

# --- 3. a first pull ---

work=$(mktemp -d "${TMPDIR:-/tmp}/batuta-demo.XXXXXX")
hubsim_pid=''
daemon_was_up=0

finish() {
  local code=$?
  trap - EXIT INT TERM
  if [ $daemon_was_up -eq 0 ]; then batuta daemon stop >/dev/null 2>&1 || true; fi
  if [ -n "$hubsim_pid" ]; then
    kill "$hubsim_pid" 2>/dev/null || true
    wait "$hubsim_pid" 2>/dev/null || true
  fi
  if [ $keep -eq 1 ]; then say "Kept: $work"; else rm -rf "$work"; fi
  exit $code
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export PATH=$build/client:$build/daemon/app:$PATH

# Prints a command as one would type it, then runs it.
show() {
  printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"
  "$@"
}

hub_answers() {
  local code=0
  HF_HUB_ETAG_TIMEOUT=5 timeout 30 batuta hf pull model "$repo" --dry-run --no-wait --format quiet >/dev/null 2>"$work/error" || code=$?
  case $code in
    0) return 0 ;;
    6 | 124) return 1 ;;
    *) cat "$work/error" >&2; die "the hub does not give $repo; name another with --repo, or try --offline-demo." ;;
  esac
}

start_simulated_hub() {
  python3 -B "$top/tests/hubsim/sample/make_sample_hub.py" "$work/hub" --without-npm
  # At the speed of a slow line, so that there is progress to see.
  printf '[{"kind":"slow","listener":"cdn","count":"always","bytes_per_second":1500000}]\n' >"$work/faults.json"
  "$build/tests/hubsim/hubsim" --root "$work/hub" --faults "$work/faults.json" --exit-with-parent >"$work/hubsim.out" 2>"$work/hubsim.err" &
  hubsim_pid=$!
  local url='' tries
  for tries in $(seq 100); do
    url=$(grep -om1 'http://[0-9.:]*' "$work/hubsim.out" || true)
    if [ -n "$url" ]; then break; fi
    kill -0 "$hubsim_pid" 2>/dev/null || break
    sleep 0.1
  done
  if [ -z "$url" ]; then
    cat "$work/hubsim.err" >&2
    die "the simulated hub did not start (waited $((tries / 10)) s)."
  fi
  say "It answers at $url"
  # A cache, a state and a socket of the demo's own: yours stay as they are.
  mkdir -m 700 "$work/run"
  unset "${!HF_@}" "${!BATUTA_@}" HUGGING_FACE_HUB_TOKEN HUGGINGFACE_HUB_CACHE
  export HF_ENDPOINT=$url HF_HOME=$work/hf XDG_RUNTIME_DIR=$work/run XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
}

# "REQUESTS BYTES" that the simulated hub has answered and sent so far.
served() {
  python3 -c 'import json, sys, urllib.request
stats = json.load(urllib.request.urlopen(sys.argv[1] + "/__hubsim/stats"))
print(stats["requests"], stats["hub_bytes_sent"] + stats["cdn_bytes_sent"])' "$HF_ENDPOINT"
}

if [ $demo -eq 0 ]; then
  title "3. Is the hub there?"
  if BATUTA_NO_SPAWN=1 batuta daemon status >/dev/null 2>&1; then daemon_was_up=1; fi
  if hub_answers; then
    say "Yes."
  else
    say "It cannot be reached from here: showing the offline demo instead."
    if [ $daemon_was_up -eq 0 ]; then batuta daemon stop >/dev/null 2>&1 || true; fi
    demo=1 daemon_was_up=0
  fi
fi
if [ $demo -eq 1 ]; then
  title "3. A simulated hub with a few small models"
  start_simulated_hub
  repo=acme/otter-tiny
fi

title "4. The daemon and a first pull"
show batuta daemon start
if [ $demo -eq 1 ]; then show batuta hf search models otter; fi
show batuta hf pull model "$repo"

title "5. The same pull again"
if [ $demo -eq 1 ]; then before=$(served); fi
show batuta hf pull model "$repo"
if [ $demo -eq 1 ]; then
  read -r requests bytes <<<"$before"
  read -r requests_after bytes_after <<<"$(served)"
  say "The hub saw $((requests_after - requests)) requests and sent $((bytes_after - bytes)) bytes for the second pull."
  if [ "$requests_after" != "$requests" ]; then die "the second pull should have asked the hub nothing."; fi
fi

title "6. What is where"
show batuta hf cache ls
show batuta hf limits
snapshot=$(batuta hf cache path model "$repo")
show ls -lL "$snapshot"

title "Done"
say "The programs are $build/client/batuta and $build/daemon/app/batutad; the daemon starts by itself when a command needs it."
say "Next: batuta --help, README.md, docs/recipes/README.md"
