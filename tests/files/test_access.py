"""A reader sees the old file or the new one, whatever happens to the writer."""

import hashlib
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reassess.errors import FileError
from reassess.files import sha256_of, write_atomically
from reassess.files.access import read_npy
from reassess.files.places import is_same_place

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


def write(path: Path | str, text: str = "new") -> None:
    with write_atomically(path) as beside:
        assert beside.suffix == Path(path).suffix
        beside.write_text(text)


def test_links_are_followed(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (there / "old.json").write_text("old")
    (here / "link.json").symlink_to("../there/old.json")
    (here / "of-link.json").symlink_to("link.json")
    (here / "dangling.json").symlink_to(there / "new.json")
    (here / "folder").symlink_to(there)
    (here / "circle.json").symlink_to("circle.json")
    for name, target in (
        ("link.json", "old.json"), ("of-link.json", "old.json"),
        ("dangling.json", "new.json"), ("folder/deep/er.json", "deep/er.json"),
    ):  # fmt: skip
        write(here / name, name)
        assert (there / target).read_text() == name
    assert all(path.is_symlink() for path in here.iterdir())
    with pytest.raises(FileError, match="circle"):
        write(here / "circle.json")
    assert len(list(here.iterdir())) == 5, "nothing is left beside the links"


def test_a_file_keeps_its_mode_and_owner(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("old")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    before = path.stat()
    write(path)
    now = path.stat()
    assert [now.st_mode, now.st_uid, now.st_gid] == [before.st_mode, before.st_uid, before.st_gid]
    assert now.st_ino != before.st_ino


@pytest.mark.parametrize("through_link", [False, True])
def test_a_pipe_is_written_to_and_stays(through_link: bool, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    (tmp_path / "link.json").symlink_to(pipe)
    command = ["timeout", "10", "cat", str(pipe)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        write(tmp_path / "link.json" if through_link else pipe)
        assert reader.communicate()[0] == "new"
    assert pipe.is_fifo()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.json", "pipe.json"]


def test_what_is_no_file_is_refused_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reassess.files.places.PIPE_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(tmp_path / "socket"))
        for name, match in (("pipe", "nothing has opened it"), ("socket", "it is a socket")):
            before = (tmp_path / name).lstat()
            with pytest.raises(FileError, match=match):
                write(tmp_path / name)
            assert (tmp_path / name).lstat().st_ino == before.st_ino


@pytest.mark.parametrize("number", [3, 7])
def test_a_device_is_written_to_and_stays(number: int, tmp_path: Path) -> None:
    """A device of the test's own, as a fault would replace the machine's ``/dev/null``."""
    device = tmp_path / "device"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, number))
        device.write_bytes(b"")
    except OSError:
        pytest.skip("making a device needs root")
    if number == 3:
        write(device)
    else:
        with pytest.raises(FileError, match="No space left"):
            write(device)
    assert device.is_char_device()
    assert [path.name for path in tmp_path.iterdir()] == ["device"]


def test_standard_output_is_written_in_turn(tmp_path: Path) -> None:
    """Appended to what the shell's redirection holds, between what the process prints."""
    code = (
        "import sys; from reassess.files import write_atomically\n"
        "print('before')\n"
        "with write_atomically(sys.argv[1]) as b: b.write_text('new\\n')\n"
        "print('after')"
    )
    log = tmp_path / "log"
    log.write_text("kept\n")
    (tmp_path / "link").symlink_to("/dev/stdout")  # which a fault would replace for everybody
    for name in (str(tmp_path / "link"), "/dev/fd/1", "/proc/self/fd/1"):
        with log.open("a") as file:
            subprocess.run([sys.executable, "-c", code, name], stdout=file, check=True)
    assert log.read_text() == "kept\n" + "before\nnew\nafter\n" * 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_or_folder_that_is_read_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o444)
    with pytest.raises(FileError, match="read-only"):
        write(tmp_path / "x")
    assert (tmp_path / "x").read_text() == "old"


def test_two_paths_of_one_place(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    (tmp_path / "y").write_text("y")
    (tmp_path / "hard").hardlink_to(tmp_path / "x")
    (tmp_path / "link").symlink_to("x")
    (tmp_path / "dangling").symlink_to("new")
    (tmp_path / "folder").mkdir()
    for one, other, same in (
        ("x", "hard", True), ("x", "link", True), ("x", "folder/../x", True), ("x", "y", False),
        ("dangling", "new", True), ("new", "folder/../new", True), ("new", "x", False),
        ("deep/new", "deep/new", True), ("deep/new", "new", False), ("x", "x/new", False),
    ):  # fmt: skip
        assert is_same_place(tmp_path / one, tmp_path / other) is same, (one, other)
        assert is_same_place(tmp_path / other, tmp_path / one) is same, (one, other)
    ignores_case = (tmp_path / "FOLDER").exists()
    assert is_same_place(tmp_path / "new", tmp_path / "New") is ignores_case


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
