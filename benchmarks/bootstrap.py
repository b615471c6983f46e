"""Bootstrap of 39 models x 50,000 images: ours against torchmetrics' BootStrapper.

Three measurements of ours: images drawn again with labels as decided (accuracies, rank
intervals and all paired tests included); images, raters and votes drawn again with all 924,810
votes aggregated each time, by the published recipe; the same with Dawid and Skene's model. Every
resample of the latter two aggregates three times. torchmetrics draws images of one model's correct
with `BootStrapper` around `MeanMetric`, whose mean is ReaL accuracy; it runs on a few resamples of
one model and is scaled to all.

    python benchmarks/bootstrap.py [--resamples 1000] [--peer-resamples 50]
"""

import argparse

import numpy as np
from measure import describe_machine, in_fresh_process, mend_torchvision, published
from measure import seconds as seconds_of


def records():
    from reassess.aggregation import calibrated, dawid_skene, original_label_rater

    catalog = published()
    benchmark = catalog.benchmark("imagenet")
    labels = catalog.labels("imagenet-real").align_to(benchmark)
    models = [
        one.reindex(benchmark.image_ids)
        for one in catalog.predictions("imagenet-v2-repo", benchmark)
    ]
    votes, gold = catalog.votes("imagenet-votes"), catalog.gold("imagenet-gold")
    gold_votes = catalog.votes("imagenet-gold-votes")
    sixth = original_label_rater(
        benchmark, votes.questions, gold, first_class=0, last_class=397, min_expert_yes=2
    )
    recipe = calibrated(votes, gold, gold_votes=gold_votes, virtual_raters=[sixth])
    given = {"votes": votes, "gold": gold, "gold_votes": gold_votes}
    return models, labels, given, {"recipe": recipe, "dawid-skene": dawid_skene(votes)}


def ours(n_resamples: int) -> dict[str, float]:
    from reassess.analysis.uncertainty import uncertain_scores

    models, labels, given, posteriors = records()

    def run(n: int, **more):
        uncertain_scores(models, labels, n_resamples=n, rng=np.random.default_rng(0), **more)

    run(20)
    found = {"images": seconds_of(lambda: run(n_resamples))}
    for name, posterior in posteriors.items():
        run(20, posterior=posterior, **given)
        found[name] = seconds_of(lambda p=posterior: run(n_resamples, posterior=p, **given))
    return found


def torchmetrics_bootstrap(n_resamples: int) -> dict[str, float]:
    mend_torchvision()
    import torch
    from torchmetrics.aggregation import MeanMetric
    from torchmetrics.wrappers import BootStrapper

    from reassess.scoring import correct

    models, labels, _, _ = records()
    scored = labels.sizes > 0
    right = correct(models[0].ranked_classes[:, :1], labels)[scored]
    values = torch.from_numpy(right.astype(np.float32))
    found = {}

    def run():
        metric = BootStrapper(MeanMetric(), num_bootstraps=n_resamples, mean=True, std=True)
        metric.update(values)
        found.update({name: float(value) for name, value in metric.compute().items()})

    run()
    return {"seconds": seconds_of(run), **found, "accuracy": float(right.mean())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--peer-resamples", type=int, default=50)
    options = parser.parse_args()
    print(describe_machine())
    mine, memory = in_fresh_process(ours, options.resamples)
    print(f"reassess, {options.resamples} resamples of 39 models, peak {memory:,.0f} MB:")
    print(f"  images: {mine['images']:.2f} s (aim: 3 s)")
    print(f"  images, raters, votes; published recipe: {mine['recipe']:.1f} s (aim: 60 s)")
    print(f"  images, raters, votes; Dawid and Skene: {mine['dawid-skene']:.1f} s (aim: 60 s)")
    peer, memory = in_fresh_process(torchmetrics_bootstrap, options.peer_resamples)
    scaled = 39 * peer["seconds"] * options.resamples / options.peer_resamples
    print(
        f"torchmetrics BootStrapper, {options.peer_resamples} resamples of one model "
        f"{peer['seconds']:.2f} s (mean {peer['mean']:.4f}, std {peer['std']:.4f}, accuracy "
        f"{peer['accuracy']:.4f}), peak {memory:,.0f} MB; scaled to {options.resamples} of 39 "
        f"models {scaled:,.0f} s: {scaled / mine['images']:,.0f} times ours for images, "
        f"{scaled / mine['recipe']:,.1f} times ours with re-aggregation"
    )


if __name__ == "__main__":
    main()
