#!/usr/bin/env bash
# How fast files are scanned for secrets, beside grep and secretlint. Builds, fetches secretlint from npm, runs secrets.py.
#   tests/bench/secrets.sh [--megabytes N] [--rounds N] [--folder DIR]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cmake/install_packages.sh build test </dev/null

unset "${!HF_@}" "${!BATUTA_@}" HUGGING_FACE_HUB_TOKEN HUGGINGFACE_HUB_CACHE TRANSFORMERS_OFFLINE
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 PYTHONDONTWRITEBYTECODE=1
log=build/bench/build.log
secretlint=build/bench/secretlint
mkdir -p "$secretlint"
cp tests/bench/secretlint/package*.json "$secretlint/"
printf 'Building preset bench\n'
if ! cmake --preset bench >"$log" 2>&1 || ! cmake --build --preset bench --target batuta batuta-inspect >>"$log" 2>&1 </dev/null ||
  ! npm ci --prefix "$secretlint" --no-audit --no-fund >>"$log" 2>&1 </dev/null; then
  tail -20 "$log"
  printf 'The build failed; everything it said is in %s\n' "$log"
  exit 1
fi
exec /usr/bin/python3 tests/bench/secrets.py build/bench --secretlint "$secretlint" "$@"
