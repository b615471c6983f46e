"""A cluster of two Ray nodes on this machine, each with one processor, started once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
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


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    """A model that was not trained, 60 images, and a study of the same with full scores."""
    from PIL import Image

    from reassess.training.images import ImageTransform
    from reassess.training.models import build_model
    from reassess.training.trained_model import TrainedModel, write_model

    folder, rng = tmp_path_factory.mktemp("inputs"), np.random.default_rng(0)
    module = build_model("resnet-8", 4, seed=0)
    model = TrainedModel(module, "resnet-8", 4, None, ImageTransform(16))
    write_model(model, folder / "m.safetensors")
    ids = [f"c{n % 4}/{n:02}.png" for n in range(60)]
    for one in ids:
        path = folder / "photos" / one
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    lines = [f"{one},{one[1]}" for one in ids]
    (folder / "labels.csv").write_text("\n".join(["image,label", *lines]) + "\n")
    for n in range(2):
        logits = rng.normal(size=(60, 4)) + 3 * np.eye(4)[np.arange(60) % 4]
        np.savez(folder / f"s{n}.npz", ids=np.array(ids), logits=logits.astype(np.float32))
    made = run(folder, 0, "predict", "photos", "--model", "m.safetensors", "-o", "whole.npz")
    assert made.returncode == 0, made.stderr
    return folder


def run(folder, n_kept, *arguments):
    command = [sys.executable, Path(__file__).with_name("killed_command.py"), str(n_kept)]
    return subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
