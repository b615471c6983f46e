"""Lightning's Trainer with our data set, our objective and our callback."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchmetrics")
lightning = pytest.importorskip("lightning.pytorch")

from reassess.metrics import ReaLAccuracy, ReaLCallback  # noqa: E402
from reassess.training import ReassessedDataset, sigmoid_cross_entropy  # noqa: E402
from tests.peers.conftest import share_correct  # noqa: E402


class Classifier(lightning.LightningModule):
    """A linear model, with the lines that the docs show."""

    def __init__(self) -> None:
        super().__init__()
        self.model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1024, 10))
        self.scores: list[torch.Tensor] = []

    def training_step(self, batch, _):
        images, targets = batch
        return sigmoid_cross_entropy(self.model(images), targets)

    def validation_step(self, batch, _):
        images, ids = batch
        logits = self.model(images)
        self.scores.append(logits)
        return {"logits": logits, "ids": ids}

    test_step = validation_step

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def test_the_trainer_learns_and_logs_what_a_plain_loop_counts(digits, tmp_path):
    lightning.seed_everything(0)
    images = torch.tensor(digits.pixels / 255.0, dtype=torch.float32)
    samples = [(one, 0) for one in images]
    dataset = ReassessedDataset(samples, digits.labels, image_ids=digits.ids, keep_list=digits.keep)
    loader = torch.utils.data.DataLoader(dataset, batch_size=16, shuffle=True)
    evaluated = torch.utils.data.DataLoader(
        list(zip(images, digits.ids, strict=True)), batch_size=32
    )
    callback = ReaLCallback(digits.labels)
    module = Classifier()
    trainer = lightning.Trainer(
        max_epochs=4, callbacks=[callback], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
        default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(module, loader, evaluated)
    truth = digits.multihot(digits.ids)
    wanted, n_scored = share_correct(torch.cat(module.scores[-5:]).detach().numpy(), truth)
    assert float(trainer.callback_metrics["val_real_accuracy"]) == pytest.approx(wanted)
    assert callback.metric.accuracy().n_scored == n_scored
    assert wanted > 0.5
    module.scores.clear()
    [found] = trainer.test(module, evaluated, verbose=False)
    again, _ = share_correct(torch.cat(module.scores).detach().numpy(), truth)
    assert found["test_real_accuracy"] == pytest.approx(again) == pytest.approx(wanted)


def test_the_metric_is_logged_by_the_module_itself(digits, tmp_path):
    class Logs(Classifier):
        def __init__(self) -> None:
            super().__init__()
            self.real = ReaLAccuracy(digits.labels)

        def validation_step(self, batch, _):
            images, ids = batch
            logits = self.model(images)
            self.scores.append(logits)
            self.real.update(logits, ids)
            self.log("real", self.real, on_epoch=True)

    images = torch.tensor(digits.pixels / 255.0, dtype=torch.float32)
    loader = torch.utils.data.DataLoader(list(zip(images, digits.ids, strict=True)), batch_size=50)
    trainer = lightning.Trainer(
        logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu",
        default_root_dir=tmp_path,
    )  # fmt: skip
    module = Logs()
    [found] = trainer.validate(module, loader, verbose=False)
    scores = np.concatenate([one.detach().numpy() for one in module.scores])
    assert found["real"] == pytest.approx(share_correct(scores, digits.multihot(digits.ids))[0])
