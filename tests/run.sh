#!/usr/bin/env bash
# Installs what the tests need, builds, runs every suite, and ends with CTest's summary.
set -euo pipefail

usage() {
  cat <<'TXT'
usage: tests/run.sh [-p PRESET] [-L LABELS] [-R NAMES] [-t TARGET]... [-j JOBS] [-n]

  tests/run.sh                        everything, as CI does
  tests/run.sh -L unit                only the unit tests
  tests/run.sh -L 'unit|contract'     labels: unit contract integration fault fuzz e2e structure bench
  tests/run.sh -R blob_store          only tests whose name matches

  -p PRESET   dev (default), asan, tsan or bench
  -L, -R      regular expressions on labels and names, as of ctest
  -t TARGET   builds only this, such as unit_tests (default: everything)
  -j JOBS     compilers and tests side by side (default: the number of cores)
  -n          install no packages
  -h          this text

Exit codes: 0 all passed, 1 a step or a test failed, 2 usage. Results stay below build/PRESET.
TXT
}

preset=dev labels='' names='' install=1 targets=()
jobs=$(nproc)
while getopts 'p:L:R:t:j:nh' option; do
  case $option in
    p) preset=$OPTARG ;;
    L) labels=$OPTARG ;;
    R) names=$OPTARG ;;
    t) targets+=("$OPTARG") ;;
    j) jobs=$OPTARG ;;
    n) install=0 ;;
    h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
if [ $# -gt 0 ]; then
  usage >&2
  exit 2
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ $install -eq 1 ]; then
  groups=(build test)
  case $preset in
    asan | tsan | lint) groups+=(lint) ;;
    bench) groups+=(bench) ;;
  esac
  cmake/install_packages.sh "${groups[@]}" </dev/null
fi

# The tests bring their own folders; none of the caller's settings for hub, cache or daemon may reach them.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -m 700 "$scratch/run"
unset "${!HF_@}" "${!BATUTA_@}" HUGGING_FACE_HUB_TOKEN HUGGINGFACE_HUB_CACHE TRANSFORMERS_OFFLINE NO_COLOR
export XDG_RUNTIME_DIR=$scratch/run XDG_STATE_HOME=$scratch/state XDG_CONFIG_HOME=$scratch/config
export XDG_DATA_HOME=$scratch/data HF_HOME=$scratch/hf

# Paths relative to the checkout, so that a cache of compilations serves every clone of it.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

log=build/$preset/build.log
mkdir -p "build/$preset"
printf 'Building preset %s with %s jobs\n' "$preset" "$jobs"
build=(cmake --build --preset "$preset" -j "$jobs")
if [ ${#targets[@]} -gt 0 ]; then build+=(--target "${targets[@]}"); fi
if ! cmake --preset "$preset" >"$log" 2>&1 || ! "${build[@]}" >>"$log" 2>&1 </dev/null; then
  grep -nE 'error|Error|FAILED' -A 12 "$log" | head -80 || true
  tail -20 "$log"
  printf 'The build failed; everything it said is in %s\n' "$log"
  exit 1
fi

arguments=(--preset "$preset" --output-on-failure --no-tests=error -j "$jobs")
if [ -n "$labels" ]; then arguments+=(-L "$labels"); fi
if [ -n "$names" ]; then arguments+=(-R "$names"); fi
ctest "${arguments[@]}" </dev/null
