"""Format drift, judged by the pinned formatter."""
import fmt
from checks.tree import Finding


def check(tree):
    names = [str(tree.root / f) for f in tree.cxx("")]
    return [Finding(name.removeprefix(f"{tree.root}/"), 1, "format", "not formatted: run ./x fmt")
            for name in fmt.unformatted(names)]
