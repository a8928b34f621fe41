#!/usr/bin/env bash
# How fast files are scanned for secrets, beside grep and secretlint. Builds, fetches secretlint from npm, runs secrets.py.
#   tests/bench/secrets.sh [--megabytes N] [--rounds N] [--folder DIR]
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
build_bench "build test" batuta batuta-inspect
secretlint=build/bench/secretlint
mkdir -p "$secretlint"
cp tests/bench/secretlint/package*.json "$secretlint/"
npm ci --prefix "$secretlint" --no-audit --no-fund >/dev/null </dev/null
exec /usr/bin/python3 tests/bench/secrets.py build/bench --secretlint "$secretlint" "$@"
