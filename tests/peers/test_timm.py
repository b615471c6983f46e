"""timm's reader, transforms, mixup, loss, scheduler and loop, with our targets and keep list."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from reassess.metrics import RealLabels  # noqa: E402
from reassess.training import (  # noqa: E402
    MultiLabelMixup,
    ReassessedDataset,
    sigmoid_cross_entropy,
)
from tests.peers.conftest import share_correct  # noqa: E402


def test_a_loop_shaped_like_train_py_learns_from_our_targets(digits):
    from timm.data import Mixup, create_dataset, create_loader
    from timm.loss import BinaryCrossEntropy
    from timm.models import create_model
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2

    torch.manual_seed(0)
    np.random.seed(0)
    plain = create_dataset("", root=str(digits.folder), is_training=True)
    dataset = ReassessedDataset(plain, digits.labels, keep_list=digits.keep)
    labelled = digits.multihot(digits.ids).any(axis=1)
    wanted = [one for one, has in zip(digits.ids, labelled, strict=True)
              if has and one in digits.keep]  # fmt: skip
    assert sorted(dataset.filenames()) == sorted(wanted)
    loader = create_loader(
        dataset, input_size=(3, 32, 32), batch_size=32, is_training=True, use_prefetcher=False,
        num_workers=0, device=torch.device("cpu"), hflip=0.0, scale=(0.9, 1.0), auto_augment=None,
    )  # fmt: skip
    model = create_model("test_resnet", num_classes=10)
    optimizer = create_optimizer_v2(model, opt="adamw", lr=3e-3)
    scheduler, n_epochs = create_scheduler_v2(optimizer, sched="cosine", num_epochs=6)
    mixup = MultiLabelMixup(Mixup(mixup_alpha=0.2, num_classes=10, label_smoothing=0.0))
    criterion = BinaryCrossEntropy(smoothing=0.0, sum_classes=True)
    losses = []
    for epoch in range(n_epochs):
        model.train()
        seen = []
        for batch in loader:
            assert set(batch[1].unique().tolist()) <= {0.0, 1.0}
            images, target = mixup(*batch)
            logits = model(images)
            loss = criterion(logits, target)
            assert loss.item() == pytest.approx(
                sigmoid_cross_entropy(logits, target).item(), rel=1e-4
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen.append(loss.item())
        losses.append(np.mean(seen))
        scheduler.step(epoch + 1)
    assert losses[-1] < 0.8 * losses[0]
    check_evaluation(digits, model)


def check_evaluation(digits, model):
    """A loop shaped like validate.py, on a part of the images, in timm's order."""
    from timm.data import create_dataset, create_loader

    part = digits.folder.parent / "part"
    for one in digits.ids[40:90]:
        (part / one).parent.mkdir(parents=True, exist_ok=True)
        (part / one).write_bytes((digits.folder / one).read_bytes())
    dataset = create_dataset("", root=str(part))
    loader = create_loader(
        dataset, input_size=(3, 32, 32), batch_size=16, use_prefetcher=False, num_workers=0,
        device=torch.device("cpu"), crop_pct=1.0,
    )  # fmt: skip
    names = dataset.filenames(basename=True)
    real_labels = RealLabels(names, digits.labels, topk=(1, 5))
    model.eval()
    scores = []
    with torch.no_grad():
        for images, _ in loader:
            output = model(images)
            real_labels.add_result(output)
            scores.append(output.numpy())
    of_name = {one.rpartition("/")[2]: one for one in digits.ids}
    truth = digits.multihot([of_name[name] for name in names])
    for k in (1, 5):
        wanted, n_scored = share_correct(np.concatenate(scores), truth, k)
        assert real_labels.get_accuracy(k) == pytest.approx(100 * wanted)
        assert real_labels.accuracy(k).n_scored == n_scored
    assert real_labels.get_accuracy() == {k: real_labels.get_accuracy(k) for k in (1, 5)}


@pytest.mark.parametrize("mode", ["batch", "pair", "elem"])
def test_targets_are_mixed_as_timm_mixes_one_hot_ones(mode):
    from timm.data import Mixup

    label = torch.arange(8) % 5
    one_hot = torch.nn.functional.one_hot(label, 5).float()
    images = torch.rand(8, 3, 16, 16)
    for settings in ({"mixup_alpha": 1.0}, {"cutmix_alpha": 1.0, "mixup_alpha": 0.0}):
        for smoothing in (0.0, 0.1):
            made = [Mixup(mode=mode, num_classes=5, label_smoothing=smoothing, **settings)
                    for _ in range(2)]  # fmt: skip
            np.random.seed(1)
            their_images, theirs = made[0](images.clone(), label)
            np.random.seed(1)
            our_images, ours = MultiLabelMixup(made[1])(images.clone(), one_hot)
            torch.testing.assert_close(our_images, their_images)
            torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_the_whole_of_timms_labels_says_what_timm_says(digits):
    """Where all images are there, timm's own object counts the same."""
    from timm.data import RealLabelsImagenet

    real = RealLabelsImagenet.__new__(RealLabelsImagenet)
    names = [one.rpartition("/")[2] for one in digits.ids]
    real.real_labels = dict(zip(names, digits.labels.lists(), strict=True))
    real.filenames, real.topk, real.sample_idx = names, (1, 5), 0
    real.is_correct = {1: [], 5: []}
    ours = RealLabels(names, digits.labels)
    scores = torch.randn(len(names), 10, generator=torch.Generator().manual_seed(0))
    for batch in scores.split(33):
        real.add_result(batch)
        ours.add_result(batch)
    assert ours.get_accuracy() == pytest.approx(real.get_accuracy())
