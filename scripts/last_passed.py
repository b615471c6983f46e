"""What a dear set of tests rests on, as one hash: it runs again where that has changed.

    python scripts/last_passed.py peers|cluster|installs|journeys --write|--check

``make test-peers``, and so on, write it when they passed;
`.ci/run` asks with ``--check``, which ends with status 1 where they have to run again.
"""

import hashlib
import json
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = {
    "peers": (
        "src/reassess/metrics/*.py",
        "src/reassess/training/dataset.py",
        "tests/peers/*.py",
        "docs/loops.md",
        "docs/saving-predictions.md",
        "docs/upstream/*.md",
    ),
    "cluster": (
        "src/reassess/engines/*.py",
        "src/reassess/aggregation/em.py",
        "src/reassess/analysis/replicates.py",
        "src/reassess/proposals/scans.py",
        "src/reassess/proposals/top_lists.py",
        "src/reassess/study/finished_scans.py",
        "src/reassess/training/image_predictions.py",
        "tests/cluster/*.py",
    ),
    "installs": (
        "tests/installs/*.py",
        "tests/bare_environments.py",
        "src/reassess/extras.py",
        "constraints.txt",
    ),
    "journeys": (
        "tests/journeys/*.py",
        "tests/bare_environments.py",
        "src/reassess/**/*.py",
        "constraints.txt",
        "docs/*.md",
        "README.md",
    ),
}


def state(tests: str) -> str:
    """The hash of the files, and of what pyproject asks for on their behalf."""
    found = hashlib.sha256()
    for pattern in FILES[tests]:
        for path in sorted(ROOT.glob(pattern)):
            found.update(path.read_bytes())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = list(extras.values())
    if tests == "cluster":
        wanted = [extras["ray"]]
    if tests == "peers":
        wanted = [extras["metrics"], extras["train"], project["dependency-groups"]["peers"]]
    found.update(json.dumps([project["project"]["dependencies"], *wanted]).encode())
    return found.hexdigest()


if __name__ == "__main__":
    tests, what = sys.argv[1:]
    record = ROOT / "tests" / tests / "passed.txt"
    if what == "--write":
        record.write_text(state(tests) + "\n", encoding="utf-8")
    elif not record.is_file() or record.read_text(encoding="utf-8").strip() != state(tests):
        sys.exit(1)
