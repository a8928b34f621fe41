#!/usr/bin/env bash
# Makes the packages, checks them, and lives with them in a fresh Debian 12: installed, used, upgraded, removed, purged.
set -euo pipefail

usage() {
  cat <<'TXT'
usage: tests/package/debian.sh [--debs FOLDER] [--root FOLDER] [--mirror URL] [-j JOBS]

  --debs FOLDER   take the packages that lie there instead of building them (preset package)
  --root FOLDER   the Debian to install into; made with debootstrap when it is not there, and kept. Default: a temporary one
  --mirror URL    where debootstrap and apt get packages (default http://deb.debian.org/debian)
  -j JOBS         compilers side by side (default: the number of cores)

Needs root, the packages of the groups build, test and package (cmake/install_packages.sh), a network, and hubsim of the dev
build. Exit codes: 0 all is well, 1 a step failed, 2 usage.
TXT
}

debs='' root='' mirror=http://deb.debian.org/debian jobs=$(nproc)
while [ $# -gt 0 ]; do
  case $1 in
    --debs | --root | --mirror | -j)
      if [ $# -lt 2 ]; then usage >&2; exit 2; fi
      case $1 in
        --debs) debs=$(realpath "$2") ;;
        --root) root=$2 ;;
        --mirror) mirror=$2 ;;
        -j) jobs=$2 ;;
      esac
      shift 2
      ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done

# What is mounted below the root goes with this shell.
if [ -z "${BATUTA_OWN_MOUNTS-}" ]; then
  arguments=(--mirror "$mirror" -j "$jobs")
  if [ -n "$debs" ]; then arguments+=(--debs "$debs"); fi
  if [ -n "$root" ]; then arguments+=(--root "$root"); fi
  BATUTA_OWN_MOUNTS=1 exec unshare --mount "${BASH_SOURCE[0]}" "${arguments[@]}"
fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
say() { printf '\n== %s\n' "$*"; }

if [ -z "$debs" ]; then
  say "Building the packages"
  cd "$top"
  export CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1
  cmake --preset package >/dev/null
  cmake --build --preset package -j "$jobs"
  cpack --preset package
  debs=$top/build/package
fi
mapfile -t packages < <(find "$debs" -maxdepth 1 -name '*.deb' ! -name '*-dbgsym*' | sort)
ls -l "${packages[@]}"

say "lintian"
lintian --allow-root --fail-on error,warning --tag-display-limit 0 "${packages[@]}"

say "hardening-check"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in "${packages[@]}"; do dpkg-deb -x "$package" "$work/files"; done
# What is linked in from Debian is not made for control-flow protection, which holds for a whole program or not at all.
hardening-check --nocfprotection "$work"/files/usr/bin/batuta "$work"/files/usr/bin/batutad "$work"/files/usr/libexec/batuta/batuta-inspect

if [ -z "$root" ]; then
  root=$work/root
fi
if [ ! -e "$root/etc/debian_version" ]; then
  say "A fresh Debian in $root"
  debootstrap --variant=minbase bookworm "$root" "$mirror" >"$work/debootstrap.log" 2>&1 || { tail "$work/debootstrap.log"; exit 1; }
fi
mount -t proc proc "$root/proc"
rm -rf "${root:?}/debs"  # of a run before
mkdir -p "$root/debs"
cp "${packages[@]}" "$root/debs"

say "Living with them"
cd "$here"
export BATUTA_ROOT=$root HUBSIM=${HUBSIM:-$top/build/dev/tests/hubsim/hubsim} BATUTA=/usr/bin/batuta BATUTAD=/usr/bin/batutad
/usr/bin/python3 -B -m unittest -v debian_story
