"""A fit that ends its own process after three iterations, or goes on and prints what it finds.

python killed_fit.py ENGINE FILE kill|go [ADDRESS]
"""

import hashlib
import os
import signal
import sys

import numpy as np

from reassess.aggregation import FitFile, dawid_skene, em
from reassess.engines import ENGINES, EngineOptions
from reassess.records import Questions, Votes

em.QUESTIONS_A_SHARD = 40


def votes() -> Votes:
    """Five votes on each of 300 questions."""
    rng = np.random.default_rng(1)
    rater = np.argsort(rng.random((300, 9)), axis=1)[:, :5].ravel()
    present = np.repeat(rng.random(300) < 0.4, 5)
    answer = np.where(rng.random(1500) < 0.75, 2 * present, rng.integers(0, 3, 1500))
    questions = Questions(np.array([f"q{n:03}" for n in range(300)]), None)
    raters = np.array([f"r{n}" for n in range(9)])
    question = np.repeat(np.arange(300), 5)
    return Votes(questions, raters, ("no", "maybe", "yes"), question, rater, answer)


def main(engine: str, file: str, how: str, address: str | None = None) -> None:
    done_first: list[int] = []

    def look(what: str, *, done: int, **_: object) -> None:
        del what
        done_first.append(done)
        if how == "kill" and done == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    with ENGINES[engine].start(EngineOptions(workers=2, address=address)) as running:
        found = dawid_skene(votes(), engine=running, kept=FitFile(file, 0.0), progress=look)
    digest = hashlib.sha256(found.log_probability.tobytes() + found.confusion.tobytes())
    digest.update(repr(found.objective).encode())
    print(done_first[0], digest.hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])
