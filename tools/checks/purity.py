"""The pure core links no clock, random number, socket, file or thread.

Pure are the objects of wire/, model/ and route/ and those of each file whose first line starts with
`// pure:`. What they leave undefined has to be harmless, or be defined in another pure object or in
a harmless object of base/. The objects are those of the asan preset, which `./x test` needs anyway.
"""
import pathlib
import re
import subprocess

from checks.tree import Finding, is_test_code

PURE_MODULES = ("src/wire/", "src/model/", "src/route/")
MARK = "// pure:"
BUILD = "build/asan"

# What the C and C++ libraries offer beyond computing, by undefined symbol (demangled).
FORBIDDEN = (
    ("clock", r"std::chrono::.*::now\(|(clock_gettime|gettimeofday|time|times|clock|nanosleep|"
              r"usleep|sleep|localtime|localtime_r|mktime|timer_\w+|timerfd_\w+)$"),
    ("random", r"std::random_device|(rand|srand|rand_r|random|srandom|drand48|getrandom|getentropy|"
               r"arc4random\w*|randombytes\w*|RAND_\w+)$"),
    ("socket", r"(socket|socketpair|connect|bind|listen|accept4?|send|sendto|sendmsg|sendmmsg|recv|"
               r"recvfrom|recvmsg|poll|ppoll|select|epoll_\w+|getaddrinfo|gethostbyname\w*|"
               r"ares_\w+|SSL_\w+)$"),
    ("file", r"std::filesystem|std::basic_filebuf|std::basic_[io]?fstream|"
             r"(open|open64|openat|openat64|creat|read|write|readv|writev|pread|pread64|pwrite|"
             r"pwrite64|preadv|pwritev|fopen|fopen64|fdopen|fsync|fdatasync|rename|unlink|truncate|"
             r"ftruncate|fallocate\w*|mmap|mmap64|stat|fstat|lstat|opendir|getenv|sqlite3_\w+)$"),
    ("thread", r"std::thread|std::condition_variable|std::(__future_base|async)|std::mutex|"
               r"(pthread_(create|mutex_\w+|cond_\w+|rwlock_\w+|join|detach|self)|sem_\w+|futex|"
               r"syscall|fork|vfork|execv\w*|system|kill|signal|sigaction)$"),
    ("thread", r"posthorn::io::"),
)
PATTERNS = tuple((kind, re.compile(rf"^(?:{pattern})")) for kind, pattern in FORBIDDEN)
# A failed CHECK prints and ends the process: a bug, not I/O of the core.
TRUSTED = ("src/base/check.cc",)


def pure_files(tree):
    return [f for f in tree.cxx("src/") if f.endswith(".cc") and not is_test_code(f) and
            (f.startswith(PURE_MODULES) or tree.text(f).startswith(MARK))]


def unmarked(tree):
    """Sources whose header says that they are pure, but which do not open with the mark."""
    findings = []
    for path in tree.cxx("src/"):
        source = path.removesuffix(".h") + ".cc"
        opening = "".join(re.findall(r"\A(?://[^\n]*\n)+", tree.text(path)))
        if (path.endswith(".h") and source in tree.files and re.search(r"\b[Pp]ure\b", opening)
                and not source.startswith(PURE_MODULES)
                and not tree.text(source).startswith(MARK)):
            findings.append(Finding(source, 1, "purity", f"its header says pure: open with {MARK}"))
    return findings


def object_of(path):
    module = path.split("/")[1]
    return f"CMakeFiles/posthorn_{module}.dir/{path}.o"


def check(tree):
    claims = unmarked(tree)
    if claims:
        return claims
    pure = pure_files(tree)
    base = [f for f in tree.cxx("src/base/") if f.endswith(".cc") and not is_test_code(f)]
    if not pure:
        return []
    targets = [object_of(f) for f in dict.fromkeys(pure + base)]
    build = subprocess.run(["bash", "tools/build.sh", "asan", *targets], cwd=tree.root, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if build.returncode != 0:
        return [Finding("CMakeLists.txt", 1, "purity", "the pure objects do not build:\n" +
                        "\n".join(build.stdout.splitlines()[-20:]))]
    symbols = {f: read_symbols(tree.root / BUILD / object_of(f)) for f in pure + base}
    return judge(pure, base, symbols)


def read_symbols(path):
    """(defined, undefined) demangled symbols of one object."""
    text = subprocess.run(["nm", "-C", str(pathlib.Path(path))], check=True, capture_output=True,
                          text=True).stdout
    defined, undefined = set(), set()
    for line in text.splitlines():
        match = re.match(r"^[0-9a-f ]*([A-Za-z]) (.+)$", line.strip())
        if match:
            name = match[2].split("@")[0]
            (undefined if match[1] in "Uwv" else defined).add(name)
    return defined, undefined - defined


def forbidden_kind(symbol):
    """What a symbol reaches, or None. Weak thread probes of the library are no calls."""
    return next((kind for kind, pattern in PATTERNS if pattern.match(symbol)), None)


def judge(pure, base, symbols):
    tainted = {f: (kind, s) for f in base if f not in TRUSTED
               for s in sorted(symbols[f][1]) for kind in [forbidden_kind(s)] if kind}
    defined_in = {}
    for path in base + pure:  # pure last: it wins for inline functions that both emit
        for symbol in symbols[path][0]:
            defined_in[symbol] = path
    findings = []
    for path in pure:
        for symbol in sorted(symbols[path][1]):
            home = defined_in.get(symbol)
            if home in tainted and home not in pure:
                kind, through = tainted[home]
                why = f"{symbol} reaches a {kind} ({through} in {home})"
            elif home is None and symbol.startswith("posthorn::"):
                why = f"{symbol} is not defined in a pure file"
            elif home is None and forbidden_kind(symbol):
                why = f"{symbol} is a {forbidden_kind(symbol)}: take it as a parameter"
            else:
                continue
            findings.append(Finding(path, 1, "purity", why))
    return findings
