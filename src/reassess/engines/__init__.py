"""Where work runs: one argument, the same bytes out.

`Engine` is the contract; `LocalEngine` runs shards in the threads of this process.
"""

from reassess.engines.base import Engine
from reassess.engines.local import LocalEngine

__all__ = ["Engine", "LocalEngine"]
