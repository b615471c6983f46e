"""A whole study on handwritten digits, in less than a minute: what `make demo` runs.

The benchmark has what ImageNet has, with the truth known: images of one or two of
scikit-learn's scans of handwritten digits, each with one original label; where two digits
are shown the label names one of them, and a few labels are **planted mistakes**. Models are
trained on the original labels; raters and experts are **simulated** (`reassess.simulate`),
no person was asked. Everything else is the package as anybody would use it.

Leaves one file a stage in a folder; `writing` adds the report and a study to be served. Does not
draw the report (`reassess.report` does).
Letters: N images, K = 10 classes, M models.

Source: E. Alpaydin, C. Kaynak (1998), "Optical Recognition of Handwritten Digits", UCI
Machine Learning Repository (CC BY 4.0), as it ships with scikit-learn.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from reassess.demo.writing import STUDY, write_report_of, write_study_of
from reassess.digits import CLASS_NAMES, N_IMAGES, Digits, make_digits, write_digits
from reassess.errors import MissingExtraError, OptionError, preview
from reassess.files import (
    read_gold,
    read_predictions,
    read_votes,
    write_atomically,
    write_labels,
    write_posterior,
    write_votes,
)
from reassess.files.artefacts import write_scores
from reassess.files.audits import write_audit
from reassess.files.tables import write_table
from reassess.pipeline import STAGES as PIPELINE_STAGES
from reassess.pipeline import (
    AggregateOptions,
    Ask,
    AskExperts,
    LabelOptions,
    ProposeOptions,
    Reassessment,
    reassess_benchmark,
)
from reassess.progress import Progress, null_progress
from reassess.proposals.audits import n_skipped_drawn
from reassess.records import (
    Accuracy,
    Gold,
    LabelSets,
    Predictions,
    Questions,
    Votes,
)
from reassess.scoring import original_accuracy, original_labels, real_accuracy
from reassess.simulate import simulate_gold, simulate_votes, simulated_raters

STAGES = ("digits", "predictions", *(stage.name for stage in PIPELINE_STAGES), "report")
"""The names of the steps, in order."""

N_RATERS, VOTES_PER_QUESTION, N_EXPERTS, N_GOLD_IMAGES = 20, 5, 5, 100

_LEAST_IMAGES = 200
_TRUTH = "truth.json"
"""What a demo's folder holds and no other."""
_FILES = (
    "audit.json", "classes.csv", "figures", "gold.csv", "images", "labels.csv", "labels.json",
    "posterior.npz", "predictions", "questions.csv", "report.html", "scores.json", "votes.csv",
    STUDY,
)  # fmt: skip
_PAIRS_PER_IMAGE = 2


