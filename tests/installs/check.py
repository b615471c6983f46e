"""Install each extra alone, from the built wheel, and use what it brings.

    python tests/installs/check.py [--python VERSIONS] [--versions KINDS] [EXTRA ...]

Each installation is an environment of its own. All commands below run in each of them: one whose
extras are installed must end well, any other must end well or in one line that names the extra to
install, and none in a traceback. Without an EXTRA the first version of Python gets each of them,
the others the bare package and ``all``. A version that this machine lacks is skipped by name.
"""

import argparse
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXTRAS = ("", "study", "report", "web", "postgresql", "excel", "all", "train")
FEW = ("", "all")

COMMANDS = {
    "reassess --version": (),
    "reassess --help": (),
    "reassess datasets": (),
    "reassess score a.csv --labels real.json --classes classes.csv": (),
    "reassess score b.csv --labels real.json --classes classes.csv "
    "--original-labels labels.csv": (),
    "reassess compare a.csv b.csv --labels real.json --classes classes.csv": (),
    "reassess score a.csv b.csv --labels real.json --classes classes.csv --report p.html": (
        "study",
        "report",
    ),
    "reassess ranks a.csv b.csv --labels real.json --classes classes.csv --resamples 100": (
        "study",
    ),
    "reassess aggregate votes.csv --classes classes.csv -o posterior.npz": ("study",),
    "reassess label posterior.npz --original-labels labels.csv --classes classes.csv -o l.json": (
        "study",
    ),
    "reassess new s --labels labels.csv --classes classes.csv --images photos": ("study",),
    "reassess add s a.csv b.csv": ("study",),
    "reassess propose s": ("study",),
    "reassess votes import s votes.csv": ("study", "web"),
    "reassess run s": ("study",),
    "reassess status s": ("study",),
    "reassess raters s --resamples 100": ("study", "web"),
    "reassess verdict s": ("study", "web"),
    "reassess report s --resamples 100": ("study", "web", "report"),
    "reassess check-store s": ("study", "web"),
    "reassess demo": ("study", "web", "report"),
    "reassess train photos --side 16 --epochs 1 --device cpu -o m.safetensors": ("train",),
    "reassess predict photos --model m.safetensors -o p.npz": ("train",),
    "python -c 'import reassess; reassess.real_accuracy'": (),
}
"""What is typed, and the extras that it needs; each stands on those before it."""


MADE_NOTHING = re.compile("no such file|there is no study|there are no|is missing")
"""What a command says where an earlier one named its extra, and made nothing."""


def png(shade: int) -> bytes:
    """A grey picture of 8 x 8 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    rows = (b"\0" + bytes([shade] * 8)) * 8
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def write_files(folder: Path) -> None:
    """Thirty images of three classes, two models, labels, and votes of four raters."""
    names = ["ant", "bee", "cat"]
    images = [f"{names[n % 3]}/{n:02d}.png" for n in range(30)]
    for n, image in enumerate(images):
        path = folder / "photos" / image
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(8 * n))
    write = {
        "classes.csv": ["index,id,name", *(f"{k},{name},{name}" for k, name in enumerate(names))],
        "labels.csv": ["image,label", *(f"{one},{names[n % 3]}" for n, one in enumerate(images))],
    }
    for model, every in (("a", 5), ("b", 3)):
        guesses = [names[(n + (n % every == 0)) % 3] for n in range(30)]
        rows = [f"{one},{guess}" for one, guess in zip(images, guesses, strict=True)]
        write[f"{model}.csv"] = ["image,prediction", *rows]
    votes = [
        f"{one},{names[(n + step) % 3]},r{r},{'yes' if step == 0 else 'no'}"
        for n, one in enumerate(images)
        if n % 5 == 0 or n % 3 == 0
        for step in (0, 1)
        for r in range(4)
    ]
    write["votes.csv"] = ["image,label,rater,answer", *votes]
    for name, lines in write.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    sets = ", ".join(f'"{one}": [{n % 3}]' for n, one in enumerate(images))
    (folder / "real.json").write_text("{" + sets + "}", encoding="utf-8")


def faults(bin_: Path, installed: set[str]) -> list[str]:
    """What went wrong in an environment, a line each."""
    found = []
    environment = os.environ | {"PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        for command, needs in COMMANDS.items():
            run = subprocess.run(
                command, shell=True, cwd=folder, env=environment, capture_output=True, text=True,
                timeout=300, check=False,
            )  # fmt: skip
            last = (run.stderr.strip().splitlines() or ["no word"])[-1]
            names_an_extra = run.returncode == 2 and "pip install 'reassess[" in run.stderr
            if "Traceback" in run.stderr:
                found.append(f"{command}: a traceback, {last}")
            elif set(needs) <= installed and run.returncode != 0:
                found.append(f"{command}: exit status {run.returncode}, {last}")
            elif run.returncode != 0 and not names_an_extra and not MADE_NOTHING.search(last):
                found.append(f"{command}: exit status {run.returncode} names no extra, {last}")
    return found


def main() -> int:
    """Check all combinations; 1 where one fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("extras", nargs="*", metavar="EXTRA")
    parser.add_argument("--python", default="3.11,3.12,3.13", metavar="VERSIONS")
    parser.add_argument("--versions", default="highest,lowest-direct", metavar="KINDS")
    options = parser.parse_args()
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        sys.exit("check.py needs uv, which is not installed. Install it with: pip install uv")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([uv, "build", "-q", "--wheel", "-o", folder, str(ROOT)], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        pythons = [one for one in map(interpreter, options.python.split(",")) if one]
        plan = [
            (python, extra, versions)
            for n, python in enumerate(pythons)
            for extra in options.extras or (FEW if n else EXTRAS)
            for versions in options.versions.split(",")
        ]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            went_well = list(pool.map(lambda one: check(uv, wheel, *one), plan))
    return int(not all(went_well))


def interpreter(version: str) -> str | None:
    """A version of Python, on the path or as pyenv built it; says so where it is not here."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    built = sorted(str(one) for one in root.glob(f"{version}.*/bin/python"))
    found = shutil.which(f"python{version}") or (built[-1] if built else None)
    for one in (found, *built):
        if (
            one
            and subprocess.run([one, "--version"], capture_output=True, check=False).returncode == 0
        ):
            return one
    print(f"Python {version}: skipped, it is not on this machine")
    return None


def check(uv: str, wheel: Path, python: str, extra: str, versions: str) -> bool:
    """Whether one installation does what it should; prints a line, and what failed."""
    name = f"{python}: reassess{f'[{extra}]' if extra else ''}, {versions} versions"
    with tempfile.TemporaryDirectory() as folder:
        bin_ = Path(folder) / "bin"
        wanted = f"{wheel}[{extra}]" if extra else str(wheel)
        subprocess.run([uv, "venv", "-q", "--python", python, folder], check=True)
        install = subprocess.run(
            [uv, "pip", "install", "-q", "--python", str(bin_ / "python"), "--resolution",
             versions, wanted],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if install.returncode != 0:
            print(f"{name}: cannot be installed\n{install.stderr}")
            return False
        parts = {"study", "report", "web"} if extra == "all" else {extra}
        found = faults(bin_, parts)
        megabytes = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file()) / 1e6
    print(f"{name}: {'FAILED' if found else 'right'}, {megabytes:,.0f} MB", *found, sep="\n  ")
    return not found


if __name__ == "__main__":
    sys.exit(main())
