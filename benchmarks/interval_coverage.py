"""How often intervals hold the truth, on simulated studies whose truth is known.

Each study has images drawn at random, models whose predictions go wrong together, raters of
different skill drawn at random, five votes a question, Dawid and Skene's model, a threshold and
gold from simulated experts on some images. Two states belong to it:

* of the images' interval: ReaL accuracy on infinitely many images with the study's raters under
  the study's rule. It follows from P(label kept | truth), which fresh votes of these raters,
  aggregated with their true confusion, give for each study;
* of the interval from images and labels: accuracy under the true labels.

    nice python benchmarks/interval_coverage.py [--studies 1000] [--resamples 100] [--workers 2]

`--world NAME`, or `--worlds` for all of `worlds.py`, draws studies that break one assumption each,
and counts how often the interval from images and labels holds the accuracy under the true labels.
An audit of skipped images is drawn as the product does (`--audit N` draws N, 0 none). A world
fails where its coverage lies significantly (Holm over all worlds, 5 %) below 93 % or above 98 %.
`--audits 0 20 …` runs each world with several sizes. With `--store FOLDER` studies that are done
are kept, and a run that was stopped goes on.

A difference, or a level where gold or an audit shows the error, can be covered; errors that all
raters share cannot be without gold: that world fails, and has to.
"""

import argparse
import multiprocessing
import multiprocessing.pool
import os
import time
from pathlib import Path
from statistics import NormalDist

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one process a core does better here

import numpy as np
import worlds
from measure import describe_machine
from worlds import WORLDS

from reassess.aggregation import WeightedRefit, dawid_skene
from reassess.analysis.replicates import Rescorer, resample
from reassess.analysis.soft_labels import SoftLabels
from reassess.analysis.uncertainty import uncertain_scores
from reassess.engines import ThreadEngine
from reassess.labels import operating_point, reassessed_labels
from reassess.progress import null_progress
from reassess.records import Benchmark, Pairs, Predictions, Questions
from reassess.simulate import simulate_gold, simulate_votes, simulated_raters
from reassess.statistics import holm, z_critical

SKILL = np.array([0.88, 0.86, 0.84, 0.82, 0.82, 0.80, 0.76, 0.70])
"""P(the top prediction is a true label) of each model, on images that were rated and have one."""

OTHER_MODELS = 0.97
"""The same for all models on images that were not rated."""

SHARE_UNRATED = 0.3
N_TRUE = (0.06, 0.74, 0.20)
"""Of rated images, the shares with no, one and two true labels among those asked about."""

N_ASKED = 4
ASKED_WHEN_WRONG = 0.9
CORRELATION = 0.5
THRESHOLD = 0.8
N_CLASSES = 100
VOTES = 5
N_FRESH = 40_000
CONFIDENCE = 0.95
LEAST, MOST, ALPHA = 0.93, 0.98, 0.05
RATER = ((0.910, 0.048, 0.042), (0.321, 0.168, 0.511))
"""P(no, maybe, yes) where a class is absent, present: the mean of the published ImageNet raters."""

SCENARIOS = {"raters err apart": (0.0, 0.0), "raters err together": (0.03, 0.10)}
"""Shares of absent and of present classes about which all raters see the contrary."""

KINDS = (
    "accuracy, from images",
    "difference, from images",
    "rank, from images",
    "accuracy, from images and labels",
    "difference, from images and labels",
    "rank, from images and labels",
    "accuracy, from images, against true labels",
    "difference, from images, against true labels",
)
ERRORS = ("ReaL accuracy", "accuracy under calibrated labels")


def true_accuracy() -> np.ndarray:
    """Accuracy of each model under the true labels, on infinitely many images."""
    rated = (1 - SHARE_UNRATED) * (1 - N_TRUE[0])
    return (SHARE_UNRATED * OTHER_MODELS + rated * SKILL) / (SHARE_UNRATED + rated)


