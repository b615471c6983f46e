"""Install each extra alone, from the built wheel, and use what it brings.

    python tests/installs/check.py [--python VERSIONS] [--versions KINDS] [EXTRA ...]

Each installation is an environment of its own, made by uv. The commands below run in each of them,
those that need other extras alone only in the bare package: one whose extras are
installed must end well, any other must end well or in one line that names the extra to install, and
none in a traceback. The lowest versions are the lowest that have a wheel for the Python at hand:
nobody waits for NumPy to be compiled. A version of Python that this machine lacks is skipped by
name.
An EXTRA may be several with commas between.
"""

import argparse
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bare_environments import build_wheel, install

EXTRAS = (
    "all", "train,zoo", "train", "zoo", "metrics", "ray", "study", "report", "web", "postgresql",
    "excel", "remote", "",
)  # fmt: skip
"""The slowest first."""
SMOKE = Path(__file__).with_name("smoke.py")
ALL = {"study", "report", "web", "postgresql", "excel", "remote"}
"""What ``all`` holds."""

COMMANDS = {
    "reassess --version": (),
    "reassess --help": (),
    "reassess datasets": (),
    "reassess doctor": (),
    "reassess score a.csv --labels real.json --classes classes.csv": (),
    "reassess score b.csv --labels real.json --classes classes.csv "
    "--original-labels labels.csv": (),
    "reassess compare a.csv b.csv --labels real.json --classes classes.csv": (),
    "reassess score a.csv --labels real.json --classes classes.csv --original-labels labels.xlsx": (
        "excel",
    ),
    "reassess score a.csv b.csv --labels real.json --classes classes.csv --report p.html": (
        "study",
        "report",
    ),
    "reassess ranks a.csv b.csv --labels real.json --classes classes.csv --resamples 100": (
        "study",
    ),
    "reassess ranks a.csv b.csv --labels real.json --classes classes.csv --resamples 100 "
    "--engine ray --workers 1": ("study", "ray"),
    "reassess aggregate votes.csv --classes classes.csv -o posterior.npz": ("study",),
    "reassess label posterior.npz --original-labels labels.csv --classes classes.csv -o l.json": (
        "study",
    ),
    "reassess new s --labels labels.csv --classes classes.csv --images photos": ("study",),
    "reassess new far --labels labels.csv --classes classes.csv --images {site}/photos": (
        "study",
        "remote",
    ),
    "reassess add s a.csv b.csv": ("study",),
    "reassess propose s": ("study",),
    "reassess votes import s votes.csv --only-asked": ("study", "web"),
    "reassess votes export s": ("study", "web"),
    "reassess run s": ("study",),
    "reassess status s": ("study",),
    "reassess raters s --resamples 100": ("study", "web"),
    "reassess verdict s": ("study", "web"),
    "reassess report s --resamples 100": ("study", "web", "report"),
    "reassess check-store s": ("study", "web"),
    "reassess train photos --side 16 --epochs 1 --device cpu -o m.safetensors": ("train",),
    "reassess predict photos --model m.safetensors -o p.npz": ("train",),
    "reassess train photos --model timm:resnet10t --side 64 --batch-size 10 --epochs 1 "
    "--device cpu -o z.safetensors": ("train", "zoo"),
    "python -c 'import reassess; reassess.real_accuracy'": (),
    "python -c 'from reassess.demo import run_demo; run_demo(\"demo\", n_images=200)'": (
        "study",
        "web",
        "report",
    ),
    "python -c 'from pathlib import Path; from reassess.files.remote_images import RemoteImages; "
    'assert RemoteImages("{site}/photos", Path("kept")).fetch("ant/00.png").is_file()\'': (
        "remote",
    ),
    "python -c 'from reassess.metrics import ReaLAccuracy; import torch; metric = ReaLAccuracy(); "
    "metric.update(torch.eye(2), torch.eye(2)); assert metric.compute() == 1'": ("metrics",),
    "python -c 'from reassess.engines.ray import RayEngine\n"
    "with RayEngine(1) as engine: assert list(engine.map(len, [[1], [2, 3]])) == [1, 2]'": ("ray",),
}
"""What is typed, and the extras that it needs; each stands on those before it."""

NO_SERVER = "reassess check-store s --database postgresql://127.0.0.1:1/none"
"""With ``postgresql`` it is refused for want of a server, without it for want of the extra."""


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


def write_workbook(path: Path, rows: list[str]) -> None:
    """A sheet of texts, as Excel writes it."""
    sheet = "".join(
        "<row>"
        + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row.split(","))
        + "</row>"
        for row in rows
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="a" '
        'sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData>'
        "</worksheet>",
    }
    with zipfile.ZipFile(path, "w") as book:
        for name, text in parts.items():
            book.writestr(name, text)


