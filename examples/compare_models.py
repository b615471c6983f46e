"""Is the gain real? Two models on the same images."""

import numpy as np

from reassess import LabelSets, Predictions, compare

rng = np.random.default_rng(0)
image_ids = np.array([f"{i:04d}.png" for i in range(2_000)])
truth = rng.integers(0, 10, len(image_ids))
labels = LabelSets.from_lists("digits", image_ids, [[label] for label in truth.tolist()])


def model(name: str, accuracy: float) -> Predictions:
    """Predictions that are right with this probability."""
    top = np.where(rng.random(len(truth)) < accuracy, truth, (truth + 1) % 10)
    return Predictions(name, image_ids, top[:, None])


found = compare(model("new", 0.86), model("old", 0.84), labels)
print(f"{found.model_a} - {found.model_b}: {found.difference:+.3f} ", end="")
print(f"[{found.low:+.3f}, {found.high:+.3f}], p = {found.p_value:.3f}")
print(f"{len(found.only_a)} images are right in {found.model_a} only, ", end="")
print(f"{len(found.only_b)} in {found.model_b} only")
