"""Every image of a study decoded once, so that its owner hears of broken files before raters do.

What was found is kept in the study's cache under each file's path, time and size: a check that is
broken off goes on where it was, and a file that is replaced is tried again. While the site is open
a process of its own decodes, when nothing else wants the processor; those that serve read what it
found, so that they need not decode again what goes out as it is.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path

from reassess.errors import DataError, preview
from reassess.progress import Progress, null_progress
from reassess.study.images import ImageFolder
from reassess.web.pictures import Stamp, keep_plain, plain_of, problem_of, stamp_of

FILE = "images.jsonl"
"""In the study's cache; a line a file: path, time, size, why it cannot be shown or null, and kind
and longer side of a file that goes out as it is."""

_AT_ONCE = 64
"""Images decoded before what was found is written."""

_FOLLOW_SECONDS = 5.0
"""Between two looks at what another process found."""

_FETCHED_AT_ONCE = 16
"""Images that are fetched at a time, where they lie elsewhere."""

TOO_LARGE = "the file is absent, or too large"


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of a study's images so far.

    Attributes:
        n_images: how many there are.
        n_tried: how many were decoded, or could not be.
        broken: id and reason of each that has a file which cannot be shown.
        absent: ids of images without a file.
    """

    n_images: int
    n_tried: int
    broken: tuple[tuple[str, str], ...]
    absent: tuple[str, ...]

    def sentence(self) -> str | None:
        """What an owner should know; None where all that was tried can be shown."""
        if not self.broken:
            return None
        image_id, reason = self.broken[0]
        n = len(self.broken)
        tried = "" if self.n_tried == self.n_images else f"; {self.n_tried:,} were tried so far"
        return (
            f"{n:,} of {self.n_images:,} images cannot be shown, such as {image_id} ({reason})"
            f"{tried}. Replace {'it' if n == 1 else 'them'}: raters can only say that they see "
            "nothing."
        )


