"""The command line with small shards, which ends itself when so many of them are kept.

python killed_command.py N ARGUMENT ...   (N 0: never)
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from reassess.cli import main
from reassess.files.finished_shards import FinishedShards
from reassess.proposals import scans
from reassess.study import finished_scans
from reassess.training import image_predictions

image_predictions.SHARD_IMAGES = 16
scans._SHARD_CELLS = 16 * 4


def counting(write: Callable[..., None], n_kept: int) -> Callable[..., None]:
    """The same, but the process ends when it was called so often."""
    done = []

    def writes(*arguments: Any, **more: Any) -> None:
        write(*arguments, **more)
        done.append(1)
        if len(done) == n_kept:
            os.kill(os.getpid(), signal.SIGKILL)

    return writes


if __name__ == "__main__":
    n_kept = int(sys.argv.pop(1))
    FinishedShards.write = counting(FinishedShards.write, n_kept)
    finished_scans._write = counting(finished_scans._write, n_kept)
    main()
