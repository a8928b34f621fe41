#!/usr/bin/env bash
# A cache of a million blobs, and one of 300 repos: start, listing, plans, questions, memory. Builds, runs cache.py.
#   tests/bench/cache.sh [--repos N] [--snapshots N] [--files N] [--only million|listing] [--folder DIR] [--json FILE]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cmake/install_packages.sh build test </dev/null

unset "${!HF_@}" "${!BATUTA_@}" HUGGING_FACE_HUB_TOKEN HUGGINGFACE_HUB_CACHE TRANSFORMERS_OFFLINE http_proxy https_proxy all_proxy
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 PYTHONDONTWRITEBYTECODE=1
log=build/bench/build.log
mkdir -p build/bench
printf 'Building preset bench\n'
if ! cmake --preset bench >"$log" 2>&1 || ! cmake --build --preset bench --target batuta batutad hubsim bare_client make_cache cache_bench resolve_load empty_server >>"$log" 2>&1 </dev/null; then
  tail -20 "$log"
  printf 'The build failed; everything it said is in %s\n' "$log"
  exit 1
fi
exec /usr/bin/python3 tests/bench/cache.py build/bench "$@"
