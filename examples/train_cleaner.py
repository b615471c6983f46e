"""Learn from images of which a quarter is labelled wrongly: with and without cleaning."""

import numpy as np
import torch

from reassess.records import LabelSets
from reassess.training import (
    ImageTransform,
    InMemoryImages,
    LabelledImages,
    Recipe,
    clean,
    out_of_fold,
    predict_logits,
    train_model,
)

rng = np.random.default_rng(0)


def squares(n: int, share_wrong: float) -> tuple[LabelledImages, np.ndarray]:
    """Noisy images of a red, a green or a blue square, and their true classes."""
    truth = np.arange(n) % 3
    pixels = rng.integers(0, 110, (n, 16, 16, 3))
    pixels[np.arange(n), 4:12, 4:12, truth] += 50
    wrong = rng.random(n) < share_wrong
    label = np.where(wrong, (truth + rng.integers(1, 3, n)) % 3, truth)
    ids = np.array([f"{row}.png" for row in range(n)])
    labels = LabelSets("squares", ids, np.arange(n + 1), label, n_classes=3)
    memory = InMemoryImages(torch.from_numpy(pixels.astype(np.uint8)))
    return LabelledImages("squares", memory, labels, None, ImageTransform(16)), truth


images, truth = squares(240, 0.25)
test, test_truth = squares(300, 0.0)
recipe = Recipe(objective="sigmoid", epochs=4, batch_size=16, max_shift_px=2)

found = out_of_fold(images, Recipe(epochs=4, batch_size=16, max_shift_px=2), "resnet-8", n_folds=3)
kept = np.flatnonzero(clean(found.probabilities, images.first_label).kept)
for name, rows in (("all images", np.arange(len(images))), ("kept images", kept)):
    n_wrong = int((images.first_label[rows] != truth[rows]).sum())
    model = train_model(images.take(rows), recipe, "resnet-8")
    right = predict_logits(model, test.pixels).argmax(axis=1) == test_truth
    print(f"{name}: {len(rows)}, {n_wrong} labelled wrongly; {right.mean():.0%} of the test right")
