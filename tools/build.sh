# Configure and build a CMake preset. Sourced by ./x; tools/run_tests.py and tools/check.py call it
# as `bash tools/build.sh PRESET [TARGET...]`; with the target "none" it only configures.

configure_preset() {
  local preset="$1" dir="build/$1" stamp
  stamp="$(cksum CMakePresets.json)"
  if [ -f "$dir/build.ninja" ] && [ "$(cat "$dir/.presets" 2>/dev/null)" = "$stamp" ]; then
    return 0
  fi
  cmake --preset "$preset" --fresh >"build/configure-$preset.log" 2>&1 || {
    cat "build/configure-$preset.log" >&2
    return 1
  }
  echo "$stamp" >"$dir/.presets"
}

build_preset() {
  local preset="$1"
  shift
  mkdir -p "build/$preset"
  # Two builds of one preset at a time would write the same files.
  (flock 9 && build_locked "$preset" "$@") 9>"build/$preset/.lock"
}

build_locked() {
  local preset="$1"
  shift
  configure_preset "$preset" || return 1
  if [ "${1:-}" = none ]; then
    # Ninja looks for new and removed files and configures again where there are some.
    cmake --build "build/$preset" --target build.ninja >"build/configure-$preset.log" 2>&1 && return
    cat "build/configure-$preset.log" >&2
    return 1
  fi
  cmake --build "build/$preset" -j "$(nproc)" ${1:+--target "$@"}
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  cd "$(dirname "$0")/.."
  build_preset "$@"
fi
