"""``reassess doctor``: what is installed here, and whether files and caches can be written."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import click

from reassess.cli.output import console, print_json

Facts: TypeAlias = "dict[str, Any]"

_NETWORK = ("nfs", "cifs", "smb", "sshfs", "9p", "ceph", "lustre", "gpfs", "afs", "davfs")
"""Beginnings of the names of file systems on which SQLite cannot rely on locks."""

_FSYNCS = 5
_GIGABYTE = 1_000_000_000


@click.command(
    epilog="""\b
Examples:
  reassess doctor
  reassess doctor --json > doctor.json
"""
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def doctor(as_json: bool) -> None:
    """Show what is installed and what this machine has, to find or report a problem.

    That is: versions, extras and their packages, the cache of published data, cores, memory, GPU,
    fonts, and whether the working directory can be written to. It changes nothing, and its exit
    status is 0 whatever it finds.
    """
    found = examine()
    if as_json:
        print_json(found, with_notes=False)
    else:
        _print(found)


def examine() -> Facts:
    """Everything that `reassess doctor` shows, as JSON holds it; sizes are in bytes."""
    found: Facts = {
        "reassess": version("reassess"),
        "python": {"version": platform.python_version(), "path": sys.executable},
        "platform": platform.platform(),
        "extras": _extras(),
        "data": _data(),
        "cores": _cores(),
        "memory": _memory(),
        "gpu": _gpu(),
        "fonts": _fonts(),
        "folder": _folder(Path.cwd()),
        "temporary": _folder(Path(tempfile.gettempdir())),
    }
    return found | {"problems": problems(found)}


def _extras() -> Facts:
    from reassess.extras import extras

    found: Facts = {}
    for extra, names in extras().items():
        versions = {name: _version(name) for name in names}
        missing = [name for name, one in versions.items() if one is None]
        found[extra] = {"complete": not missing, "packages": versions, "missing": missing}
    return found


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _data() -> Facts:
    from reassess.catalog import ENTRIES, Catalog

    catalog = Catalog.default()
    folder = Path(catalog.folder)
    above = next((one for one in (folder, *folder.parents) if one.exists()), folder)
    return {
        "folder": str(folder),
        "from": "REASSESS_DATA" if os.environ.get("REASSESS_DATA") else "default",
        "exists": folder.is_dir(),
        "writable": os.access(above, os.W_OK),
        "cached": [one.name for one in ENTRIES if catalog.is_cached(one)],
        "published": len(ENTRIES),
    }


def _cores() -> Facts:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota, _, period = _read("/sys/fs/cgroup/cpu.max").partition(" ")
    limit = int(quota) / int(period) if quota.isdigit() and period.isdigit() else None
    return {"all": os.cpu_count(), "usable": usable, "limit": limit}


def _memory() -> Facts:
    lines = (line.split() for line in _read("/proc/meminfo").splitlines())
    sizes = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) > 1}
    limit = _read("/sys/fs/cgroup/memory.max")
    return {
        "total": sizes.get("MemTotal"),
        "available": sizes.get("MemAvailable"),
        "limit": int(limit) if limit.isdigit() else None,
    }


def _gpu() -> Facts:
    """The devices that the driver knows, and for which CUDA torch was built; loads no torch."""
    listed = _output_of("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    devices = (listed or "").splitlines()
    if sys.platform == "darwin" and platform.machine() == "arm64":
        devices.append("Apple's Metal")
    torch = find_spec("torch")
    built = "" if torch is None or not torch.origin else Path(torch.origin).with_name("version.py")
    cuda = re.search(r"^cuda\b[^=\n]*= *['\"]([\w.]+)", _read(str(built)), re.MULTILINE)
    return {
        "devices": devices,
        "torch": None if torch is None else _version("torch"),
        "torch_cuda": None if cuda is None else cuda[1],
    }


def _fonts() -> Facts:
    """Which fonts that figures ask for are installed; None where that cannot be seen."""
    try:
        from reassess.report.svg import FONT
    except ImportError:
        return {"wanted": [], "installed": None}
    wanted = [one.strip(' "') for one in FONT.split(",")]
    wanted = [one for one in wanted if one[:1].isupper()]
    listed = _output_of("fc-list", ":", "family")
    families = {part.strip() for line in (listed or "").splitlines() for part in line.split(",")}
    installed = None if listed is None else [one for one in wanted if one in families]
    return {"wanted": wanted, "installed": installed}


def _folder(folder: Path) -> Facts:
    """Whether files can be written and synced to disk here, and on what."""
    found: Facts = {
        "path": str(folder),
        "file_system": _file_system(folder),
        "free": shutil.disk_usage(folder).free,
        "writable": False,
        "fsync_ms": None,
        "fsync_of_folder": False,
    }
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".reassess-doctor-") as file:
            found["writable"] = True
            seconds = []
            for _ in range(_FSYNCS):
                file.write(b"\0" * 4096)
                file.flush()
                began = time.perf_counter()
                os.fsync(file.fileno())
                seconds.append(time.perf_counter() - began)
            found["fsync_ms"] = round(1000 * sorted(seconds)[_FSYNCS // 2], 3)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            found["fsync_of_folder"] = True
        finally:
            os.close(descriptor)
    except OSError as error:
        found["error"] = error.strerror
    return found


def _file_system(folder: Path) -> str | None:
    """The kind of file system; None where the machine does not list them."""
    best, kind = "", None
    place = f"{folder.resolve()}/"
    for words in (line.split() for line in _read("/proc/mounts").splitlines()):
        mount = words[1].replace("\\040", " ").rstrip("/") + "/"
        if place.startswith(mount) and len(mount) >= len(best):
            best, kind = mount, words[2]
    return kind


def problems(found: Facts) -> list[str]:
    """What is likely to go wrong here, each with what to do."""
    folder, data = found["folder"], found["data"]
    listed = []
    if not folder["writable"]:
        listed.append(f"{folder['path']} cannot be written to. Run reassess elsewhere.")
    elif folder["fsync_ms"] is None:
        listed.append(f"{folder['path']} cannot sync files: votes may be lost in a power cut.")
    if (folder["file_system"] or "").removeprefix("fuse.").startswith(_NETWORK):
        listed.append(
            f"{folder['path']} lies on a network file system ({folder['file_system']}). Keep "
            "rating.db on a local disk (serve --database), or use PostgreSQL."
        )
    if not data["writable"] and len(data["cached"]) < data["published"]:
        listed.append(
            f"{data['folder']} cannot be written to, so published data cannot be fetched. Name "
            "another folder: REASSESS_DATA=FOLDER."
        )
    gpu = found["gpu"]
    if sys.platform != "darwin" and gpu["devices"] and gpu["torch"] and not gpu["torch_cuda"]:
        listed.append(
            f"torch {gpu['torch']} is built without CUDA and does not use {gpu['devices'][0]}."
        )
    if not found["extras"].get("study", {}).get("complete", True):
        listed.append("Studies need an extra: pip install 'reassess[study]'")
    return listed


def _print(found: Facts) -> None:
    from reassess.report.table import Column, Columns, Table, to_rich

    rows = [*_versions(found), *_machine(found)]
    columns: Columns = [
        (Column("what", "what"), [what for what, _, _ in rows]),
        (Column("state", "state", "check"), [state for _, state, _ in rows]),
        (Column("found", "found"), [text for _, _, text in rows]),
    ]
    problems = tuple(found["problems"]) or ("No problem found.",)
    table = Table.from_columns("doctor", "What reassess finds here", columns, notes=problems)
    console().print(to_rich(table))


def _versions(found: Facts) -> list[tuple[str, bool | None, str]]:
    python = found["python"]
    rows: list[tuple[str, bool | None, str]] = [
        ("reassess", None, found["reassess"]),
        ("Python", None, f"{python['version']} ({python['path']})"),
        ("platform", None, found["platform"]),
    ]
    for extra, one in found["extras"].items():
        text = ", ".join(f"{name} {v}" for name, v in one["packages"].items() if v is not None)
        if one["missing"]:
            text = f"not here: {', '.join(one['missing'])}; pip install 'reassess[{extra}]'"
        rows.append((f"extra {extra}", one["complete"], text))
    return rows


def _machine(found: Facts) -> list[tuple[str, bool | None, str]]:
    data, cores, memory, gpu = (found[one] for one in ("data", "cores", "memory", "gpu"))
    cached = f"{data['folder']} ({data['from']}): {len(data['cached'])} of {data['published']}"
    limit = "" if cores["limit"] is None else f", limited to {cores['limit']:g}"
    fonts = found["fonts"]["installed"]
    rows: list[tuple[str, bool | None, str]] = [
        ("published data", data["writable"], f"{cached} names are here"),
        ("cores", None, f"{cores['usable']} of {cores['all']} usable{limit}"),
        ("memory", None, f"{_size(memory['available'])} of {_size(memory['total'])} available"),
        ("GPU", None, ", ".join(gpu["devices"]) or "none"),
        ("fonts of figures", None, "unknown" if fonts is None else ", ".join(fonts) or "fallback"),
    ]
    for what in ("folder", "temporary"):
        one = found[what]
        synced = "no fsync" if one["fsync_ms"] is None else f"fsync {one['fsync_ms']:.2f} ms"
        kind = one["file_system"] or "unknown file system"
        text = f"{one['path']}: {kind}, {synced}, {_size(one['free'])} free"
        rows.append((what, one["writable"], text))
    return rows


def _size(n_bytes: int | None) -> str:
    return "unknown" if n_bytes is None else f"{n_bytes / _GIGABYTE:,.1f} GB"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _output_of(*command: str) -> str | None:
    """What a program prints; None where it is missing or fails."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        ran = subprocess.run(  # noqa: S603 -- fixed commands, no shell
            [program, *command[1:]], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout
