"""Calls and words that are refused, each with what to use in its place."""
import dataclasses
import re

from checks.tree import Finding, is_test_code, line_of


@dataclasses.dataclass(frozen=True)
class Ban:
    pattern: str
    instead: str
    within: tuple = ("src/",)
    except_in: tuple = ()
    tests_too: bool = True
    comments_too: bool = False  # look at the raw text
    suffixes: tuple = (".cc", ".h")
    unless_after: str = ""  # what may stand before it


# Where the words stand as words.
PLANTED = ("tools/checks/", "tools/check_test.py")

BANS = (
    Ban(r"\b(sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep)\s*\(|"
        r"(?<![\w.>])sleep\s*\(\s*\d",
        "wait for a condition, or move a simulated clock", within=("src/", "tests/")),
    Ban(r"\btime\.sleep\(", "wait for a condition with the polling of the test harness",
        within=("tests/", "tools/", "bench/"), suffixes=("_test.py",), except_in=PLANTED),
    Ban(r"\b(printf|fprintf|vprintf|puts|putchar)\s*\(|\bstd::(cout|cerr|clog)\b",
        "log through base/log.h; only app/ prints", tests_too=False,
        except_in=("src/app/", "src/base/log.cc", "src/base/check.cc")),
    Ban(r"\b(strcpy|strcat|sprintf|vsprintf|strtok|gets)\s*\(", "std::string or fmt::format_to",
        within=("src/", "tests/", "bench/")),
    Ban(r"\b(atoi|atol|atoll|atof|strtol|strtoul|strtoull|strtod)\s*\(|\bstd::sto[a-z]+\s*\(",
        "std::from_chars, which reports what it did not read"),
    Ban(r"\b(std::random_device|getrandom|getentropy|arc4random\w*|randombytes_\w+|RAND_\w*bytes)\b"
        r"|(?<![\w.:>])s?rand\s*\(",
        "io/entropy.h; below io the seed is a parameter", except_in=("src/io/",)),
    Ban(r"_clock::now\s*\(|\b(gettimeofday|clock_gettime)\s*\(|"
        r"(?<![\w.>])time\s*\((nullptr|NULL|0)",
        "io/clock.h; below io the time is a parameter", except_in=("src/io/", "src/base/log.cc")),
    # base/function.h is an owner itself.
    # A private constructor is called inside its owner's: `std::unique_ptr<Lane>(new Lane(...))`.
    Ban(r"\bnew\s+[A-Za-z_:]", "std::make_unique or a value", except_in=("src/base/function.h",),
        unless_after=r"_ptr<[^;{}]*>\s*\w*\(\s*$"),
    Ban(r"(?<!operator )\bdelete\b\s*(\[\s*\]\s*)?[\w(*]", "an owner (unique_ptr, a member)",
        except_in=("src/base/function.h",)),
    Ban(r"\bthrow\b", "Result<T>: nobody in src/ throws"),
    Ban(r"\bassert\s*\(", "CHECK, which stays on in the release"),
    Ban(r"\bstd::(jthread|thread|async)\b(?!::)|\bpthread_create\b|\.detach\s*\(\s*\)",
        "io/worker.h, whose owner joins it", except_in=("src/io/",), tests_too=False),
    Ban(r"\bstd::((recursive_|shared_|timed_)?mutex|condition_variable\w*|lock_guard|"
        r"(scoped|unique|shared)_lock)\b", "a mailbox: locks live in io/ and base/log only",
        except_in=("src/io/", "src/base/log."), tests_too=False),
    Ban(r"\bstd::(basic_)?[io]?fstream\b|\bfopen\s*\(|\bstd::filesystem::(?!path\b)",
        "io/disk.h", except_in=("src/io/", "src/app/"), tests_too=False),
    Ban(r"\b(getenv|secure_getenv)\s*\(", "a parameter that app/ reads from its configuration",
        except_in=("src/app/",), tests_too=False),
    Ban(r"\b(system|popen|wordexp)\s*\(\s*[\"\w]", "nothing: this program starts no shell"),
    Ban(r"\bstd::regex\b", "a parser by hand: std::regex recurses on hostile input"),
    Ban(r"\bstd::endl\b", r"'\n'"),
    Ban(r"\busing namespace\b", "the qualified name", suffixes=(".h",)),
    Ban(r"\bGTEST_SKIP\b|\bDISABLED_\w", "a test that runs, or none", within=("src/", "tests/")),
    Ban(r"@unittest\.skip|\.skipTest\(", "a test that runs, or none",
        within=("tests/", "tools/", "bench/"), suffixes=("_test.py",), except_in=PLANTED),
    Ban(r"\bTODO\b(?!\((perf|cleanup|security)\): )", "TODO(perf|cleanup|security): what",
        within=("src/", "tests/", "bench/", "tools/"), comments_too=True,
        suffixes=(".cc", ".h", ".py", ".sh"), except_in=PLANTED),
    Ban(r"\b(FIXME|XXX|HACK)\b", "the fix, or TODO(cleanup): what",
        within=("src/", "tests/", "bench/", "tools/"), comments_too=True,
        suffixes=(".cc", ".h", ".py", ".sh"), except_in=PLANTED),
)


def applies(ban, path):
    return (path.startswith(ban.within) and path.endswith(ban.suffixes) and
            not (ban.except_in and path.startswith(ban.except_in)) and
            (ban.tests_too or not is_test_code(path)))


def check(tree):
    findings = []
    for path in tree.files:
        bans = [ban for ban in BANS if applies(ban, path)]
        if not bans:
            continue
        cxx = path.endswith((".cc", ".h"))
        for ban in bans:
            text = tree.code(path) if cxx and not ban.comments_too else tree.text(path)
            for match in re.finditer(ban.pattern, text):
                if ban.unless_after and re.search(ban.unless_after, text[:match.start()]):
                    continue
                findings.append(Finding(path, line_of(text, match.start()), "banned",
                                        f"{match[0].strip()}: use {ban.instead}"))
    return findings
