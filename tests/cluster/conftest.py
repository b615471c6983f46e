"""A cluster of two Ray nodes on this machine, each with one processor, started once."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
# The seconds in which a node that does not answer counts as lost; 10 and more otherwise.
os.environ["RAY_health_check_period_ms"] = "500"
os.environ["RAY_health_check_timeout_ms"] = "2000"

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """The cluster; this process is joined to it."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'reassess[ray]'")
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args=NODE)
    started.add_node(**NODE)
    ray.init(address=started.address, log_to_driver=False, logging_level="ERROR")
    yield started
    ray.shutdown()
    started.shutdown()
