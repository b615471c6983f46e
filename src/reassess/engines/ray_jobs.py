"""Which block of shards goes to which worker, and what has come back; knows nothing of Ray.

A block that was placed goes to the worker that holds it, then to whoever has nothing to do.
Letters: W workers.
"""

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from reassess.engines.base import shard_name


@dataclass
class Block:
    """Shards that go to a worker together.

    Attributes:
        number: which block, from 0.
        shards: the shards; of a block that was placed, what they are fetched by.
        names: what messages call each shard.
        key: the name of a block that was placed; None for shards that travel along.
        holder: the worker that ran it last.
        attempts: how many workers it has lost.
    """

    number: int
    shards: Sequence[Any]
    names: Sequence[str]
    key: str | None = None
    holder: Any = None
    attempts: int = 0

    def name(self, place: int | None = None) -> str:
        """What messages call the block, or one of its shards."""
        if place is not None or len(self.names) == 1:
            return self.names[place or 0]
        return f"{self.names[0]} to {self.names[-1].removeprefix('shard ')}"


class Placed(Iterable[Any]):
    """Shards in a cluster's memory, in blocks; mapped over as they are.

    Args:
        blocks: the blocks, in the order of the shards.
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = tuple(blocks)

    @property
    def keys(self) -> list[str]:
        """The names of the blocks."""
        return [block.key for block in self.blocks if block.key is not None]

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("shards that were placed are in the cluster: map a function over them")


def place_blocks(shards: Sequence[Any], n_blocks: int, put: Callable[[Any], Any]) -> Placed:
    """Shards in a cluster's memory, in runs of about the same number.

    Args:
        shards: the shards, in their order.
        n_blocks: how many blocks to make, at most; it decides nothing but who does what.
        put: puts an object into the cluster's memory and returns what it is fetched by.
    """
    n_blocks, work = max(1, min(n_blocks, len(shards))), uuid.uuid4().hex
    cuts = [len(shards) * place // n_blocks for place in range(n_blocks + 1)]
    blocks = []
    for number, (start, stop) in enumerate(pairwise(cuts)):
        part = tuple(shards[start:stop])
        names = [shard_name(start + place, one) for place, one in enumerate(part)]
        # In a list, so that Ray hands over the reference and a worker fetches it once.
        blocks.append(Block(number, [put(part)], names, f"{work}-{number}"))
    return Placed(blocks)


@dataclass
class Job:
    """A function over blocks: what is to be done, and what has come back.

    Attributes:
        function: what workers fetch the function by, in a list.
        shards: what it is mapped over.
        done: results of blocks that were not asked for yet, by the block's number.
        error: what a shard raised; None while none did.
        abandoned: whether its results are of no more use.
        name: of the function, unlike that of any other.
    """

    function: Any
    shards: Iterable[Any]
    done: dict[int, list[Any]] = field(default_factory=dict)
    error: Exception | None = None
    abandoned: bool = False
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        self._next = 0
        self._n_taken = 0
        self._again: deque[Block] = deque()
        self._more = self._blocks()
        self._waiting: list[Block] = []
        self._exhausted = False

    def _blocks(self) -> Iterator[Block]:
        if isinstance(self.shards, Placed):
            for block in self.shards.blocks:
                block.attempts = 0
                yield block
            return
        for number, shard in enumerate(self.shards):
            yield Block(number, [shard], [shard_name(number, shard)])

    def take(self, worker: Any, ahead: int) -> Block | None:
        """The next block for a worker; None where there is none, or too much has come back.

        Args:
            worker: who asks.
            ahead: blocks that may be taken beyond those that were popped: of results that came
                before their turn, no more are kept.
        """
        if self._again:
            return self._given(self._again.popleft(), worker)
        if isinstance(self.shards, Placed):
            self._waiting.extend(self._more)
            held = (one for one in self._waiting if one.holder is worker)
            free = (one for one in self._waiting if one.holder is None)
            block = next(held, None) or next(free, None) or next(reversed(self._waiting), None)
            if block is None:
                self._exhausted = True
                return None
            self._waiting.remove(block)
            return self._given(block, worker)
        if self._n_taken - self._next >= ahead:
            return None
        block = next(self._more, None)
        if block is None:
            self._exhausted = True
            return None
        return self._given(block, worker)

    def _given(self, block: Block, worker: Any) -> Block:
        block.holder = worker
        self._n_taken = max(self._n_taken, block.number + 1)
        return block

    def put_back(self, block: Block) -> None:
        """Have a block done again, before others."""
        block.holder = None
        self._again.append(block)

    def ready(self) -> bool:
        """Whether the results that are next have come."""
        return self._next in self.done

    def pop(self) -> list[Any]:
        """The results that are next."""
        self._next += 1
        return self.done.pop(self._next - 1)

    def is_done(self) -> bool:
        """Whether all results were popped."""
        return self._exhausted and not self._again and self._next >= self._n_taken
