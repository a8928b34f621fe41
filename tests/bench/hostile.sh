#!/usr/bin/env bash
# One client asks where files are, while others do what they like. Builds, runs hostile.py.
#   tests/bench/hostile.sh [--idle N] [--busy N] [--seconds N] [--judged-only] [--json FILE]
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
build_bench "build test" batuta batutad hubsim make_cache resolve_load empty_server
exec /usr/bin/python3 tests/bench/hostile.py build/bench "$@"
