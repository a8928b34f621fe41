# shellcheck shell=bash
# For the scripts beside it, which source it and stand in the top folder from then on.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
unset "${!HF_@}" "${!BATUTA_@}" HUGGING_FACE_HUB_TOKEN HUGGINGFACE_HUB_CACHE TRANSFORMERS_OFFLINE http_proxy https_proxy all_proxy
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 PYTHONDONTWRITEBYTECODE=1

# build_bench 'GROUP...' TARGET...: installs what the groups of cmake/packages.txt name, and builds with preset bench.
build_bench() {
  local groups log=build/bench/build.log
  read -ra groups <<<"$1"
  shift
  cmake/install_packages.sh "${groups[@]}" </dev/null
  mkdir -p build/bench
  printf 'Building preset bench\n'
  if ! cmake --preset bench >"$log" 2>&1 || ! cmake --build --preset bench --target "$@" >>"$log" 2>&1 </dev/null; then
    tail -20 "$log"
    printf 'The build failed; everything it said is in %s\n' "$log"
    return 1
  fi
}
