#!/usr/bin/env bash
# A cache of a million blobs, and one of 300 repos: start, listing, plans, questions, memory. Builds, runs cache.py.
#   tests/bench/cache.sh [--repos N] [--snapshots N] [--files N] [--only million|listing] [--folder DIR] [--json FILE]
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
build_bench "build test" batuta batutad hubsim bare_client make_cache cache_bench resolve_load empty_server
exec /usr/bin/python3 tests/bench/cache.py build/bench "$@"
