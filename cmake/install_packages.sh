#!/usr/bin/env bash
# Installs the packages of the named groups of packages.txt, only those that are missing:
#   cmake/install_packages.sh [--list] GROUP...
# Nothing is asked and nothing is done when all are there. Exit codes: 0 all there, 1 could not be installed, 2 usage.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
list=$here/packages.txt

say() { printf '%s\n' "$*" >&2; }

list_only=0
if [ "${1-}" = --list ]; then
  list_only=1
  shift
fi
if [ $# -eq 0 ]; then
  say "usage: install_packages.sh [--list] GROUP...   groups: $(sed -n 's/^\([a-z]*\):.*/\1/p' "$list" | sort -u | xargs)"
  exit 2
fi

wanted=()
for group in "$@"; do
  mapfile -t words < <(sed -n "s/^$group: *//p" "$list" | tr ' ' '\n')
  if [ ${#words[@]} -eq 0 ]; then
    say "install_packages: no group $group in $list"
    exit 2
  fi
  wanted+=("${words[@]}")
done
if [ $list_only -eq 1 ]; then
  printf '%s\n' "${wanted[@]%%:*}"
  exit 0
fi

# The machine may be no Debian at all: then only the commands can be looked for, and the build says what it lacks.
if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  say "This is not a Debian system: install what corresponds to ${wanted[*]%%:*}"
  exit 0
fi

declare -A installed=()
while read -r name status; do
  if [ "$status" = installed ]; then installed[$name]=1; fi
done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]%%:*}" 2>/dev/null || true)

missing=()
for word in "${wanted[@]}"; do
  package=${word%%:*}
  tool=${word#"$package"}
  if [ -n "${installed[$package]-}" ]; then continue; fi
  if [ -n "$tool" ] && command -v "${tool#:}" >/dev/null; then continue; fi
  missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    say "These packages are missing, and installing them needs root. Run this as root, then try again:"
    say "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
    exit 1
  fi
  as_root=(sudo)
fi

free_mib=$(df -Pm /usr | awk 'NR == 2 {print $4}')
if [ "$free_mib" -lt 2048 ]; then
  say "Only $free_mib MiB are free on the disk of /usr; the packages may need 2048 MiB. Make room, then try again."
  exit 1
fi

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 \
    -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

say "Installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! apt update >"$log" 2>&1 || grep -q '^W: Failed to fetch' "$log"; then
  say "The package lists could not be refreshed; trying with those that are here. apt-get said:"
  grep -E '^[EW]:' "$log" | head -3 >&2 || true
fi
if ! apt install --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
  say "apt-get could not install them. It said:"
  grep -E '^(E|W|Err):|Unable to locate' "$log" | head -8 >&2 || tail -5 "$log" >&2
  say "Check the network and /etc/apt/sources.list (Debian 12 \"bookworm\" is expected), then try again."
  exit 1
fi
