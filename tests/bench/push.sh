#!/usr/bin/env bash
# Pushes a large dataset twice and a large file beside four curls: installs what is missing, builds, runs push.py.
#   tests/bench/push.sh [--runs N] [--scale F] [--only dataset|file]... [--folder DIR] [--json FILE]
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
build_bench "build test bench" batuta batutad hubsim
exec /usr/bin/python3 tests/bench/push.py build/bench "$@"