@dataclass
class ImageCheck:
    """The check of one study's images.

    Where each image's file is, is looked up once; afterwards only broken files are looked at again.

    Attributes:
        image_ids: the images, the most important first.
        image_path: an image's file; None where it has none.
        kept: the file that keeps what was found; it is made where it can be.
        folder: where the images are, if elsewhere: trying one fetches it.
    """

    image_ids: Sequence[str]
    image_path: Callable[[str], Path | None]
    kept: Path
    folder: ImageFolder | None = None
    _failed: dict[str, str] = field(default_factory=dict)
    _known: dict[Stamp, str | None] = field(default_factory=dict)
    _read_to: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def _stamps(self) -> dict[str, Stamp | None]:
        """Each image's file as it was when it was looked up; not those that lie elsewhere yet."""
        if self._remote is None:
            return {one: stamp_of(self.image_path(one)) for one in self.image_ids}
        here = ((one, self._remote.at_hand(one)) for one in self.image_ids)
        return {one: stamp_of(path) for one, path in here if path is not None}

    @property
    def _remote(self) -> ImageFolder | None:
        """The images, where they lie elsewhere."""
        return None if self.folder is None or self.folder.remote is None else self.folder

    def run(self, *, seconds: float = float("inf"), progress: Progress = null_progress) -> bool:
        """Whether every image is tried now; what is left is tried by another call.

        Args:
            seconds: after which to stop; the images at hand are finished first.
            progress: shown how many were tried.
        """
        self._catch_up()
        deadline = time.monotonic() + seconds
        left = self._untried()
        n_done = 0
        with ThreadPoolExecutor(2 if self._remote is None else _FETCHED_AT_ONCE) as pool:
            while batch := list(islice(left, _AT_ONCE)):
                self._keep(filter(None, pool.map(self._try, batch)))
                n_done += len(batch)
                progress("images", done=n_done, total=len(self.image_ids))
                if time.monotonic() > deadline:
                    return next(left, None) is None
        return True

    def run_in_background(self) -> None:
        """Try what is left, when nothing else wants the processor, and end with this process.

        Files are decoded by another process. Images elsewhere are fetched by a thread: that waits
        for the network, and says what could not be had.
        """
        if self._remote is None and self._can_keep():
            stamps = [stamp for one in self._untried() if (stamp := self._stamps[one]) is not None]
            get_context("spawn").Process(
                target=_try_all, args=(stamps, self.kept), name="image check", daemon=True
            ).start()
            self.follow()
            return

        def work() -> None:
            left = self._untried()
            while batch := list(islice(left, 8)):
                self._keep(filter(None, map(self._try, batch)))
                time.sleep(0.05)

        threading.Thread(target=work, name="image check", daemon=True).start()

    def follow(self) -> None:
        """Take in what another process finds, as long as this one lives."""

        def work() -> None:
            while True:
                self._catch_up()
                time.sleep(_FOLLOW_SECONDS)

        threading.Thread(target=work, name="image check", daemon=True).start()

    def findings(self) -> Findings:
        """What is known so far; broken files that were replaced since are tried again."""
        self._catch_up()
        self._look_again()
        stamps = self._stamps
        for image_id, stamp in list(stamps.items()):
            if stamp is not None and self._known.get(stamp) is not None:
                now = stamp_of(self.image_path(image_id))
                stamps[image_id] = now
                if now is not None and now not in self._known:
                    self._keep([(now, problem_of(now))])
        tried = {one: self._known[at] for one, at in stamps.items() if at in self._known}
        absent = tuple(one for one, at in stamps.items() if at is None)
        broken = [(one, reason) for one, reason in tried.items() if reason is not None]
        failed = [(one, why) for one, why in self._failed.items() if one not in stamps]
        n_tried = len(tried) + len(absent) + len(failed)
        return Findings(len(self.image_ids), n_tried, (*broken, *failed), absent)

    def problem(self, image_id: str, path: Path | None) -> str | None:
        """Why an image cannot be shown; None where it can be. It is tried where it was not yet.

        Args:
            image_id: the image.
            path: its file, as `image_path` finds it; None where it has none.
        """
        stamp = stamp_of(path)
        if stamp is None:
            return TOO_LARGE
        if stamp not in self._known:
            self._keep([(stamp, problem_of(stamp))])
            self._stamps[image_id] = stamp
        return self._known[stamp]

    def refuse_broken(self) -> None:
        """Nothing, where every image can be shown.

        Raises:
            DataError: one cannot be, with names and number.
        """
        found = self.findings()
        wrong = [*(name for name, _ in found.broken), *found.absent]
        if wrong:
            reason = found.broken[0][1] if found.broken else TOO_LARGE
            raise DataError(
                f"images: {preview(wrong)} cannot be shown ({reason}), but every image must be; "
                f"{len(wrong):,} of {found.n_images:,} cannot. Replace them, or leave --strict out."
            )

    def _untried(self) -> Iterator[str]:
        """The images that were not tried yet; what is elsewhere is not fetched for that."""
        for image_id in self.image_ids:
            if image_id in self._stamps:
                stamp = self._stamps[image_id]
                if stamp is not None and stamp not in self._known:
                    yield image_id
            elif image_id not in self._failed:
                yield image_id

    def _try(self, image_id: str) -> tuple[Stamp, str | None] | None:
        """What an image's file is, and why it cannot be shown; None where there is none."""
        stamp = self._stamps.get(image_id) or stamp_of(self.image_path(image_id))
        if stamp is None:
            why = None if self._remote is None else self._remote.problem(image_id)
            self._failed[image_id] = "it cannot be fetched: " + (why or "there is no such file")
            return None
        self._stamps[image_id] = stamp
        self._failed.pop(image_id, None)
        return stamp, problem_of(stamp)

    def _look_again(self) -> None:
        """Take in what was fetched since, for a rater or by another process."""
        if self._remote is None:
            return
        for image_id in self.image_ids:
            if image_id not in self._stamps and (path := self._remote.at_hand(image_id)):
                self._stamps[image_id] = stamp_of(path)
                self._failed.pop(image_id, None)

    def _keep(self, found: Iterable[tuple[Stamp, str | None]]) -> None:
        """Remember what was found, and write it where the study's folder can be written."""
        found = list(found)
        self._known.update(found)
        try:
            with self._lock:
                _append(self.kept, found)
        except OSError:
            return  # it is found again at the next start

    def _can_keep(self) -> bool:
        """Whether what another process finds can be read from the study's cache."""
        try:
            _append(self.kept, ())
        except OSError:
            return False
        return True

    def _catch_up(self) -> None:
        """Read what was written since the last look, by this process or another."""
        try:
            with self._lock, self.kept.open("rb") as file:
                file.seek(self._read_to)
                new = file.read()
                whole = new[: new.rfind(b"\n") + 1]
                self._read_to += len(whole)
        except OSError:
            return
        for line in whole.splitlines():
            try:
                path, changed, size, reason, *plain = json.loads(line)
                stamp = str(path), int(changed), int(size)
                self._known.setdefault(stamp, reason)
                if len(plain) == 2:  # earlier versions did not note it
                    keep_plain(stamp, str(plain[0]), int(plain[1]))
            except (ValueError, TypeError):
                continue  # a line that was not written whole


def _append(kept: Path, found: Iterable[tuple[Stamp, str | None]]) -> None:
    """Write what was found behind what is there.

    Raises:
        OSError: it cannot be written.
    """
    lines = [
        json.dumps([*stamp, reason, *(plain_of(stamp) or ())]) + "\n" for stamp, reason in found
    ]
    kept.parent.mkdir(exist_ok=True)
    with kept.open("a", encoding="utf-8") as file:
        file.write("".join(lines))


def _try_all(stamps: Sequence[Stamp], kept: Path) -> None:
    """Decode files in a process of its own, which leaves the processor to every other one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends whoever started it, and so this
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    if hasattr(os, "SCHED_IDLE"):  # Linux alone has it
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    left = iter(stamps)
    while batch := list(islice(left, _AT_ONCE)):
        _append(kept, [(stamp, problem_of(stamp)) for stamp in batch])


def _end_with_parent() -> None:
    """End at once when the process that started this one has ended, however it did."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)
