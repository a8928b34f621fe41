#!/usr/bin/env bash
# Fifty clients and one quota: batuta with one daemon, and the same work by independent curl loops. Builds, runs budget.py.
#   tests/bench/budget.sh [--requests N] [--window SECONDS] [--clients N] [--only batuta|curl] [--folder DIR] [--json FILE]
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
build_bench "build test" batuta batutad hubsim
exec /usr/bin/python3 tests/bench/budget.py build/bench "$@"
