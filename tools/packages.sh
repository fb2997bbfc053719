# Debian 12 packages in groups, and need_packages, which installs the missing ones. Sourced by ./x.

packages_of() {
  case "$1" in
    build)
      echo build-essential cmake ninja-build ccache mold pkg-config python3 \
        libssl-dev libc-ares-dev libsodium-dev libsqlite3-dev libsimdjson-dev libfmt-dev \
        libcli11-dev libtomlplusplus-dev libjemalloc-dev
      ;;
    test) echo libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev strace curl ;;
    format) echo clang-format-16 python3 ;;
    lint) echo clang-16 clang-tidy-16 clang-format-16 ;;
    fuzz) echo clang-16 libclang-rt-16-dev ;;
    bench) echo linux-perf valgrind ;;
  esac
}

# need_packages GROUP... : quick when all are there, for it only asks dpkg.
need_packages() {
  local group wanted=() missing=()
  for group in "$@"; do
    # shellcheck disable=SC2207
    wanted+=($(packages_of "$group"))
  done
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    # Another distribution: the build itself says what it misses.
    [ -n "${POSTHORN_NO_APT_SAID:-}" ] || echo "not a Debian system; needed: ${wanted[*]}" >&2
    export POSTHORN_NO_APT_SAID=1
    return 0
  fi
  local installed
  installed=" $(dpkg-query -W -f '${db:Status-Status}/${Package} ' "${wanted[@]}" 2>/dev/null ||
    true)"
  for package in "${wanted[@]}"; do
    case "$installed" in
      *" installed/$package "*) ;;
      *) missing+=("$package") ;;
    esac
  done
  [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
}

install_packages() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "not root and no sudo; install: $*" >&2 && return 1; }
    as_root=(sudo)
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q
    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
  echo "setup: installing $*"
  local install=("${apt[@]}" install --no-install-recommends "$@")
  # The lists of a fresh machine are empty or old: refresh them once when the first try fails.
  "${install[@]}" </dev/null >/dev/null 2>&1 && return 0
  "${apt[@]}" update </dev/null >/dev/null
  "${install[@]}" </dev/null >/dev/null
}
