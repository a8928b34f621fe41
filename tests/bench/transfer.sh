#!/usr/bin/env bash
# Races batuta against curl and aria2c on loopback: installs them and nginx when missing, builds, runs transfer.py.
#   tests/bench/transfer.sh [--runs N] [--scale F] [--only one|eight|small|capped]... [--folder DIR] [--json FILE]
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
build_bench "build test bench" batuta batutad
exec /usr/bin/python3 tests/bench/transfer.py build/bench "$@"
