"""Lengths: files, functions, lines. No list of exemptions; generated files have a limit of theirs.
"""
import re

from checks.tree import Finding, line_of

LINES_MAX = {".cc": 700, ".h": 350, ".py": 400, ".sh": 200}
GENERATED_LINES_MAX = 2000
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100

# What stands before the brace of a scope, of an initializer, of a member initializer.
SCOPE = re.compile(r"\s*((public|private|protected):\s*|template\s*<[^{;]*>\s*)*"
                   r"(inline\s+)?(namespace|class|struct|union|enum)\b|\s*extern\s*\"\s*$")
LEADING = re.compile(r"\s*((public|private|protected):\s*)*")
INITIALIZER = re.compile(r"(=|\breturn|,|\(|\[)\s*$")
MEMBER_INITIALIZER = re.compile(r"\)[^;{}()]*(?<!:):(?!:).*[\w>]\s*$", re.S)


def check(tree):
    findings = []
    for path in tree.files:
        suffix = next((s for s in LINES_MAX if path.endswith(s)), None)
        if suffix is None:
            continue
        lines = tree.text(path).split("\n")
        findings += long_file(path, suffix, len(lines) - 1)
        findings += [Finding(path, n, "sizes", f"{len(line)} columns (max {COLUMNS_MAX})")
                     for n, line in enumerate(lines, 1) if len(line) > COLUMNS_MAX]
        if suffix in (".cc", ".h"):
            findings += long_functions(path, tree.code(path))
    return findings


def long_file(path, suffix, lines):
    limit = GENERATED_LINES_MAX if ".gen." in path else LINES_MAX[suffix]
    if lines <= limit:
        return []
    return [Finding(path, 1, "sizes", f"{lines} lines (max {limit} for {suffix}): split by idea")]


def long_functions(path, code):
    findings = []
    for begin, end in functions(code):
        first, last = line_of(code, begin), line_of(code, end)
        if last - first + 1 > FUNCTION_LINES_MAX:
            findings.append(Finding(path, first, "sizes",
                                    f"function of {last - first + 1} lines "
                                    f"(max {FUNCTION_LINES_MAX}): name its steps"))
    return findings


def functions(code):
    """(offset of the head, offset of the closing brace) of each function body; what is inside a
    body (lambdas, local classes) counts as part of it."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank_keeping_length, code, flags=re.M)
    head = 0
    position = 0
    while position < len(code):
        character = code[position]
        if character in ";}":
            head = position + 1
        elif character == "{":
            text = code[head:position]
            if SCOPE.match(text):
                head = position + 1
            else:
                end = closing_brace(code, position)
                if is_function_head(text):
                    yield head + LEADING.match(text).end(), end
                    head = end + 1
                position = end
        position += 1


def is_function_head(head):
    """False for `int a[] = `, `Foo foo` and `Lane::Lane(int size) : size_` before their braces."""
    return "(" in head and not INITIALIZER.search(head) and not MEMBER_INITIALIZER.search(head)


def closing_brace(code, opening):
    depth = 0
    for position in range(opening, len(code)):
        if code[position] == "{":
            depth += 1
        elif code[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    return len(code) - 1


def blank_keeping_length(match):
    return re.sub(r"[^\n]", " ", match.group(0))
