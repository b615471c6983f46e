"""`ReaLAccuracy` counts what a plain loop counts, in every form, and over processes."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torchmetrics = pytest.importorskip("torchmetrics")

from reassess.errors import AlignmentError, DataError, OptionError  # noqa: E402
from reassess.metrics import ReaLAccuracy  # noqa: E402
from tests.peers.conftest import share_correct  # noqa: E402


def random_batch(seed: int, n: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.normal(size=(n, 10))), torch.tensor(rng.random((n, 10)) < 0.15)


@pytest.mark.parametrize("k", [1, 3])
def test_every_form_of_a_batch_is_counted_alike(digits, k):
    truth = torch.tensor(digits.multihot(digits.ids))
    scores, _ = random_batch(0, len(digits.ids))
    wanted, n_scored = share_correct(scores.numpy(), truth.numpy(), k)
    ragged = [row.nonzero()[:, 0] for row in truth]
    filled = torch.nn.utils.rnn.pad_sequence(ragged, batch_first=True, padding_value=-1)
    ranked = scores.argsort(dim=1, descending=True)[:, :k]
    basenames = [one.rpartition("/")[2] for one in digits.ids]
    forms = {
        "multi-hot": (scores, truth), "floats": (scores, truth.float()),
        "lists": (scores, [one.tolist() for one in ragged]), "tensors": (scores, ragged),
        "ids": (scores, digits.ids), "basenames": (scores, basenames),
        "half": (scores.bfloat16(), truth), "classes": (ranked, truth), "filled": (scores, filled),
    }  # fmt: skip
    for form, (predictions, target) in forms.items():
        metric = ReaLAccuracy(digits.labels, top_k=k, pad=-1 if form == "filled" else None)
        for part in (slice(0, 7), slice(7, 100), slice(100, None)):
            metric.update(predictions[part], target[part])
        if form == "half":
            wanted_half, _ = share_correct(predictions.float().numpy(), truth.numpy(), k)
            assert float(metric.compute()) == pytest.approx(wanted_half)
            continue
        assert float(metric.compute()) == pytest.approx(wanted), form
        assert metric.accuracy().n_scored == n_scored
        assert int(metric.n_unlabelled) == len(digits.ids) - n_scored


def test_it_keeps_torchmetrics_contract():
    metric = ReaLAccuracy()
    collection = torchmetrics.MetricCollection({"top1": metric, "top3": ReaLAccuracy(top_k=3)})
    total = []
    for seed in range(3):
        scores, truth = random_batch(seed)
        of_batch = collection(scores, truth)
        assert float(of_batch["top1"]) == pytest.approx(
            share_correct(scores.numpy(), truth.numpy())[0]
        )
        total.append((scores, truth))
    scores, truth = (torch.cat(parts) for parts in zip(*total, strict=True))
    for name, k in (("top1", 1), ("top3", 3)):
        wanted = share_correct(scores.numpy(), truth.numpy(), k)[0]
        assert float(collection.compute()[name]) == pytest.approx(wanted)
    twin = pickle.loads(pickle.dumps(collection["top1"]))
    assert float(twin.compute()) == float(copy.deepcopy(twin).compute())
    collection.reset()
    assert int(collection["top1"].n_scored) == 0
    assert torch.isnan(ReaLAccuracy()(scores[:2], torch.zeros(2, 10)))


def test_what_is_no_batch_is_refused(digits):
    metric = ReaLAccuracy(digits.labels)
    scores, truth = random_batch(0)
    for target, error, message in (
        (truth[:3], AlignmentError, "targets are of 3 images"),
        (truth[:, :4], DataError, r"must be 0 and 1 of the shape \[B, 10\]"),
        (torch.randint(2, 9, (40, 3)), DataError, "rows filled with a value"),
        (["nowhere.png"] * 40, AlignmentError, "'nowhere.png' has no entry in digits"),
    ):
        with pytest.raises(error, match=message):
            metric.update(scores, target)
    with pytest.raises(DataError, match="is NaN"):
        metric.update(scores * torch.nan, truth)
    with pytest.raises(OptionError, match="no labels are known"):
        ReaLAccuracy().update(scores, digits.ids[:40])
    with pytest.raises(OptionError, match=r"k is 12, but must be in \[1, 10\]"):
        ReaLAccuracy(top_k=12).update(scores, truth)


def in_process(rank: int, folder: str) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    metric = ReaLAccuracy()
    scores, truth = random_batch(rank, 30 + 20 * rank)
    metric.update(scores, truth)
    Path(folder, str(rank)).write_text(f"{float(metric.compute())} {int(metric.n_scored)}")
    torch.distributed.destroy_process_group()


def test_two_processes_add_up(tmp_path):
    torch.multiprocessing.start_processes(
        in_process, (str(tmp_path),), nprocs=2, start_method="fork"
    )
    parts = [random_batch(rank, 30 + 20 * rank) for rank in range(2)]
    scores, truth = (torch.cat(one).numpy() for one in zip(*parts, strict=True))
    wanted, _ = share_correct(scores, truth)
    for rank in range(2):
        found = float((tmp_path / str(rank)).read_text().split()[0])
        assert found == pytest.approx(wanted)