@dataclass(frozen=True, slots=True)
class Found:
    """What the study found, held against the truth.

    Attributes:
        n_images: images.
        n_rated: those on which a model disagrees with the original label.
        n_audited: those that were drawn at random of the others and put to raters as well.
        n_planted: planted mistakes: original labels made wrong on purpose.
        n_planted_removed: those whose wrong label the study removed.
        n_right_removed: right original labels that it removed as well.
        n_second: digits of two-digit images that the original labels leave out.
        n_second_found: those that the study found.
        n_exact_before: images whose original label is exactly what they show.
        n_exact_after: images whose reassessed labels are exactly what they show.
        n_empty: images that the study left without a label.
        original: each model's accuracy under the original labels.
        real: under the reassessed labels (ReaL accuracy).
        true: under the truth.
    """

    n_images: int
    n_rated: int
    n_audited: int
    n_planted: int
    n_planted_removed: int
    n_right_removed: int
    n_second: int
    n_second_found: int
    n_exact_before: int
    n_exact_after: int
    n_empty: int
    original: dict[str, Accuracy]
    real: dict[str, Accuracy]
    true: dict[str, Accuracy]

    def sentences(self) -> tuple[str, ...]:
        """What was found, as sentences for people."""
        original, real = ", ".join(ranking(self.original)), ", ".join(ranking(self.real))
        order = f"changed from {original} to {real}" if original != real else f"stays {real}"
        agrees = "is" if ranking(self.real) == ranking(self.true) else "is not"
        planted = (
            f"{self.n_planted} of {self.n_images:,} original labels are mistakes planted for this "
            f"demo; the study removed {self.n_planted_removed} of them, and with them "
            f"{self.n_right_removed} right labels."
        )
        second = (
            f"The original labels leave out {self.n_second} second digits; the study found "
            f"{self.n_second_found}, asking only about the {self.n_rated} images on which a model "
            f"disagrees with the original label and {self.n_audited} drawn at random of the others."
        )
        exact = (
            f"Labels say exactly what is shown on {self.n_exact_before:,} images before and "
            f"{self.n_exact_after:,} after; {self.n_empty} images are left without a label."
        )
        ranks = f"The ranking of the models {order}, which {agrees} that under the known truth."
        return planted, second, exact, ranks, "Raters and experts are simulated: nobody was asked."


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What `run_demo` leaves.

    Attributes:
        folder: where the files are.
        report: the page to open.
        study: a study of the same benchmark that nobody has rated yet, to be served.
        digits: the benchmark and its truth.
        records: every record of the study.
        found: the result, held against the truth.
    """

    folder: Path
    report: Path
    study: Path
    digits: Digits
    records: Reassessment
    found: Found


def run_demo(
    folder: str | PathLike[str],
    *,
    seed: int = 0,
    n_images: int = N_IMAGES,
    progress: Progress = null_progress,
) -> DemoResult:
    """Run the study and write its files; the same seed gives the same files.

    Files of an earlier demo in the folder are replaced, and no others.

    Args:
        folder: where to write; made where it is missing.
        seed: of the benchmark, the models and the simulated raters.
        n_images: fewer than the usual number make it quicker and its numbers rougher.
        progress: told a name of `STAGES` when it begins, and "name: detail" where there is more
            to tell.

    Raises:
        MissingExtraError: scikit-learn, Pillow or a package of the report is not installed.
        OptionError: the seed is negative, the number of images out of range, or somebody has
            rated the study of an earlier demo in this folder, or it holds files of other origin.
        FileError: the folder cannot be written to.
    """
    folder = Path(folder)
    _check(seed, n_images, folder)
    rngs = np.random.default_rng(seed).spawn(3)

    progress(f"digits: {n_images:,} images of one or two scans")
    digits = make_digits(n_images, rngs[0])
    write_digits(digits, folder)

    predictions = []
    for name, model in models(int(rngs[1].integers(2**31))).items():
        progress(f"predictions: {name}, out of fold")
        predictions.append(_predictions(name, model, digits, folder / "predictions"))

    ask, ask_experts = _simulated_answers(digits, folder, rngs[2], progress)
    records = reassess_benchmark(
        predictions,
        digits.benchmark,
        ask=ask,
        ask_experts=ask_experts,
        options={
            "propose": ProposeOptions(pairs_per_model=_PAIRS_PER_IMAGE * n_images),
            "aggregate": AggregateOptions(method="dawid-skene"),
            "label": LabelOptions(rule="f1"),
        },
        progress=progress,
    )
    _write_records(records, folder)

    progress("report: findings, figures, report.html")
    found = _found(digits, records)
    page = write_report_of(records, found.sentences(), seed, folder)
    study = write_study_of(records, folder, pairs_per_model=_PAIRS_PER_IMAGE * n_images)
    return DemoResult(folder, page, study, digits, records, found)


def models(random_state: int) -> dict[str, Any]:
    """Six small models of scikit-learn by name, untrained."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    return {
        "naive-bayes": GaussianNB(var_smoothing=0.05),
        "logistic-regression": LogisticRegression(C=0.3, max_iter=1000),
        "nearest-neighbours": KNeighborsClassifier(5, weights="distance"),
        "neural-network": MLPClassifier(
            (64,), alpha=0.01, learning_rate_init=0.005, early_stopping=True,
            n_iter_no_change=15, max_iter=1000, random_state=random_state,
        ),
        "random-forest": RandomForestClassifier(100, random_state=random_state),
        "support-vectors": CalibratedClassifierCV(SVC(C=3.0), cv=3, ensemble=False),
    }  # fmt: skip


