"""Hugging Face's Trainer with our targets, keep list and ``compute_metrics``."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from reassess.errors import AlignmentError  # noqa: E402
from reassess.metrics import real_metrics  # noqa: E402
from reassess.training import ReassessedDataset  # noqa: E402
from tests.peers.conftest import share_correct  # noqa: E402


def test_the_trainer_learns_and_reports_what_a_plain_loop_counts(digits, tmp_path):
    from transformers import ResNetConfig, ResNetForImageClassification, Trainer, TrainingArguments

    transformers.set_seed(0)
    pixels = torch.tensor(digits.pixels / 255.0, dtype=torch.float32)
    pixels = pixels[:, None].repeat(1, 3, 1, 1)
    samples = [{"pixel_values": one, "labels": 0} for one in pixels]
    train = ReassessedDataset(samples, digits.labels, image_ids=digits.ids, keep_list=digits.keep)
    truth = digits.multihot(digits.ids)
    evaluated = [
        {"pixel_values": one, "labels": torch.tensor(cells).float()}
        for one, cells in zip(pixels, truth, strict=True)
    ]
    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=10,
        problem_type="multi_label_classification",
    )  # fmt: skip
    model = ResNetForImageClassification(config)
    arguments = TrainingArguments(
        str(tmp_path), max_steps=60, per_device_train_batch_size=32, learning_rate=1e-2,
        per_device_eval_batch_size=50, report_to="none", use_cpu=True, save_strategy="no",
        disable_tqdm=True, logging_steps=30,
    )  # fmt: skip
    trainer = Trainer(
        model, arguments, train_dataset=train, eval_dataset=evaluated,
        compute_metrics=real_metrics(digits.labels, digits.ids, top_k=(1, 3)),
    )  # fmt: skip
    trainer.train()
    losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    assert losses[-1] < losses[0]
    found = trainer.evaluate()
    scores = trainer.predict(evaluated).predictions
    for k, name in ((1, "eval_real_accuracy"), (3, "eval_real_accuracy_top_3")):
        wanted, n_scored = share_correct(scores, truth, k)
        assert found[name] == pytest.approx(wanted)
    assert found["eval_real_n_scored"] == n_scored
    assert found["eval_real_accuracy"] > 0.3


def test_labels_of_the_batches_do_where_they_are_multi_hot(digits):
    class Evaluation:
        predictions = np.random.default_rng(0).normal(size=(len(digits.ids), 10))
        label_ids = digits.multihot(digits.ids).astype(np.float32)

    found = real_metrics()(Evaluation())
    assert found["real_accuracy"] == pytest.approx(
        share_correct(Evaluation.predictions, Evaluation.label_ids > 0)[0]
    )
    with pytest.raises(AlignmentError, match="predictions of 160 images, but must be of the 3"):
        real_metrics(digits.labels, digits.ids[:3])(Evaluation())
