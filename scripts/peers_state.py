"""What the tests of peers rest on, as one hash: they run again where it has changed.

``make test-peers`` writes it when they passed; `.ci/run` asks with ``--check``, which ends with
status 1 where they have to run again.
"""

import hashlib
import json
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
STATE = ROOT / "tests" / "peers" / "passed.txt"
FILES = (
    "src/reassess/metrics/*.py",
    "src/reassess/training/dataset.py",
    "tests/peers/*.py",
    "docs/loops.md",
)


def state() -> str:
    """The hash of the files, and of what pyproject asks for on their behalf."""
    found = hashlib.sha256()
    for pattern in FILES:
        for path in sorted(ROOT.glob(pattern)):
            found.update(path.read_bytes())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = [extras["metrics"], extras["train"], project["dependency-groups"]["peers"]]
    found.update(json.dumps([project["project"]["dependencies"], *wanted]).encode())
    return found.hexdigest()


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        STATE.write_text(state() + "\n", encoding="utf-8")
    elif not STATE.is_file() or STATE.read_text(encoding="utf-8").strip() != state():
        sys.exit(1)
