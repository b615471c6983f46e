"""Scoring 39 models x 50,000 images: ours against timm's loop and torchmetrics.

timm's `RealLabelsImagenet` is fed batches of outputs as its validation script does, and
torchmetrics' `RetrievalHitRate` flat scores, targets and indices. Both need scores where
the published files have ranks, so that each gets what it wants without paying for making
it. Peers run on a few models and are scaled to 39; ours runs on all. Times leave out reading
the files; reading and all is printed apart for ours.

    python benchmarks/scoring.py [--models 2]
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from measure import best_of, describe_machine, in_fresh_process, mend_torchvision, published
from measure import seconds as seconds_of


def study():
    catalog = published()
    benchmark = catalog.benchmark("imagenet")
    return catalog, benchmark, catalog.labels("imagenet-real")


def ours() -> dict[str, float]:
    from reassess.scoring import real_accuracies, real_accuracy

    catalog, benchmark, labels = study()
    read = seconds_of(lambda: catalog.predictions("imagenet-v2-repo", benchmark))
    predictions = catalog.predictions("imagenet-v2-repo", benchmark)
    return {
        "top-1": best_of(lambda: [real_accuracy(p, labels) for p in predictions], 5),
        "top-1 and top-5": best_of(
            lambda: [real_accuracies(p, labels, (1, 5)) for p in predictions], 5
        ),
        "reading": read,
        "models": len(predictions),
    }


def timm_loop(n_models: int) -> dict[str, float]:
    """The class in timm, on outputs whose five best are the published predictions."""
    mend_torchvision()
    import torch
    from timm.data import RealLabelsImagenet

    catalog, benchmark, labels = study()
    predictions = catalog.predictions("imagenet-v2-repo", benchmark)[:n_models]
    names = [image_id.rpartition("/")[2] for image_id in benchmark.image_ids.tolist()]
    by_number = labels.take(benchmark.by_file_number)
    folder = Path(tempfile.mkdtemp())
    (folder / "real.json").write_text(json.dumps(by_number.lists()))
    total = 0.0
    accuracies = []
    for one in predictions:
        outputs = torch.zeros(50_000, 1000)
        rank = torch.arange(5, 0, -1, dtype=torch.float32).expand(50_000, 5)
        outputs.scatter_(1, torch.from_numpy(one.ranked_classes), rank)

        def score(real, outputs=outputs):
            for batch in outputs.split(256):
                real.add_result(batch)
            return real.get_accuracy(k=1)

        for _ in range(2):
            real = RealLabelsImagenet(names, real_json=str(folder / "real.json"))
            elapsed = seconds_of(lambda real=real: accuracies.append(score(real) / 100))
        total += elapsed
    return {"seconds": total / n_models, "first": accuracies[0]}


def torchmetrics_hit_rate(n_models: int) -> dict[str, float]:
    """Hit rate at 1 on the five ranked classes of each image that has labels."""
    mend_torchvision()
    import torch
    from torchmetrics.retrieval import RetrievalHitRate

    from reassess.scoring import correct

    catalog, benchmark, labels = study()
    predictions = catalog.predictions("imagenet-v2-repo", benchmark)[:n_models]
    labelled = np.flatnonzero(labels.sizes > 0)
    index = torch.from_numpy(np.repeat(np.arange(len(labelled)), 5))
    rank = torch.arange(5, 0, -1, dtype=torch.float32).repeat(len(labelled))
    total = 0.0
    accuracies = []
    for one in predictions:
        right = [correct(one.ranked_classes[:, [k]], labels)[labelled] for k in range(5)]
        target = torch.from_numpy(np.stack(right, axis=1).reshape(-1))

        def score(target=target):
            metric = RetrievalHitRate(top_k=1, empty_target_action="neg")
            metric.update(rank, target, indexes=index)
            return float(metric.compute())

        accuracies.append(score())
        total += seconds_of(score)
    return {"seconds": total / n_models, "first": accuracies[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=2, help="models that the peers run on")
    n_models = parser.parse_args().models
    print(describe_machine())
    mine, memory = in_fresh_process(ours)
    n_all = int(mine["models"])
    print(
        f"reassess: {n_all} models top-1 {1e3 * mine['top-1']:.1f} ms, top-1 and top-5 "
        f"{1e3 * mine['top-1 and top-5']:.1f} ms, reading {mine['reading']:.2f} s, "
        f"peak {memory:,.0f} MB"
    )
    for name, peer, comparable in (
        ("timm RealLabelsImagenet", timm_loop, "top-1 and top-5"),
        ("torchmetrics RetrievalHitRate", torchmetrics_hit_rate, "top-1"),
    ):
        found, memory = in_fresh_process(peer, n_models)
        print(
            f"{name}: {n_all * found['seconds']:.1f} s for {n_all} models "
            f"(first {found['first']:.4f}), peak {memory:,.0f} MB, "
            f"ratio to our {comparable} {n_all * found['seconds'] / mine[comparable]:,.0f}"
        )


if __name__ == "__main__":
    main()
