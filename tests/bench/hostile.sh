#!/usr/bin/env bash
# One client asks where files are, while others do what they like. Builds, runs hostile.py.
#   tests/bench/hostile.sh [--idle N] [--busy N] [--seconds N] [--json FILE]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cmake/install_packages.sh build test </dev/null

unset "${!HF_@}" "${!BATUTA_@}" HUGGING_FACE_HUB_TOKEN HUGGINGFACE_HUB_CACHE TRANSFORMERS_OFFLINE http_proxy https_proxy all_proxy
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 PYTHONDONTWRITEBYTECODE=1
log=build/bench/build.log
mkdir -p build/bench
printf 'Building preset bench\n'
if ! cmake --preset bench >"$log" 2>&1 || ! cmake --build --preset bench --target batuta batutad hubsim make_cache resolve_load >>"$log" 2>&1 </dev/null; then
  tail -20 "$log"
  printf 'The build failed; everything it said is in %s\n' "$log"
  exit 1
fi
exec /usr/bin/python3 tests/bench/hostile.py build/bench "$@"
