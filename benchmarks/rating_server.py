"""What `rating_load.py` puts under load: a made-up study, served by `reassess serve`."""

import io
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import cpu_of
from PIL import Image

from reassess.files.artefacts import write_tasks
from reassess.rating import audit, invite, study_progress, vote_batches
from reassess.records import Pairs, Questions, Tasks
from reassess.site.store import open_rating
from reassess.study import FILES, new_study, open_study

PER_SCREEN = 5
N_CLASSES = 1000
N_PICTURES = 40
START_SECONDS = 120.0


def photograph(seed: int) -> bytes:
    """A JPEG of 500 × 375 pixels and about 50 kB, as images of ImageNet are."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    stream = io.BytesIO()
    coarse.resize((500, 375), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def image_ids(n: int) -> list[str]:
    return [f"class_{i % N_CLASSES:04}/image_{i:06}.jpg" for i in range(n)]


def make_pictures(folder: Path, ids: list[str]) -> None:
    """A file for each image; the same few pictures over and over."""
    contents = [photograph(seed) for seed in range(N_PICTURES)]
    originals = []
    for number, content in enumerate(contents):
        path = folder / f"originals/{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        originals.append(path)
    for number, image_id in enumerate(ids):
        path = folder / image_id
        path.parent.mkdir(exist_ok=True)
        path.hardlink_to(originals[number % N_PICTURES])


def make_study(folder: Path, n_questions: int) -> Path:
    """A study of so many questions, five about each image."""
    ids = image_ids(n_questions // PER_SCREEN)
    make_pictures(folder / "pictures", ids)
    labels, classes = folder / "labels.csv", folder / "classes.csv"
    labels.write_text(
        "image,label\n" + "".join(f"{one},{i % N_CLASSES}\n" for i, one in enumerate(ids))
    )
    classes.write_text(
        "index,id,name,definition\n"
        + "".join(f"{k},n{k:08},class {k},a thing of kind {k}\n" for k in range(N_CLASSES))
    )
    study = new_study(folder / "study", labels=labels, classes=classes, images=folder / "pictures")
    image = np.repeat(np.arange(len(ids)), PER_SCREEN)
    label = (image * 7 + np.tile(np.arange(PER_SCREEN), len(ids)) * 31) % N_CLASSES
    asked = Questions.from_pairs(Pairs(np.array(ids), image, label))
    write_tasks(Tasks(asked, image), study.folder / FILES["tasks"], {})
    return study.folder


@dataclass(frozen=True)
class Served:
    """A site that runs.

    Attributes:
        study: its study.
        url: of its database; None is the study's own.
        port: on this machine.
        process: the server.
    """

    study: Path
    url: str | None
    port: int
    process: "subprocess.Popen[bytes]"

    def invite(self, n: int) -> list[str]:
        """Paths of so many one-time links."""
        with open_rating(open_study(self.study), self.url, create=True) as store:
            return [f"/invite/{invite(store, f'rater-{i}')}" for i in range(n)]

    def cpu(self) -> float:
        """Seconds of a core that the server and its workers have taken."""
        return cpu_of(self.process.pid)

    def verdict(self, k: int) -> str:
        """Whether every question has its k votes, counted from the votes themselves."""
        n_of: Counter[tuple[str, int]] = Counter()
        with open_rating(open_study(self.study), self.url, create=True) as store:
            for batch in vote_batches(store, counted_only=True):
                n_of.update(zip(batch.image_id.tolist(), batch.label.tolist(), strict=True))
            n_questions, wrong = study_progress(store).n_questions, len(audit(store))
        over = sum(n > k for n in n_of.values())
        under = sum(n < k for n in n_of.values()) + n_questions - len(n_of)
        return f"over-served {over} under-served {under} of {n_questions:,}, audit {wrong} faults"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int, process: "subprocess.Popen[bytes]", seconds: float = START_SECONDS) -> None:
    """Until somebody listens there.

    Raises:
        TimeoutError: nobody did in time, or the process ended.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens at port {port}: {process.args}")


@contextmanager
def served(study: Path, url: str | None, workers: int, *options: str) -> Iterator[Served]:
    """The site in processes of its own."""
    port = free_port()
    command = [sys.executable, "-m", "reassess.cli", "serve", str(study), "--port", str(port)]
    command += [
        *options,
        *([] if url is None else ["--database", url, "--processes", str(workers)]),
    ]
    process = subprocess.Popen(command)  # noqa: S603 -- our own program
    try:
        wait_for(port, process)
        yield Served(study, url, port, process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
