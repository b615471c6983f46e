"""Environments with nothing in them, and the built wheel, for tests that begin as a reader does.

uv makes them: it links files out of its cache, so that an environment takes seconds. It reads
none of pip's settings, so it is told where pip looks. PyTorch is the version that constraints.txt
pins, in the build that is found there: the newest would bring gigabytes of CUDA, the oldest too.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
_SETTING = re.compile(r"^(?:global|install|:env:)\.([\w-]+)='(.*)'$", re.MULTILINE)
_OF_UV = {
    "find-links": ("UV_FIND_LINKS", ","),
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
}
"""uv's name for a setting of pip, and what stands between several values."""


def requirements(extras: str) -> list[str]:
    """What pyproject.toml asks for, itself and on behalf of extras, one a string.

    ``uv pip install --resolution lowest-direct`` takes the lowest versions of what it is given, and
    the newest of what that needs: given a wheel alone, the newest of everything.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = list(project["dependencies"])
    for extra in filter(None, extras.split(",")):
        for one in project["optional-dependencies"][extra]:
            inner = re.fullmatch(r"reassess\[(.*)\]", one)
            found += requirements(inner[1]) if inner else [one]
    return list(dict.fromkeys(found))


def find_uv() -> str:
    """uv, beside this Python or on the path."""
    found = shutil.which(
        "uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if found is None:
        sys.exit("uv is not installed, but it makes the environments: pip install uv")
    return found


def build_wheel(folder: Path) -> Path:
    """The wheel of this working tree, built into a folder."""
    subprocess.run(
        [find_uv(), "build", "-q", "--wheel", "-o", str(folder), str(ROOT)],
        check=True, env=_settings(),
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(
    folder: Path, wheel: Path, extras: str, *options: str, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    """An environment in a folder, with the wheel and some of its extras.

    Args:
        folder: is made where it is missing; its ``bin`` holds the commands.
        wheel: what to install.
        extras: names with commas between, or nothing.
        options: of ``uv pip install``.
        python: the interpreter.
    """
    wanted = f"{wheel}[{extras}]" if extras else str(wheel)
    if not (folder / "bin" / "python").exists():
        subprocess.run([find_uv(), "venv", "-q", "--python", python, str(folder)], check=True)
    pins = re.findall(
        r"^torch(?:vision)?==.*$", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
    constraints = folder / "torch.txt"
    constraints.write_text("\n".join(pins) + "\n", encoding="utf-8")
    wants = requirements(extras)
    if any(re.match(r"torch\b", one) for one in wants):  # the lowest build of a version is CUDA's
        subprocess.run(
            [find_uv(), "pip", "install", "-q", "--python", str(folder / "bin" / "python"),
             "-c", str(constraints), "torch"],
            check=True, env=_settings(),
        )  # fmt: skip
        (found,) = folder.glob("lib/python*/site-packages/torch-*.dist-info")
        version = found.name.removeprefix("torch-").removesuffix(".dist-info")
        pins = [f"torch=={version}", *(one for one in pins if not one.startswith("torch=="))]
        constraints.write_text("\n".join(pins) + "\n", encoding="utf-8")
    return subprocess.run(
        [find_uv(), "pip", "install", "-q", "--python", str(folder / "bin" / "python"),
         "-c", str(constraints), *options, wanted, *wants],
        capture_output=True, text=True, check=False, env=_settings(),
    )  # fmt: skip


def _settings() -> dict[str, str]:
    """The environment of uv: pip's settings under uv's names, where they are not set already."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    environment = {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_LINK_MODE": "hardlink"}
    for name, value in _SETTING.findall(listed.stdout):
        if name in _OF_UV and value:
            theirs, between = _OF_UV[name]
            environment[theirs] = between.join(value.split())
    return environment | os.environ
