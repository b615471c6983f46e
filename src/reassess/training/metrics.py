"""What a run measures as it goes: a CSV that a spreadsheet reads, and TensorBoard's events.

Both go on where a run is resumed: rows after the step that it goes on from are dropped.
"""

import csv
from dataclasses import asdict, dataclass, fields
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from reassess.errors import FileError, MissingExtraError
from reassess.files import write_atomically


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """Means over the steps since the row before.

    Attributes:
        step: steps done.
        epoch: epochs done, with their fraction.
        learning_rate: of the last step.
        loss: of the objective.
        accuracy: share of images of the batches whose top prediction is among their labels, as
            the model was when it saw them; with mixup, where it has most of the target.
        images_per_second: by the clock.
    """

    step: int
    epoch: float
    learning_rate: float
    loss: float
    accuracy: float
    images_per_second: float


class Metrics:
    """Rows to a CSV and to TensorBoard.

    Args:
        path: the CSV; None for none.
        tensorboard: a folder; None for none.
        first: rows of the steps up to this one stay.

    Raises:
        FileError: the CSV cannot be written.
        MissingExtraError: tensorboard is asked for and missing.
    """

    def __init__(
        self,
        path: str | PathLike[str] | None,
        tensorboard: str | PathLike[str] | None,
        first: int,
    ) -> None:
        self._path = None if path is None else Path(path)
        self._rows: list[StepMetrics] = []
        self._events: Any = None
        if self._path is not None:
            self._begin(self._path, first)
        if tensorboard is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise MissingExtraError("tensorboard", "train", "--tensorboard") from error
            self._events = SummaryWriter(fspath(tensorboard), purge_step=first or None)

    def _begin(self, path: Path, first: int) -> None:
        names = [one.name for one in fields(StepMetrics)]
        kept: list[list[str]] = []
        if first and path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                kept = [row for row in csv.reader(file) if row[:1] and row[0].isdecimal()]
        if path.is_fifo():
            raise FileError(
                f"{path}: it is a pipe, but must be a file: rows are added during the run. Choose "
                "another (--metrics FILE)."
            )
        with (
            write_atomically(path) as beside,
            beside.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(names)
            writer.writerows(row for row in kept if int(row[0]) <= first)

    def __enter__(self) -> "Metrics":
        return self

    def __exit__(self, *error: object) -> None:
        self.flush()
        if self._events is not None:
            self._events.close()

    def add(self, row: StepMetrics) -> None:
        """Take a row."""
        self._rows.append(row)
        if self._events is not None:
            for name, value in asdict(row).items():
                if name != "step":
                    self._events.add_scalar(name, value, row.step)

    def flush(self) -> None:
        """Write what was taken.

        Raises:
            FileError: the CSV cannot be written.
        """
        if self._path is not None and self._rows:
            try:
                with self._path.open("a", newline="", encoding="utf-8") as file:
                    writer = csv.writer(file, lineterminator="\n")
                    writer.writerows(
                        [row.step, row.epoch, *(f"{v:.6g}" for v in list(asdict(row).values())[2:])]
                        for row in self._rows
                    )
            except OSError as error:
                raise FileError(f"{self._path}: cannot be written ({error.strerror}).") from error
        self._rows.clear()
