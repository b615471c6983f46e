"""What a shard is: a run of rows of fixed length, cut by the data and by nothing else.

Threads, a cluster and the jobs of an array all work on the same shards, so that their results
join to the same bytes. A job of an array does every n-th shard: `JobShare`. Finished shards lie
in files (`reassess.files.finished_shards`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from reassess.errors import OptionError

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class RowShard:
    """Some rows of a larger whole.

    Attributes:
        number: which shard, from 0.
        start: its first row.
        stop: the row after its last.
    """

    number: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def cut_rows(n_rows: int, size: int) -> tuple[RowShard, ...]:
    """Shards of ``size`` rows each, the last one shorter.

    Args:
        n_rows: of the whole.
        size: of a shard; a constant of the work that is cut, never a number of workers.
    """
    starts = range(0, n_rows, size)
    return tuple(RowShard(number, at, min(at + size, n_rows)) for number, at in enumerate(starts))


@dataclass(frozen=True, slots=True)
class JobShare:
    """The shards that one job of an array does: every ``count``-th, beginning with its number.

    Attributes:
        number: which job, from 1.
        count: how many jobs there are.

    Raises:
        OptionError: the number is not in [1, count].
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise OptionError(
                f"the shard is {self}, but its number must be in [1, {max(self.count, 1)}]: jobs "
                "count from 1 (--shard 1/8 to --shard 8/8). If the scheduler counts from 0, let it "
                "count from 1 (sbatch --array=1-8)."
            )

    @classmethod
    def parse(cls, text: str) -> "JobShare":
        """The share that ``3/8`` means.

        Raises:
            OptionError: the text is no such share.
        """
        found = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text, re.ASCII)
        if found is None:
            raise OptionError(
                f"the shard is {text!r}, but must be I/N: job I of N, from 1 (--shard 3/8)."
            )
        return cls(int(found[1]), int(found[2]))

    def of(self, shards: Sequence[Item]) -> Sequence[Item]:
        """The job's own among all shards; none where there are more jobs than shards."""
        return shards[self.number - 1 :: self.count]

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"
