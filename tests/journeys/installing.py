"""The lines of the docs that install reassess, typed as printed, each in an environment of its own.

python tests/journeys/installing.py
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bare_environments import ROOT, build_wheel, find_uv
from tests.journeys.pages import Typed, session


def documented() -> list[str]:
    """The lines of the docs' consoles that install."""
    pages = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    typed = [step for page in pages for step in session(page) if isinstance(step, Typed)]
    return sorted({one.line for one in typed if one.line.startswith("pip install ")})


def type_install(wheel: Path, line: str) -> bool:
    """Whether a line of the docs installs this version; pip finds the built wheel by its name."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        python = Path(name) / "bin" / "python"
        subprocess.run([find_uv(), "venv", "-q", "--seed", name], check=True)
        environment = os.environ | {
            "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
            "PIP_FIND_LINKS": f"{wheel.parent} {os.environ.get('PIP_FIND_LINKS', '')}".strip(),
        }
        environment.pop("PYTHONPATH", None)
        subprocess.run(["bash", "-c", line], cwd=ROOT, env=environment, check=False,
                       capture_output=True)  # fmt: skip
        found = subprocess.run(
            [python.with_name("reassess"), "--version"], env=environment, capture_output=True,
            text=True, check=False,
        ) if python.with_name("reassess").exists() else None  # fmt: skip
    version = wheel.name.split("-")[1]
    is_right = found is not None and found.returncode == 0 and version in found.stdout
    print(f"{line}: {'right' if is_right else 'FAILED'}, {time.monotonic() - start:.0f} s")
    return is_right


def main() -> int:
    """Type all of them; 1 where one does not install this version."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder))
        went_well = [type_install(wheel, line) for line in documented()]
    return int(not all(went_well))


if __name__ == "__main__":
    sys.exit(main())