def accuracy_of_rule(
    confusion: np.ndarray, seen_wrong: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """ReaL accuracy of each model on infinitely many images with these raters and this rule."""
    base = (N_TRUE[1] + 2 * N_TRUE[2]) / N_ASKED
    seen_base = base * (1 - seen_wrong[1]) + (1 - base) * seen_wrong[0]
    log = np.log(confusion)
    kept_when_seen = []
    for seen in range(2):
        rater = np.argpartition(rng.random((N_FRESH, len(confusion))), VOTES)[:, :VOTES]
        below = confusion[rater, seen].cumsum(axis=2)[:, :, :-1]
        answer = (rng.random((N_FRESH, VOTES, 1)) >= below).sum(axis=2)
        odds = (log[rater, 1, answer] - log[rater, 0, answer]).sum(axis=1)
        odds += np.log(seen_base / (1 - seen_base))
        kept_when_seen.append((odds >= np.log(THRESHOLD / (1 - THRESHOLD))).mean())
    of = np.array([[1 - seen_wrong[0], seen_wrong[0]], [seen_wrong[1], 1 - seen_wrong[1]]])
    kept = of @ np.array(kept_when_seen)
    of_absent, of_present = kept
    right = (1 - N_TRUE[0]) * (
        SKILL * of_present + (1 - SKILL) * ASKED_WHEN_WRONG * of_absent
    ) + N_TRUE[0] * ASKED_WHEN_WRONG * of_absent
    labelled = sum(
        share * (1 - (1 - of_present) ** n * (1 - of_absent) ** (N_ASKED - n))
        for n, share in enumerate(N_TRUE)
    )
    return (SHARE_UNRATED * OTHER_MODELS + (1 - SHARE_UNRATED) * right) / (
        SHARE_UNRATED + (1 - SHARE_UNRATED) * labelled
    )


def simulated_study(
    n_images: int, rng: np.random.Generator
) -> tuple[Benchmark, tuple[Predictions, ...], Questions, np.ndarray]:
    """Images, predictions, questions, and which of these hold."""
    image_ids = np.array([f"{i:06d}.png" for i in range(n_images)])
    rated = rng.random(n_images) >= SHARE_UNRATED
    n_true = rng.choice(len(N_TRUE), n_images, p=N_TRUE)
    asked = np.argsort(rng.random((n_images, N_CLASSES)), axis=1)[:, : N_ASKED + 1]
    holds = np.arange(N_ASKED) < n_true[:, None]
    shared = rng.standard_normal(n_images)
    own = rng.standard_normal((n_images, len(SKILL)))
    latent = np.sqrt(CORRELATION) * shared[:, None] + np.sqrt(1 - CORRELATION) * own
    limit = np.array([NormalDist().inv_cdf(skill) for skill in SKILL])
    right = latent < np.where(rated[:, None], limit, NormalDist().inv_cdf(OTHER_MODELS))
    right &= (n_true > 0)[:, None] | ~rated[:, None]
    pick = rng.random(latent.shape)
    true_column = np.floor(pick * np.maximum(n_true, 1)[:, None]).astype(int)
    wrong_column = n_true[:, None] + np.floor(pick * (N_ASKED - n_true[:, None])).astype(int)
    wrong_column = np.where(rng.random(latent.shape) < ASKED_WHEN_WRONG, wrong_column, N_ASKED)
    column = np.where(right, np.where(rated[:, None], true_column, 0), wrong_column)
    column = np.where(~rated[:, None] & ~right, N_ASKED, column)
    top = np.take_along_axis(asked, column, axis=1)
    predictions = tuple(
        Predictions(f"model-{m}", image_ids, top[:, [m]]) for m in range(len(SKILL))
    )
    row = np.flatnonzero(rated)
    pairs = Pairs(
        image_ids[row], np.repeat(np.arange(len(row)), N_ASKED), asked[row, :N_ASKED].ravel()
    )
    benchmark = Benchmark("simulated", image_ids, asked[:, 0])
    return benchmark, predictions, Questions.from_pairs(pairs), holds[row].ravel()


def one_study(
    task: tuple[int, tuple[float, float], argparse.Namespace],
) -> dict[str, tuple[float, float]]:
    """Of one study, the share of intervals of each kind that hold, and their mean width."""
    seed, seen_wrong, options = task
    rng = np.random.default_rng([seed, 2006])
    confusion = simulated_raters(options.raters, rng, mean=RATER)
    benchmark, predictions, questions, truth = simulated_study(options.images, rng)
    seen = truth ^ (rng.random(len(truth)) < np.array(seen_wrong)[truth.astype(int)])
    votes = simulate_votes(questions, seen, confusion, votes_per_question=VOTES, rng=rng)
    gold = simulate_gold(questions, truth, n_images=options.gold, rng=rng)
    posterior = dawid_skene(votes)
    labels = reassessed_labels(
        posterior, benchmark, operating_point(posterior, threshold=THRESHOLD)
    )
    with ThreadEngine(1) as engine:
        found = uncertain_scores(
            predictions, labels, votes=votes, posterior=posterior, gold=gold,
            n_resamples=options.resamples, rng=rng, engine=engine,
        )  # fmt: skip
    of_rule, of_truth = accuracy_of_rule(confusion, seen_wrong, rng), true_accuracy()
    pairs = [(a, b) for a in range(len(SKILL)) for b in range(a + 1, len(SKILL))]
    images = np.array([found.difference(a, b)[1:] for a, b in pairs]).T
    both = np.array([found.calibrated_difference(a, b)[1:] for a, b in pairs]).T
    apart = {id(t): np.array([t[a] - t[b] for a, b in pairs]) for t in (of_rule, of_truth)}
    first, second = found.images, found.both
    return {
        KINDS[0]: held(first.low, first.high, of_rule),
        KINDS[1]: held(*images, apart[id(of_rule)]),
        KINDS[2]: ranks_held(first.best, first.worst),
        KINDS[3]: held(second.low, second.high, of_truth),
        KINDS[4]: held(*both, apart[id(of_truth)]),
        KINDS[5]: ranks_held(second.best, second.worst),
        KINDS[6]: held(first.low, first.high, of_truth),
        KINDS[7]: held(*images, apart[id(of_truth)]),
        ERRORS[0]: errors(first.accuracy, of_truth),
        ERRORS[1]: errors(second.accuracy, of_truth),
    }


def errors(accuracy: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """How far the mean accuracy is off, and the difference of the best and the worst model."""
    off = accuracy - truth
    return float(off.mean()), float(off[0] - off[-1])


def held(low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    return float(((low <= truth) & (truth <= high)).mean()), float((high - low).mean())


def ranks_held(best: np.ndarray, worst: np.ndarray) -> tuple[float, float]:
    """Whether each interval holds every rank that a model shares with its equals."""
    first = (SKILL[None, :] > SKILL[:, None]).sum(axis=1) + 1
    last = (SKILL[None, :] >= SKILL[:, None]).sum(axis=1)
    inside = (best <= first) & (worst >= last)
    return float(inside.mean()), float((worst - best + 1).mean())


def table(found: list[dict[str, tuple[float, float]]]) -> str:
    lines = [f"{'interval':46s} {'holds, %':>13s} {'mean width':>11s}"]
    for kind in KINDS:
        share, width = np.array([one[kind] for one in found]).T
        reach = 196 * share.std() / np.sqrt(len(share))
        lines.append(f"{kind:46s} {100 * share.mean():6.2f} ± {reach:4.2f} {width.mean():11.4f}")
    for kind in ERRORS:
        confidence, apart = 100 * np.mean([one[kind] for one in found], axis=0)
        lines.append(
            f"{kind}: {confidence:+.2f} points off, best less worst {apart:+.2f} points off"
        )
    return "\n".join(lines)


def study_of_world(task: tuple[int, str, int | None, argparse.Namespace]) -> tuple[float, ...]:
    """Of one study of a world: its number, and the share of accuracies, of differences, held.

    Then, how far the mean accuracy is off, and the mean widths of both intervals.
    """
    seed, name, n_audited, options = task
    rng, world = np.random.default_rng([seed, 2020]), WORLDS[name]
    one, truth = worlds.study(world, rng, n_audited), worlds.true_accuracy(world)
    posterior = dawid_skene(one.votes)
    labels = reassessed_labels(
        posterior, one.benchmark, operating_point(posterior, threshold=THRESHOLD), audit=one.audit
    )
    # What `uncertain_scores` does for images and labels, without its other intervals.
    scoring = Rescorer.of(
        SoftLabels.of(one.predictions, labels, one.votes.questions),
        WeightedRefit.build(one.votes, posterior, gold=one.gold),
        one.votes.questions,
        one.gold,
    )
    with ThreadEngine(1) as engine:
        both, uncertainty = resample(
            scoring, options.resamples, CONFIDENCE, rng, engine, null_progress
        )
    a, b = np.triu_indices(len(truth), 1)
    own = np.diag(uncertainty.covariance)
    variance = np.maximum(own[a] + own[b] - 2 * uncertainty.covariance[a, b], 0)
    reach, apart = z_critical(CONFIDENCE) * np.sqrt(variance), both.accuracy[a] - both.accuracy[b]
    of_accuracy = held(both.low, both.high, truth)
    of_difference = held(apart - reach, apart + reach, truth[a] - truth[b])
    off = float((both.accuracy - truth).mean())
    return seed, of_accuracy[0], of_difference[0], off, of_accuracy[1], of_difference[1]


def studies_of_world(
    pool: multiprocessing.pool.Pool, name: str, n_audited: int | None, options: argparse.Namespace
) -> np.ndarray:
    """The studies of a world, those that a folder keeps left out of the work."""
    kept, rows = None, np.empty((0, 6))
    if options.store is not None:
        audit = "default" if n_audited is None else n_audited
        place = f"{name.replace(' ', '-').replace(',', '').replace('%', 'percent')}-audit-{audit}"
        kept = options.store / f"{place}-resamples-{options.resamples}.csv"
        kept.parent.mkdir(parents=True, exist_ok=True)
        if kept.exists():
            rows = np.loadtxt(kept, delimiter=",", ndmin=2)
            rows = rows[rows[:, 0] < options.studies]
    todo = sorted(set(range(options.studies)) - set(rows[:, 0].astype(int).tolist()))
    tasks = [(seed, name, n_audited, options) for seed in todo]
    for one in pool.imap_unordered(study_of_world, tasks, chunksize=5):
        rows = np.vstack([rows, one])
        if kept is not None:
            with kept.open("a") as file:
                print(*one, sep=",", file=file)
    return rows[:, 1:]


def worlds_table(found: dict[str, np.ndarray]) -> str:
    """Coverage of each world with its standard error, and which worlds fail."""
    share = np.array([one[:, :2].mean(axis=0) for one in found.values()])
    error = np.array([one[:, :2].std(axis=0) / np.sqrt(len(one)) for one in found.values()])
    # Two studies more, one of which holds nothing: all that hold leave a doubt, too.
    sizes = np.array([[len(one)] for one in found.values()])
    doubt = (share * sizes + 1) / (sizes + 2)
    error = np.maximum(error, np.sqrt(doubt * (1 - doubt) / sizes) * (share >= MOST))
    error = np.maximum(error, 1e-9)
    upper = NormalDist().cdf
    below = np.vectorize(upper)((share - LEAST) / error)
    above = np.vectorize(upper)((MOST - share) / error)
    p = holm(np.stack([below, above]).ravel()).reshape(2, *share.shape)
    lines = ["world: % of accuracies and of differences held (± 1.96 s.e.), error and widths in %"]
    for w, (name, one) in enumerate(found.items()):
        shares = [
            f"{100 * share[w, k]:5.1f} ± {196 * error[w, k]:.1f}"
            + ("*" if p[:, w, k].min() < ALPHA else " ")
            for k in range(2)
        ]
        more = " ".join(f"{100 * value:6.2f}" for value in one[:, 2:].mean(axis=0))
        lines.append(f"{name:32s} {len(one):5,} {'  '.join(shares)}  {more}")
    return "\n".join([*lines, f"* significantly below {LEAST:.0%} or above {MOST:.0%} (Holm)"])


def run_worlds(names: list[str], options: argparse.Namespace) -> None:
    """Print the table of worlds, again after each of them."""
    found: dict[str, np.ndarray] = {}
    sizes = options.audits or [options.audit]
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        for name in names:
            for n_audited in sizes:
                start = time.perf_counter()
                label = name if len(sizes) == 1 else f"{name}, audit {n_audited}"
                found[label] = studies_of_world(pool, name, n_audited, options)
                print(f"{label}: {time.perf_counter() - start:,.0f} s")
                print(worlds_table(found), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--raters", type=int, default=25)
    parser.add_argument("--gold", type=int, default=200)
    parser.add_argument("--resamples", type=int, default=100)
    parser.add_argument("--world", choices=WORLDS, action="append")
    parser.add_argument("--worlds", action="store_true")
    parser.add_argument("--audit", type=int, help="skipped images to draw; the product's default")
    parser.add_argument("--audits", type=int, nargs="+", help="several sizes of it, one by one")
    parser.add_argument("--store", type=Path, help="folder that keeps studies that are done")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scenario", choices=SCENARIOS, action="append")
    options = parser.parse_args()
    print(describe_machine())
    if options.world or options.worlds:
        run_worlds(options.world or list(WORLDS), options)
        return
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        for name in options.scenario or SCENARIOS:
            tasks = [(seed, SCENARIOS[name], options) for seed in range(options.studies)]
            start, found = time.perf_counter(), []
            for one in pool.imap(one_study, tasks, chunksize=5):
                found.append(one)
                if len(found) % 200 == 0 or len(found) == options.studies:
                    print(f"\n{name}: {len(found):,} studies, {time.perf_counter() - start:,.0f} s")
                    print(table(found), flush=True)


if __name__ == "__main__":
    main()
