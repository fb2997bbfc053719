#!/usr/bin/env python3
"""`./x new KIND NAME`: writes a skeleton that compiles and whose tests pass, and says which line
registers it. The templates are in skeletons/KIND; @name@, @Name@ and @module@ are replaced."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SKELETONS = ROOT / "tools/skeletons"

# Where a kind's files go, and what is left to do by hand.
KINDS = {
    "source": ("src/ingest/sources/{name}", "name it in src/ingest/sources/registry.cc, which "
               "comes with the first source; bytes from outside are decoded in {name}_wire.cc with "
               "a fuzz target; read src/ingest/README.md"),
    "engine": ("src/store/engines/{name}", "add a line to src/store/engines/registry.cc; run the "
               "conformance and crash suites from {name}_engine_test.cc; read src/store/README.md"),
    "resource": ("src/api/resources", "mount it in src/api/api.cc; its shapes belong in the "
                 "contract first; read src/api/README.md"),
    "destination": ("src/deliver/destinations/{name}", "name it in "
                    "src/deliver/destinations/registry.cc, which comes with the first destination; "
                    "read src/deliver/README.md"),
    "module-file": ("src/{module}", "say in its first line what it is for; read "
                    "src/{module}/README.md"),
}


class Refused(Exception):
    pass


def target_of(kind, name):
    """(folder, words to replace) of a skeleton."""
    if kind not in KINDS:
        raise Refused(f"no kind {kind}: there are {', '.join(KINDS)}")
    module = ""
    if kind == "module-file":
        if "/" not in name:
            raise Refused("a module-file is named MODULE/NAME, as in schedule/breaker")
        module, name = name.split("/", 1)
        if not (ROOT / "src" / module).is_dir():
            raise Refused(f"no module {module}")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise Refused(f"{name}: names are snake_case")
    words = {"name": name, "module": module,
             "Name": "".join(part.capitalize() for part in name.split("_"))}
    return KINDS[kind][0].format(**words), words


def fill(text, words):
    return re.sub(r"@(name|Name|module)@", lambda match: words[match[1]], text)


def write(kind, name, root=ROOT):
    """The paths written, relative to root; refuses to overwrite."""
    folder, words = target_of(kind, name)
    files = {}
    for path in sorted((SKELETONS / kind).iterdir()):
        file_name = fill(path.name.removesuffix(".tmpl"), words)
        files[f"{folder}/{file_name}"] = fill(path.read_text(), words)
    for path in files:
        if (root / path).exists():
            raise Refused(f"{path} exists")
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    sources = [str(root / path) for path in files if path.endswith((".cc", ".h"))]
    subprocess.run(["clang-format-16", f"--style=file:{ROOT}/.clang-format", "-i", *sources],
                   check=True)
    return list(files)


def main(arguments):
    if len(arguments) != 2:
        print("usage: ./x new source|engine|resource|destination|module-file NAME", file=sys.stderr)
        return 2
    try:
        written = write(*arguments)
    except Refused as refusal:
        print(f"new: {refusal}", file=sys.stderr)
        return 1
    print("\n".join(written))
    print("next: " + KINDS[arguments[0]][1].format(**target_of(*arguments)[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
