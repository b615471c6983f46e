"""ReaL accuracy of your model, with an interval, from arrays in memory."""

import numpy as np

from reassess import LabelSets, Predictions, real_accuracy
from reassess.statistics import wilson_interval

image_ids = np.array(["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"])
labels = LabelSets.from_lists("pets", image_ids, [[0], [0, 1], [1], []])
predictions = Predictions("my model", image_ids, ranked_classes=np.array([[0], [1], [0], [1]]))

accuracy = real_accuracy(predictions, labels)
low, high = wilson_interval(accuracy.n_correct, accuracy.n_scored)
print(f"{accuracy.n_correct} of {accuracy.n_scored} right, {accuracy.n_unlabelled} without a label")
print(f"ReaL accuracy {accuracy.value:.3f} [{low:.3f}, {high:.3f}]")
