"""Where work runs: one argument, the same bytes out.

`Engine` is the contract; `ThreadEngine` runs shards in the threads of this process.
"""

from reassess.engines.base import Engine
from reassess.engines.threads import ThreadEngine

__all__ = ["Engine", "ThreadEngine"]
