# shellcheck shell=bash
# Sourced by ./tools/demo and ./tools/check: installs the Debian packages of a group that are missing.

# ensure_packages GROUP...
ensure_packages() {
  local root group package command missing=()
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  while read -r group package command; do
    case " $* " in *" $group "*) ;; *) continue ;; esac
    if [ -n "$command" ] && command -v "$command" >/dev/null 2>&1; then continue; fi
    if [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null)" = "ii " ]; then continue; fi
    missing+=("$package")
  done < <(sed 's/#.*//' "$root/packages" | grep -v '^[[:space:]]*$')
  [ ${#missing[@]} -eq 0 ] && return 0

  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
      echo "These Debian packages are missing: ${missing[*]}" >&2
      echo "Run this once as root, or install sudo:  apt-get install ${missing[*]}" >&2
      return 1
    fi
    sudo=(sudo)
  fi
  echo "Installing with apt: ${missing[*]}"
  "${sudo[@]}" apt-get update -qq || echo "apt-get update failed; trying with the package lists that are here" >&2
  # Debian 13 has another clang: the versioned runtime gives way to the one that fits, and the layout of the code
  # is checked only where the version is that it was laid out by.
  local there=()
  for package in "${missing[@]}"; do
    case $package in
      libclang-rt-14-dev) apt-cache show "$package" >/dev/null 2>&1 || package=libclang-rt-dev ;;
      clang-format-14) apt-cache show "$package" >/dev/null 2>&1 || continue ;;
    esac
    there+=("$package")
  done
  [ ${#there[@]} -eq 0 ] && return 0
  missing=("${there[@]}")
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -qq \
    "${missing[@]}" >/dev/null || {
    echo "apt could not install all of: ${missing[*]}" >&2
    echo "See what it says:  apt-get install ${missing[*]}" >&2
    return 1
  }
}

# build_preset PRESET [TARGET...]: configures when needed, then builds.
build_preset() {
  local preset=$1
  shift
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
  [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >/dev/null || return 1
  if [ $# -gt 0 ]; then cmake --build --preset "$preset" --target "$@"; else cmake --build --preset "$preset"; fi
}
