# Compilers, warnings, sanitizers and the third-party packages, each found in this one place.
option(POSTHORN_TESTS "Build the test, fuzz and bench programs beside the code" ON)
option(POSTHORN_FUZZ "Build *_fuzz.cc with libFuzzer (clang)" OFF)
option(POSTHORN_LTO "Link-time optimisation" OFF)
set(POSTHORN_SANITIZE "" CACHE STRING "Value for -fsanitize=, e.g. address,undefined")

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
# docs/adr/0017. The static archive, so that the binary runs where the package is not installed.
find_library(JEMALLOC libjemalloc_pic.a)
if(NOT JEMALLOC)
  message(STATUS "jemalloc is not installed: posthorn will use the system's allocator, and be slower")
endif()
# The release build needs none of these: a first `./x demo` installs less.
if(POSTHORN_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
  find_package(benchmark REQUIRED)
endif()

add_compile_options(-Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough
                    -Wno-missing-field-initializers
                    -fno-omit-frame-pointer -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees overlaps in std::string operator+ (GCC PR 105651) and unset values behind a checked
  # std::variant that are not there.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized)
else()
  add_compile_options(-Wthread-safety)
endif()

if(POSTHORN_SANITIZE)
  add_compile_options(-fsanitize=${POSTHORN_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${POSTHORN_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The instrumentation hides the flow from these warnings; the dev build still has them.
    add_compile_options(-Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow
                        -Wno-stringop-overread)
  endif()
endif()
if(POSTHORN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(POSTHORN_LTO)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  # pch_defines and time_macros: without them ccache refuses every precompiled header. NOHASHDIR:
  # one cache serves every build directory and every clone (debug information may then name the
  # directory of the first one).
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  elseif(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()