def write_files(folder: Path) -> None:
    """Thirty images of three classes, two models, labels, and votes of four raters on all."""
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
        for step in range(3)
        for r in range(4)
    ]
    write["votes.csv"] = ["image,label,rater,answer", *votes]
    for name, lines in write.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_workbook(folder / "labels.xlsx", write["labels.csv"])
    sets = ", ".join(f'"{one}": [{n % 3}]' for n, one in enumerate(images))
    (folder / "real.json").write_text("{" + sets + "}", encoding="utf-8")


class Quiet(SimpleHTTPRequestHandler):
    """Sends files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name there
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder's files."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def faults(bin_: Path, installed: set[str]) -> list[str]:
    """What went wrong in an environment, a line each."""
    commands = {
        command: set(needs)
        for command, needs in COMMANDS.items()
        if not installed or not needs or not installed.isdisjoint(needs)
    }
    if {"study", "web"} <= installed:
        commands[NO_SERVER] = {"no such server"}
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as site:
        write_files(Path(folder))
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        version = subprocess.run(
            [bin_ / "reassess", "--version"], env=environment, capture_output=True, check=False
        )
        run = subprocess.run(
            [bin_ / "python", "-I", SMOKE], cwd=folder, env=environment, capture_output=True,
            input=json.dumps([one.replace("{site}", site) for one in commands]),
            text=True, timeout=1800, check=False,
        )  # fmt: skip
    found = ["reassess --version does not end well"] * (version.returncode != 0)
    if run.returncode != 0:
        return [*found, f"the commands end with status {run.returncode}", run.stderr[-2000:]]
    for (command, needs), (status, errors) in zip(
        commands.items(), json.loads(run.stdout), strict=True
    ):
        if command == NO_SERVER:
            wanted = "refused" if "postgresql" in installed else "reassess[postgresql]"
            if status != 2 or wanted not in errors:
                found.append(f"{command}: does not say {wanted!r}: {errors[-300:]}")
        else:
            found += fault(command, status, errors, needs <= installed)
    return found


def fault(command: str, status: int, errors: str, ends_well: bool) -> list[str]:
    """What is wrong with how a command ended: a line, or none."""
    last = (errors.strip().splitlines() or ["no word"])[-1]
    is_code = command.startswith("python")
    names_an_extra = "pip install 'reassess[" in errors and (is_code or status == 2)
    if ends_well:
        return [f"{command}: exit status {status}, {last}"] * (status != 0)
    if "Traceback" in errors and not (is_code and names_an_extra):
        return [f"{command}: a traceback, {last}"]
    if status != 0 and not names_an_extra and not MADE_NOTHING.search(last):
        return [f"{command}: exit status {status} names no extra, {last}"]
    return []


def main() -> int:
    """Check all combinations; 1 where one fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("extras", nargs="*", metavar="EXTRA")
    parser.add_argument("--python", default="3.11,3.12,3.13", metavar="VERSIONS")
    parser.add_argument("--versions", default="highest,lowest-direct", metavar="KINDS")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N")
    options = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder))
        pythons = [one for one in map(interpreter, options.python.split(",")) if one]
        plan = [
            (python, extra, versions)
            for python in pythons
            for extra in options.extras or EXTRAS
            for versions in options.versions.split(",")
        ]
        with ThreadPoolExecutor(options.jobs) as pool:
            went_well = list(pool.map(lambda one: check(wheel, *one), plan))
    minutes = (time.monotonic() - start) / 60
    print(f"{sum(went_well)} of {len(plan)} installations are right ({minutes:.1f} minutes)")
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


def check(wheel: Path, python: str, extra: str, versions: str) -> bool:
    """Whether one installation does what it should; prints a line, and what failed."""
    name = f"{python}: reassess{f'[{extra}]' if extra else ''}, {versions} versions"
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        wheels_only = ("--only-binary", ":all:") * (versions != "highest")
        installed = install(
            Path(folder), wheel, extra, "--resolution", versions, *wheels_only, python=python
        )
        if installed.returncode != 0:
            print(f"{name}: cannot be installed\n{installed.stderr}", flush=True)
            return False
        megabytes = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file()) / 1e6
        parts = ALL if extra == "all" else set(filter(None, extra.split(",")))
        found = faults(Path(folder) / "bin", parts)
    end = f"{megabytes:,.0f} MB, {time.monotonic() - start:.0f} s"
    print(f"{name}: {'FAILED' if found else 'right'}, {end}", *found, sep="\n  ", flush=True)
    return not found


if __name__ == "__main__":
    sys.exit(main())