def _predictions(name: str, model: Any, digits: Digits, folder: Path) -> Predictions:
    """A model's out-of-fold probabilities, written and read back as anybody's would be.

    One thread: it is faster at this size, and the floats do not hang on the number of cores.
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    pixels = digits.pixels.reshape(len(digits.pixels), -1)
    folds = StratifiedKFold(5)
    with threadpool_limits(1):
        probabilities = cross_val_predict(
            model, pixels, digits.benchmark.original, cv=folds, method="predict_proba"
        )
    path = folder / f"{name}.npz"
    with write_atomically(path) as beside, beside.open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            probabilities=probabilities.astype(np.float32),
            ids=digits.benchmark.image_ids,
        )
    return read_predictions(path, digits.benchmark, top=len(CLASS_NAMES))[0]


def _simulated_answers(
    digits: Digits, folder: Path, rng: np.random.Generator, progress: Progress
) -> tuple[Ask, AskExperts]:
    """Simulated raters and experts; what they answer passes through files, which have hashes."""
    rater_rng, expert_rng = rng.spawn(2)
    raters = simulated_raters(N_RATERS, rater_rng)

    def ask(questions: Questions) -> Votes:
        progress(f"votes: {N_RATERS} simulated raters answer {len(questions):,} questions")
        truth = _truth_of(questions, digits.truth)
        votes = simulate_votes(
            questions, truth, raters, votes_per_question=VOTES_PER_QUESTION, rng=rater_rng
        )
        write_votes(votes, folder / "votes.csv")
        return read_votes(folder / "votes.csv")

    def ask_experts(questions: Questions) -> Gold:
        progress(f"votes: {N_EXPERTS} simulated experts fix the truth of gold questions")
        truth = _truth_of(questions, digits.truth)
        gold = simulate_gold(
            questions, truth, n_images=N_GOLD_IMAGES, n_experts=N_EXPERTS, rng=expert_rng
        )
        write_votes(gold.votes, folder / "gold.csv")
        return read_gold(folder / "gold.csv")

    return ask, ask_experts


def _truth_of(questions: Questions, truth: LabelSets) -> Bool[np.ndarray, "Q"]:
    pairs = questions.require_pairs()
    pairs = pairs.aligned_to(truth.image_ids, source="questions", target_name=truth.name)
    return truth.contains(pairs.image, pairs.label)


def _write_records(records: Reassessment, folder: Path) -> None:
    """One file a stage; votes and gold were written when they were given."""
    pairs = records.questions.require_pairs()
    columns = {"image": pairs.image_ids[pairs.image], "label": pairs.label}
    write_table(folder / "questions.csv", columns)
    write_posterior(records.posterior, folder / "posterior.npz")
    write_labels(records.labels, folder / "labels.json")
    if records.labels.audit is not None:
        write_audit(records.labels.audit, folder / "audit.json")
    write_scores(records.scores, records.labels.name, folder / "scores.json")


def _found(digits: Digits, records: Reassessment) -> Found:
    """The labels and the scores, held against the truth."""
    audit = records.labels.audit
    grid = np.tile(np.arange(len(CLASS_NAMES)), (len(digits.planted), 1))
    every = np.arange(len(grid))
    sets = (digits.truth, original_labels(digits.benchmark), records.labels)
    truth, before, after = (one.contains(every, grid) for one in sets)
    second = truth & ~before & (truth.sum(axis=1) == 2)[:, None] & ~digits.planted[:, None]
    removed = (before & ~after).any(axis=1)
    return Found(
        n_images=len(truth),
        n_rated=int(records.proposals.rated.sum()),
        n_audited=0 if audit is None else n_skipped_drawn(audit),
        n_planted=int(digits.planted.sum()),
        n_planted_removed=int((removed & digits.planted).sum()),
        n_right_removed=int((removed & ~digits.planted).sum()),
        n_second=int(second.sum()),
        n_second_found=int((second & after).sum()),
        n_exact_before=int((before == truth).all(axis=1).sum()),
        n_exact_after=int((after == truth).all(axis=1).sum()),
        n_empty=int((~after.any(axis=1)).sum()),
        original={
            one.model: original_accuracy(one, digits.benchmark) for one in records.predictions
        },
        real={one.model: one.real for one in records.scores},
        true={one.model: real_accuracy(one, digits.truth) for one in records.predictions},
    )


def ranking(accuracy: Mapping[str, Accuracy]) -> tuple[str, ...]:
    """Models by falling accuracy, those that tie by name."""
    return tuple(sorted(accuracy, key=lambda model: (-(accuracy[model].value or 0.0), model)))


def _check(seed: int, n_images: int, folder: Path) -> None:
    """Refuse before the work begins what would fail at its end."""
    if seed < 0:
        raise OptionError(f"the seed is {seed}, but must be 0 or more.")
    if not _LEAST_IMAGES <= n_images <= N_IMAGES:
        raise OptionError(
            f"the number of images is {n_images}, but must be in [{_LEAST_IMAGES}, {N_IMAGES}]."
        )
    ratings = folder / STUDY / "rating.db"
    if ratings.exists():
        raise OptionError(
            f"{ratings}: somebody has rated the study of an earlier demo, and it would not fit "
            "another. Name another folder, or delete the study."
        )
    taken = [name for name in _FILES if (folder / name).exists()]
    if taken and not (folder / _TRUTH).exists():
        raise OptionError(
            f"{folder}: it holds {preview(taken)}, which no demo wrote, but the demo writes files "
            "of these names. Name another folder."
        )
    study, report = ("sklearn", "PIL", "numba"), ("altair", "vl_convert", "jinja2")
    for package in (*study, *report):
        if find_spec(package) is None:
            raise MissingExtraError(package, "study" if package in study else "report", "the demo")
