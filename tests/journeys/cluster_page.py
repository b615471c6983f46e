"""The blocks of docs/cluster.md, typed as printed; its nodes are this machine.

`make test-pages` runs it, by the settings of tests/cluster.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.cluster.test_cluster import inputs  # noqa: F401 -- a fixture
from tests.journeys.pages import Script, typed_in_shells
from tests.journeys.slurm import lacking, slurm

PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"
MARK = "REASSESS_TEST_FOLDER"


@pytest.fixture
def folder(inputs, tmp_path):  # noqa: F811
    """What the page's reader has; Ray's processes that they leave are ended."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'reassess[ray]'")
    for name in ("photos", "whole.npz"):
        (tmp_path / name).symlink_to(inputs / name)
    (tmp_path / "model.safetensors").symlink_to(inputs / "m.safetensors")
    with leftovers_ended(tmp_path):
        yield tmp_path


@contextmanager
def leftovers_ended(folder: Path):
    """End whatever carries the folder's mark in its environment, and nothing else."""
    try:
        yield
    finally:
        for _ in range(3):
            for one in psutil.process_iter():
                try:
                    if one.environ().get(MARK) == str(folder):
                        one.kill()
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
            time.sleep(0.5)


def environment(folder: Path) -> dict[str, str]:
    """Of a node's shell; Ray's sockets need a short path, and the workers little memory."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        MARK: str(folder), "HEAD": "127.0.0.1", "RAY_AUTH_MODE": "disabled",
        "RAY_TMPDIR": f"{tempfile.gettempdir()}/r{os.getpid()}",
    }  # fmt: skip


def shell(folder: Path, line: str, **variables: str) -> None:
    """Type a line; it must end well."""
    log = folder / "log"  # a file: what goes on in the background would keep a pipe open
    with log.open("w") as output:
        done = subprocess.run(
            ["bash", "-e", "-c", line], cwd=folder, env=environment(folder) | variables,
            stdout=output, stderr=output, timeout=280, check=False,
        )  # fmt: skip
    assert done.returncode == 0, (line, log.read_text())


def test_its_lines_run_on_one_machine_and_on_nodes(folder):
    lines = [one for one in typed_in_shells(PAGE) if not isinstance(one, Script)]
    assert sum("--engine ray" in one.line for one in lines) == 2
    for one in lines:
        if one.line.startswith("pip install "):
            continue  # by installing.py
        shell(folder, one.line)
        if "-o preds.npz" in one.line:
            assert (folder / "preds.npz").read_bytes() == (folder / "whole.npz").read_bytes()
            (folder / "preds.npz").unlink()


@pytest.mark.skipif(lacking() is not None, reason=str(lacking()))
def test_slurm_runs_its_script(folder):
    """On one node, which an option says; the others would do what its second branch says."""
    (script,) = [one for one in typed_in_shells(PAGE) if isinstance(one, Script)]
    (folder / "job.sh").write_text(script.text)
    with slurm(folder / "slurm") as variables:
        shell(folder, "sbatch --wait --nodes=1 --output=job.log job.sh", **variables)
    assert (folder / "preds.npz").read_bytes() == (folder / "whole.npz").read_bytes()
