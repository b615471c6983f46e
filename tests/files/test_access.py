"""A reader sees the old file or the new one, whatever happens to the writer."""

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reassess.errors import FileError
from reassess.files import sha256_of, write_atomically
from reassess.files.access import read_npy

SLOW_WRITER = """
import sys, time
from reassess.files import write_atomically
with write_atomically(sys.argv[1]) as beside, beside.open("w") as file:
    file.write("half of the new fi")
    file.flush()
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("before", ["the old file", None])
def test_kill_9_in_the_middle_leaves_the_old_file(before: str | None, tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    if before is not None:
        path.write_text(before)
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    assert (path.read_text() if path.exists() else None) == before
    others = [file.name for file in tmp_path.iterdir() if file != path]
    assert all(name.startswith(".") for name in others), "what is left is hidden"
    with write_atomically(path) as beside:
        beside.write_text("the new file")
    assert path.read_text() == "the new file"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_file_and_nothing_else(
    error: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "new" / "labels.json"
    with write_atomically(path) as beside:
        beside.write_text("old")

    def fail() -> None:
        with write_atomically(path) as beside:
            beside.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    long = tmp_path / ("n" * 300)
    for path in (tmp_path / "file" / "x.json", tmp_path / "folder", long):
        with pytest.raises(FileError, match="cannot be written"), write_atomically(path) as beside:
            beside.write_text("new")
    with pytest.raises(FileError, match="not text"), write_atomically(tmp_path / "x") as beside:
        beside.write_text("a file name that is no UTF-8, as Python reads it: \udcff")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_a_new_file_can_be_read_by_others(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with write_atomically(tmp_path / "ours") as beside:
        beside.write_text("new")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_hash_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_of(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(FileError, match="nowhere"):
        sha256_of(tmp_path / "nowhere")


def test_arrays_are_memory_mapped_and_cannot_be_changed(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    array = read_npy(tmp_path / "x.npy")
    assert isinstance(array, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1
