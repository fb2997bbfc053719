"""Every rule of the checker is judged on a small tree: it finds one planted violation, and says
nothing on the clean tree."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from checks import banned, formatting, hygiene, layers, purity, sizes, tidy
from checks.tree import Tree

ROOT = pathlib.Path(__file__).resolve().parent.parent

CLEAN = {
    "CMakeLists.txt": "# Words.\nposthorn_module(base LIBS fmt::fmt)\n"
                      "# Bytes.\nposthorn_module(wire DEPS base LIBS a::b)\n"
                      "# The OS.\nposthorn_module(io DEPS base)\n"
                      "# Wiring.\nposthorn_module(app DEPS base wire io)\n",
    "src/base/README.md": "# base\n",
    "src/base/word.h": "// A word.\n#pragma once\n\nnamespace posthorn {\nint word();\n}\n",
    "src/base/word.cc": '// A word.\n#include "base/word.h"\n\nnamespace posthorn {\n'
                        "int word() { return 1; }\n}  // namespace posthorn\n",
    "src/wire/README.md": "# wire\n",
    "src/wire/bytes_fuzz.cc": '// Fuzzes.\n#include "base/word.h"\n',
    "tests/corpus/bytes_fuzz/one": "1",
}


class CheckTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        for path in (".clang-format", ".clang-tidy"):
            shutil.copy(ROOT / path, self.root / path)
        for path, text in CLEAN.items():
            self.plant(path, text)
        table = layers.render(layers.modules(Tree(self.root)))
        self.plant("docs/ARCHITECTURE.md", f"# Architecture\n{table}\n")
        self.write_database()

    def plant(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def write_database(self):
        """What CMake would know: every .cc that is there now."""
        entries = [{"file": str(f), "directory": str(self.root),
                    "command": f"clang++-16 -std=c++20 -Isrc -c {f}"}
                   for f in self.root.rglob("*.cc")]
        for preset in ("asan", "tidy"):
            self.plant(f"build/{preset}/compile_commands.json", json.dumps(entries))
        self.plant(".gitignore", "build/\n")

    def findings(self, check):
        return check(Tree(self.root))

    def assert_finds(self, check, path, words):
        """Exactly the planted violation, and where it was planted."""
        found = self.findings(check)
        self.assertEqual(len(found), 1, [str(f) for f in found])
        self.assertEqual(found[0].path, path)
        self.assertIn(words, found[0].message)
        return found[0]


class CleanTreeTest(CheckTest):
    def test_no_check_finds_anything(self):
        for check in (layers.check, sizes.check, banned.check, formatting.check, hygiene.check,
                      lambda tree: tidy.check_files(tree, ["src/base/word.cc"]),
                      lambda tree: tidy.headers_alone(tree, ["src/base/word.h"])):
            self.assertEqual([str(f) for f in self.findings(check)], [])


class LayersTest(CheckTest):
    def include(self, path, line):
        self.plant(path, f"// A file.\n#include {line}\n")
        return self

    def test_an_include_against_the_table(self):
        self.plant("src/app/app.h", "// App.\n#pragma once\n")
        self.include("src/wire/a.cc", '"app/app.h"').assert_finds(
            layers.check, "src/wire/a.cc", "wire may not include app")

    def test_a_private_header_of_another_module(self):
        self.plant("src/wire/detail/d.h", "// D.\n#pragma once\n")
        self.include("src/app/a.cc", '"wire/detail/d.h"').assert_finds(
            layers.check, "src/app/a.cc", "private to wire")
        self.include("src/app/a.cc", '"base/word.h"')
        self.include("src/wire/a.cc", '"wire/detail/d.h"')
        self.assertEqual(self.findings(layers.check), [])

    def test_simulated_twins_are_for_tests_and_for_app(self):
        self.plant("src/io/sim/disk.h", "// D.\n#pragma once\n")
        self.plant("src/io/linux/disk.h", "// D.\n#pragma once\n")
        self.include("src/app/a_test.cc", '"io/sim/disk.h"')
        self.include("src/app/a.cc", '"io/linux/disk.h"')
        self.assertEqual(self.findings(layers.check), [])
        self.plant("CMakeLists.txt", CLEAN["CMakeLists.txt"] + "posthorn_module(http DEPS io)\n")
        layers.write_table(Tree(self.root))
        self.include("src/http/a.cc", '"io/sim/disk.h"').assert_finds(
            layers.check, "src/http/a.cc", "private to io")

    def test_a_path_that_is_not_below_src(self):
        self.include("src/wire/a.cc", '"a.h"').assert_finds(
            layers.check, "src/wire/a.cc", "relative to src/")

    def test_a_wrapped_library_elsewhere(self):
        for header in ("sqlite3.h", "openssl/ssl.h", "CLI/CLI.hpp"):
            self.include("src/base/a.cc", f"<{header}>").assert_finds(
                layers.check, "src/base/a.cc", "is wrapped in")

    def test_a_test_library_in_the_product(self):
        self.include("src/base/a.cc", "<gtest/gtest.h>").assert_finds(
            layers.check, "src/base/a.cc", "for tests only")

    def test_the_kernel_outside_io(self):
        self.include("src/wire/a.cc", "<sys/socket.h>").assert_finds(
            layers.check, "src/wire/a.cc", "calls the kernel")

    def test_an_unknown_library(self):
        self.include("src/base/a.cc", "<other/lib.hpp>").assert_finds(
            layers.check, "src/base/a.cc", "not a dependency")

    def test_a_row_that_names_a_later_row(self):
        self.plant("CMakeLists.txt", CLEAN["CMakeLists.txt"].replace(
            "(base LIBS", "(base DEPS io LIBS"))
        layers.write_table(Tree(self.root))
        self.assert_finds(layers.check, "CMakeLists.txt", "not above it")

    def test_a_stale_table(self):
        self.plant("docs/ARCHITECTURE.md", "# Architecture\n")
        self.assert_finds(layers.check, "docs/ARCHITECTURE.md", "stale")


class SizesTest(CheckTest):
    def test_a_long_file(self):
        for suffix, lines in ((".cc", 701), (".h", 351)):
            path = "src/base/long" + suffix
            self.plant(path, "//\n" * lines)
            self.assert_finds(sizes.check, path, f"{lines} lines")
            self.plant(path, "//\n" * (lines - 1))
            self.assertEqual(self.findings(sizes.check), [])

    def test_a_long_line(self):
        self.plant("src/base/a.cc", "//\n// " + "x" * 98 + "\n")
        self.assertEqual(self.assert_finds(sizes.check, "src/base/a.cc", "101 columns").line, 2)

    def test_a_long_function_wherever_it_stands(self):
        heads = ("void f() {", "Lane::Lane(int size) : size_{size}, next_(0) {",
                 "auto f() -> std::vector<int> {", "template <typename T>\nvoid f(T t) noexcept {",
                 'extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {',
                 "TEST(Lane, Moves) {")
        for head in heads:
            member = ("namespace a {\nclass B final : public C {\n public:\n", "};\n}\n")
            for before, after in (("", ""), member):
                rows = head.count("\n")
                for steps in (69 - rows, 68 - rows):
                    self.plant("src/base/a.cc",
                               f"//\n{before}{head}\n" + "  step();\n" * steps + "}\n" + after)
                    if steps + rows == 69:
                        self.assert_finds(sizes.check, "src/base/a.cc", "function of 71 lines")
                self.assertEqual(self.findings(sizes.check), [])

    def test_what_is_long_but_no_function(self):
        self.plant("src/base/a.cc", "//\nnamespace a {\nconstexpr int kTable[] = {\n"
                   + "  1,\n" * 100 + "};\n" + "struct S {\n" + "  int a{1};\n" * 100 + "};\n}\n")
        self.assertEqual(self.findings(sizes.check), [])


class BannedTest(CheckTest):
    PLANTED = {
        "src/wire/a_test.cc": ("std::this_thread::sleep_for(1ms);", "GTEST_SKIP();", "usleep(1);",
                               "TEST(A, DISABLED_B) {}"),
        "src/wire/a.cc": (
            "printf(\"x\");", "std::cout << 1;", "strcpy(a, b);", "int a = atoi(b);",
            "auto a = std::stoi(b);", "std::random_device d;", "int a = rand();",
            "auto a = std::chrono::system_clock::now();", "gettimeofday(&a, 0);",
            "auto* a = new Thing();", "delete a;", "delete[] a;", "throw 1;", "assert(a);",
            "std::thread t(f);", "std::mutex m;", "std::ifstream f;", "auto* a = getenv(\"A\");",
            "std::regex r;", "out << std::endl;", "// TODO: later", "// FIXME", "system(\"ls\");"),
        "src/wire/a.h": ("using namespace std;",),
        "tests/e2e/a_test.py": ("time.sleep(1)", "@unittest.skip('x')"),
    }

    def test_each_banned_call_is_found_once_with_its_replacement(self):
        for path, lines in self.PLANTED.items():
            for line in lines:
                self.plant(path, f"// A file.\n{line}\n")
                with self.subTest(line):
                    self.assertEqual(self.assert_finds(banned.check, path, ": use ").line, 2)
            (self.root / path).unlink()

    def test_what_only_looks_banned(self):
        self.plant("src/wire/a.cc", "\n".join((
            "// A file. Never throw here, new things sleep(1).", 'auto a = "throw new assert(";',
            "A(const A&) = delete;", "static_assert(true);", "loop.time(0);", "clock.now();",
            "return std::unique_ptr<Thing>(new Thing(1));", "new (place) Thing();",
            "// TODO(perf): later", "deleted(1);", "delete_(1);",
            "std::thread::id owner;", "R\"(throw 1; delete a;)\";", "char q = '\"'; int n = 1'000;",
            "")))
        self.assertEqual([str(f) for f in self.findings(banned.check)], [])

    def test_io_is_the_place_for_clocks_and_threads(self):
        self.plant("src/io/linux/a.cc", "//\nauto a = std::chrono::steady_clock::now();\n"
                                        "std::thread t;\nstd::mutex m;\n")
        self.assertEqual(self.findings(banned.check), [])


class FormattingTest(CheckTest):
    def test_drift(self):
        self.plant("src/base/a.cc", "//\nint  a;\n")
        self.assert_finds(formatting.check, "src/base/a.cc", "run ./x fmt")


class HygieneTest(CheckTest):
    def test_a_blob(self):
        self.plant("docs/picture.bin", "x" * (256 * 1024 + 1))
        self.assert_finds(hygiene.check, "docs/picture.bin", "larger than")

    def test_a_source_that_no_target_compiles(self):
        self.plant("tests/e2e/lost_test.cc", "// Lost.\n")
        self.assert_finds(hygiene.check, "tests/e2e/lost_test.cc", "no target compiles it")

    def test_a_header_that_nobody_includes(self):
        self.plant("src/base/dead.h", "// Dead.\n#pragma once\n")
        self.assert_finds(hygiene.check, "src/base/dead.h", "no file includes")

    def test_a_module_without_a_readme_or_with_a_long_one(self):
        self.plant("src/base/README.md", "x\n" * 41)
        self.assert_finds(hygiene.check, "src/base/README.md", "more than 40 lines")
        (self.root / "src/base/README.md").unlink()
        self.assert_finds(hygiene.check, "src/base/README.md", "every module has one")

    def test_a_fuzz_target_without_seeds(self):
        (self.root / "tests/corpus/bytes_fuzz/one").unlink()
        self.assert_finds(hygiene.check, "src/wire/bytes_fuzz.cc", "no seeds")

    def test_a_python_test_where_the_runner_does_not_look(self):
        self.plant("docs/a_test.py", "")
        self.assert_finds(hygiene.check, "docs/a_test.py", "does not look")

    def test_a_name_that_says_nothing(self):
        self.plant("src/base/string_utils.cc", "// A.\n")
        self.write_database()
        self.assert_finds(hygiene.check, "src/base/string_utils.cc", "name what it is about")

    def test_a_file_without_an_opening(self):
        self.plant("src/base/word.h", "#pragma once\n")
        self.plant("src/base/word.cc", '// A word.\n#include "base/word.h"\n')
        self.plant("src/base/word.h", "\n#pragma once\n")
        self.assert_finds(hygiene.check, "src/base/word.h", "open with 1-5 lines")

    def test_a_document_that_names_a_file_which_is_gone(self):
        self.plant("docs/a.md", "See `base/word.h` and\n[this](gone.md), https://a.b/c.md\n")
        self.assertEqual(self.assert_finds(hygiene.check, "docs/a.md", "gone.md is named").line, 2)

    def test_a_header_without_pragma_once(self):
        self.plant("src/base/word.h", "// A word.\nint word();\n")
        self.assert_finds(hygiene.check, "src/base/word.h", "#pragma once")


class TidyTest(CheckTest):
    def test_a_name_against_the_style(self):
        self.plant("src/base/word.cc",
                   '// A word.\n#include "base/word.h"\n\nnamespace posthorn {\n'
                   "int word() {\n  int Wrong = 1;\n  return Wrong;\n}\n}  // namespace posthorn\n")
        self.assert_finds(lambda tree: tidy.check_files(tree, ["src/base/word.cc"]),
                          "src/base/word.cc", "readability-identifier-naming")

    def test_a_header_that_does_not_compile_alone(self):
        self.plant("src/base/word.h", "// A word.\n#pragma once\nstd::string word();\n")
        self.assert_finds(lambda tree: tidy.headers_alone(tree, ["src/base/word.h"]),
                          "src/base/word.h", "std")

    def test_a_changed_header_stands_for_the_source_beside_it(self):
        subprocess.run(["git", "add", "-A"], cwd=self.root, check=True)
        for subject in ("one", "two"):
            subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q",
                            "--allow-empty", "-m", subject], cwd=self.root, check=True)
        self.assertEqual(Tree(self.root).changed(), [])
        self.plant("src/base/word.h", CLEAN["src/base/word.h"] + "//\n")
        tree = Tree(self.root)
        self.assertEqual(tree.changed(), ["src/base/word.h"])
        known = {"src/base/word.cc", "src/wire/bytes_fuzz.cc"}
        self.assertEqual(tidy.sources_of(tree, known), ["src/base/word.cc"])


class PurityTest(CheckTest):
    def judge(self, pure, base=None):
        """Compiles real objects, for it is the linker's names that are judged."""
        symbols = {}
        for path, text in {**pure, **(base or {})}.items():
            self.plant(path, text)
            target = self.root / "object.o"
            subprocess.run(["g++", "-std=c++20", "-O1", "-c", "-o", target, self.root / path],
                           check=True)
            symbols[path] = purity.read_symbols(target)
        return purity.judge(list(pure), list(base or {}), symbols)

    def test_a_clock_a_random_number_a_socket_a_file_a_thread(self):
        for kind, code in (
                ("clock", "#include <chrono>\nlong f() { return "
                          "std::chrono::steady_clock::now().time_since_epoch().count(); }"),
                ("clock", "#include <ctime>\nlong f() { return time(nullptr); }"),
                ("random", "#include <random>\nint f() { return std::random_device()(); }"),
                ("socket", "#include <sys/socket.h>\nint f() { return socket(1, 1, 0); }"),
                ("file", "#include <fcntl.h>\nint f() { return open(\"a\", O_RDONLY); }"),
                ("file", "#include <fstream>\nbool f() { return std::ifstream(\"a\").good(); }"),
                ("thread", "#include <thread>\nvoid f() { std::thread([] {}).join(); }")):
            with self.subTest(code):
                found = self.judge({"src/wire/a.cc": code})
                self.assertTrue(any(f"is a {kind}" in f.message for f in found),
                                [str(f) for f in found])

    def test_a_clock_behind_a_function_of_base(self):
        found = self.judge(
            {"src/wire/a.cc": "namespace posthorn { long word(); long f() { return word(); } }"},
            {"src/base/b.cc": "#include <ctime>\n"
                              "namespace posthorn { long word() { return time(nullptr); } }"})
        self.assertEqual(len(found), 1)
        self.assertIn("reaches a clock", found[0].message)

    def test_a_function_that_no_pure_file_defines(self):
        found = self.judge({"src/wire/a.cc": "namespace posthorn { namespace store { void g(); }\n"
                                             "void f() { store::g(); } }"})
        self.assertEqual(len(found), 1)
        self.assertIn("not defined in a pure file", found[0].message)

    def test_computing_is_pure(self):
        found = self.judge(
            {"src/wire/a.cc": "#include <string>\nnamespace posthorn { int word(int);\n"
                              "std::string f(int n) { return std::to_string(word(n)); } }"},
            {"src/base/b.cc": "namespace posthorn { int word(int n) { return n + 1; } }"})
        self.assertEqual([str(f) for f in found], [])

    def test_a_header_that_says_pure_without_the_mark_in_its_source(self):
        self.plant("src/base/word.h", "// A word. Pure.\n#pragma once\n")
        self.assert_finds(purity.check, "src/base/word.cc", "open with // pure:")

    def test_pure_are_three_modules_and_the_files_that_say_so(self):
        self.plant("src/wire/a.cc", "// A.\n")
        self.plant("src/base/pure.cc", "// pure: a policy.\n")
        self.assertEqual(purity.pure_files(Tree(self.root)), ["src/base/pure.cc", "src/wire/a.cc"])


if __name__ == "__main__":
    unittest.main()
