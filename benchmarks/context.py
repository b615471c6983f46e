"""What models' predictions add to the published votes, and whether they favour themselves.

Prints, on gold and cross-fitted by image, average precision and log-loss of the votes, of the
context of 60 public models, and of both; then the accuracy of every model of some families under
labels whose context holds its family and under labels whose context leaves it out, at the
thresholds .8 and .5. The context is learned by six parts of the families, a family is left out of
two of them; each part takes two minutes of a core. There is no peer.

    python benchmarks/context.py --families resnet densenet vgg
"""

import argparse
from dataclasses import replace

import numpy as np
from sklearn.metrics import average_precision_score, log_loss

from reassess import sources
from reassess.aggregation import dawid_skene
from reassess.analysis.proxy import model_family
from reassess.labels import LabelOptions
from reassess.pipeline import add_context, make_labels
from reassess.records import positions
from reassess.scoring import real_accuracy

THRESHOLDS = (0.8, 0.5)


def on_gold(name, gold, present):
    truth = gold.truth(None)
    ap, loss = average_precision_score(truth, present), log_loss(truth, present)
    print(f"{name:24} AP {ap:.4f}   log-loss {loss:.4f}", flush=True)


def labels_of(posterior, benchmark, gold):
    """Labels at each threshold."""
    given = {"posterior": posterior, "benchmark": benchmark, "gold": gold}
    return {
        threshold: make_labels(
            **given, options=LabelOptions(rule="threshold", threshold=threshold)
        ).record
        for threshold in THRESHOLDS
    }


def print_model(one, labels):
    """Its accuracy in percent with, without its family and by votes only, and the difference."""
    parts = []
    for threshold in THRESHOLDS:
        values = [100 * real_accuracy(one, sets[threshold]).value for sets in labels]
        text = " ".join(f"{value:.2f}" for value in values)
        parts.append(f"at {threshold}: {text} ({values[0] - values[1]:+.3f})")
    print(f"  {one.model:45} {'   '.join(parts)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--families", nargs="*", default=["resnet"])
    options = parser.parse_args()
    benchmark = sources.benchmark("imagenet")
    gold, votes = sources.gold("imagenet-gold"), sources.votes("imagenet-votes")
    models = [
        replace(one, model=f"{one.model}.{source}")
        for source in ("imagenet-torchvision", "imagenet-v2-repo")
        for one in sources.predictions(source, benchmark)
    ]
    alone = dawid_skene(votes)
    found = add_context(alone, models, benchmark, gold)
    held_out = np.exp(found.posterior.held_out[:, 1])
    print(found.fit)
    row = positions(gold.questions.ids, alone.questions.ids, source="gold")
    on_gold("context alone, raw", gold, found.context[row])
    on_gold("votes and context", gold, held_out)
    with_all = labels_of(found.posterior, benchmark, gold)
    votes_only = labels_of(alone, benchmark, gold)
    for family in options.families:
        without = add_context(alone, models, benchmark, gold, without=[family])
        apart = labels_of(without.posterior, benchmark, gold)
        on_gold(f"without {family}", gold, np.exp(without.posterior.held_out[:, 1]))
        for one in models:
            if model_family(one.model) == family:
                print_model(one, (with_all, apart, votes_only))


if __name__ == "__main__":
    main()
