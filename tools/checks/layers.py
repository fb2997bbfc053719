"""Every #include against the module table, which is the posthorn_module rows of CMakeLists.txt;
also renders that table into docs/ARCHITECTURE.md."""
import re

from checks.tree import Finding, is_test_code, line_of

INCLUDE = re.compile(r'^#include ([<"])([^>"]+)[>"]', re.M)
ROW = re.compile(r"((?:^# [^\n]*\n)*)^posthorn_module\((\w+)([^)]*)\)", re.M)
BEGIN, END = "<!-- modules: generated -->", "<!-- modules: end -->"

# Third-party headers and the folders that wrap them. Tests may see what they test.
WRAPPED = {
    "openssl/": ("src/wire/", "src/io/"),
    "sqlite3.h": ("src/store/engines/sqlite/",),
    "sodium": ("src/wire/", "src/catalog/"),
    "simdjson": ("src/wire/",),
    "ares": ("src/io/linux/",),
    "CLI/": ("src/app/",),
    "toml++/": ("src/app/",),
    "fmt/": ("src/",),
}
TEST_ONLY = ("gtest/", "gmock/", "rapidcheck", "benchmark/")
# The kernel's headers: io is the only door to the OS, app reads signals and the terminal.
KERNEL = re.compile(r"^(sys/|netinet/|arpa/|linux/|net/)|^(unistd|fcntl|poll|pthread|netdb|sched|"
                    r"ifaddrs|signal|dirent|termios|errno|time|stdlib|string|stdio|stdint)\.h$")
KERNEL_FOLDERS = ("src/io/", "src/app/", "src/base/log.cc")
INTRINSICS = re.compile(r"\w*intrin\.h$")
# Folders whose headers tests of other modules may include.
SHARED_WITH_TESTS = ("testing", "sim", "linux", "conformance")
# What the composition root builds the product from.
SHARED_WITH_APP = ("linux", "sim")


def modules(tree):
    """Name -> (modules it may include, what it is), in the order of the rows."""
    table = {}
    for match in ROW.finditer(tree.text("CMakeLists.txt")):
        words = match[3].split()
        deps = words[words.index("DEPS") + 1:] if "DEPS" in words else []
        if "LIBS" in deps:
            deps = deps[:deps.index("LIBS")]
        sentence = " ".join(line.lstrip("# ") for line in match[1].splitlines())
        table[match[2]] = (deps, sentence)
    return table


def check(tree):
    table = modules(tree)
    findings = []
    for path in tree.cxx("src/"):
        for match in INCLUDE.finditer(tree.code(path)):
            quoted, target = match[1] == '"', match[2]
            why = (project_include(tree, table, path, target) if quoted
                   else system_include(path, target))
            if why:
                line = line_of(tree.code(path), match.start())
                findings.append(Finding(path, line, "layers", why))
    return findings + order(tree, table) + stale_table(tree, table)


def project_include(tree, table, path, target):
    """Why this #include "..." is refused, or None."""
    own = path.split("/")[1]
    parts = target.split("/")
    if "src/" + target not in tree.files:
        return f'"{target}" is no file below src/: paths are relative to src/'
    if parts[0] not in table or own not in table:
        return f"no posthorn_module row for {parts[0] if own in table else own}"
    if parts[0] != own and parts[0] not in table[own][0]:
        return f"{own} may not include {parts[0]} ({target}): see the module table"
    private = len(parts) > 2 and parts[0] != own
    if not private or any(p in SHARED_WITH_TESTS for p in parts[1:-1]) and is_test_code(path):
        return None
    wiring = parts[-1] == "registry.h" or parts[1] in SHARED_WITH_APP
    if own == "app" and wiring:
        return None
    return f"{target} is private to {parts[0]}: include a header at its root"


def system_include(path, target):
    """Why this #include <...> is refused, or None."""
    if target.startswith(TEST_ONLY):
        return None if is_test_code(path) else f"<{target}> is for tests only"
    if KERNEL.match(target):
        if path.startswith(KERNEL_FOLDERS) or is_test_code(path):
            return None
        return f"<{target}> calls the kernel: only io/ does (<cstring> and the like are fine)"
    for prefix, folders in WRAPPED.items():
        if target.startswith(prefix):
            allowed = path.startswith(folders) or is_test_code(path)
            return None if allowed else f"<{target}> is wrapped in {', '.join(folders)}"
    if ("/" in target or "." in target) and not INTRINSICS.match(target):
        return None if is_test_code(path) else f"<{target}> is not a dependency of this project"
    return None


def order(tree, table):
    """Rows only name rows above them, so the graph has no cycle."""
    findings, seen = [], set()
    for name, (deps, _) in table.items():
        for dep in deps:
            if dep not in seen:
                findings.append(Finding("CMakeLists.txt", 1, "layers",
                                        f"{name} depends on {dep}, which is not above it"))
        seen.add(name)
    return findings


def render(table):
    lines = [BEGIN, "| # | module | what it is | may include |", "|---|---|---|---|"]
    for number, (name, (deps, sentence)) in enumerate(table.items(), 1):
        lines.append(f"| {number} | `{name}/` | {sentence} | {' '.join(deps) or 'std, fmt'} |")
    return "\n".join(lines + [END])


def stale_table(tree, table):
    path = "docs/ARCHITECTURE.md"
    if path in tree.files and render(table) in tree.text(path):
        return []
    return [Finding(path, 1, "layers", "the module table is stale: run ./x lint --write-table")]


def write_table(tree):
    path = tree.root / "docs/ARCHITECTURE.md"
    text = path.read_text()
    begin, end = text.index(BEGIN), text.index(END) + len(END)
    path.write_text(text[:begin] + render(modules(tree)) + text[end:])
