"""What is written is read again whole: every field of every record, for every kind of file.

The fields are found by reflection, so that a field that is added to a record fails here until
its file holds it. A format that cannot hold a field says so where it is registered, or below.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reassess.errors import FileError
from reassess.files import (
    LABEL_FORMATS,
    VOTE_FORMATS,
    read_gold,
    read_ids,
    read_labels,
    read_posterior,
    read_predictions,
    read_votes,
    sha256_of,
    write_labels,
    write_posterior,
    write_votes,
)
from reassess.files.artefacts import (
    read_proposals,
    read_tasks,
    write_proposals,
    write_tasks,
)
from reassess.files.audits import read_audit, write_audit
from reassess.files.keep_list import write_keep_list
from reassess.files.model_outputs import (
    OutOfFold,
    read_out_of_fold,
    write_logits,
    write_out_of_fold,
)
from reassess.files.reviews import read_review, write_review
from reassess.records import (
    ANSWERS,
    Audit,
    AuditStratum,
    Benchmark,
    Classes,
    Gold,
    LabelSets,
    MistakeReview,
    OperatingPoint,
    Pairs,
    Posterior,
    Predictions,
    Proposals,
    Questions,
    Tasks,
    Votes,
)

IDS = np.array(["cat/img_1.jpg", "été/img_2.jpg", "a b/img_10.jpg"])
IDS_OF_CLASSES = ("n0", "n 1", "2", "été")
PAIRS = Pairs(IDS, np.array([0, 0, 1, 2]), np.array([1, 3, 0, 2]), IDS_OF_CLASSES)
BLANK = ("",) * 4
CLASSES = Classes(("n0", "n1"), ("cat", "dog"), ("kitty; puss", ""), ("", "it barks"))


def labels() -> LabelSets:
    point = OperatingPoint(
        "precision-at-least", 0.75, 0.9, 0.91, 0.88, 12, in_sample=True, precision_low=0.8,
        precision_high=0.95, recall_low=0.7, recall_high=0.9, n_gold_images=7,
        cross_fitted_precision=0.9, cross_fitted_recall=0.85, confidence=0.95,
    )  # fmt: skip
    return LabelSets.from_lists(
        "ours", IDS, [[1, 3], [], [0]],
        posterior=np.array([0.9, 0.1 + 0.2, 1.0]), rated=np.array([True, True, False]),
        n_classes=4, operating_point=point, votes_sha256="ab" * 32, models=("one", "zwei"),
        classes=Classes(IDS_OF_CLASSES, ("cat", "dog", "dog", "eel"), BLANK, BLANK),
        calibrated=np.array([0.7, 0.4, 1.0]),
        asked=Pairs(IDS, np.array([0, 0, 0, 1]), np.array([0, 1, 3, 2])), audit=audit(),
        context=("one", "zwei"),
    )  # fmt: skip


def audit() -> Audit:
    return Audit(
        (AuditStratum("skipped", None, (7, 8)), AuditStratum("unasked", "zwei", (9,))),
        Pairs(IDS, np.array([2, 0, 1]), np.array([0, 2, 1]), IDS_OF_CLASSES),
        np.array([0, 1, 1]), np.array([0, -1, -1]), np.array([True, False, True]),
        Pairs(IDS, np.array([2]), np.array([3]), IDS_OF_CLASSES),
    )  # fmt: skip


def votes() -> Votes:
    """Votes by question and rater, as every format orders them."""
    return Votes(
        Questions.from_pairs(PAIRS), np.array(["ann", "bob b"]), ANSWERS,
        np.array([0, 0, 1, 2, 3, 3]), np.array([0, 1, 1, 0, 0, 1]), np.array([2, 0, 1, 2, 2, 0]),
        sha256="", given_at=np.array(["2026-01-02T03:04:05.678", *["NaT"] * 5], "M8[ms]"),
        seconds=np.array([1.5, *[np.nan] * 4, 0.25]),
    )  # fmt: skip


def other_votes() -> Votes:
    """Votes on questions that are no pairs, with answers of their own."""
    return Votes(
        Questions(np.array(["why", "how"]), None), np.array(["ann"]), ("cat", "dog"),
        np.array([0, 1]), np.array([0, 0]), np.array([1, 0]), sha256="",
    )  # fmt: skip


def posterior() -> Posterior:
    """Of questions whose ids are not the canonical ones."""
    asked = Questions(np.array(["a:01", "a:03", "b:00", "c:02"]), PAIRS)
    return Posterior(
        asked, ("absent", "present"),
        np.log(np.array([[0.1, 0.9], [0.5, 0.5], [1e-300, 1.0], [0.3, 0.7]])), "toy", ANSWERS,
        np.array(["ann", "bob"]), confusion=np.full((2, 2, 3), 1 / 3), prior=np.array([0.2, 0.8]),
        log_likelihood=(-3.0, -2.5), objective=(-4.0, -3.5), converged=False,
        votes_sha256="ab" * 32, used_gold=True, gold_sha256="cd" * 32,
        gold_ids=np.array(["a", "b"]), confusion_prior="pooled",
        held_out=np.log(np.array([[0.25, 0.75], [0.5, 0.5]])),
        calibrated=np.array([0.8, 0.5, 0.9, 0.6]), context=("one",),
    )  # fmt: skip


def proposals() -> Proposals:
    return Proposals(
        PAIRS, ("ResNet", "resnet"),
        np.array([[True, False], [True, True], [False, False], [True, True]]),
        original=np.array([True, False, True, True]), rated=np.array([True, False, True]),
        top=np.array([False, True, True, False]), probability=np.array([0.1, 0.2, 0.3, 1 / 3]),
    )  # fmt: skip


def review() -> MistakeReview:
    pairs = Pairs(np.array(["a", "b"]), np.array([0, 0, 1]), np.array([1, 2, 3]), IDS_OF_CLASSES)
    return MistakeReview(
        "study", ("one", "zwei"), np.array([9, 8]), np.array([3, 2]), 7, ("near", "far"),
        np.array([4, 1]), ("all", "few"), np.array([5, 6]), pairs, np.array([0, 1, 1]),
        np.array([0, 0, 1]), np.array([[True, False], [True, True], [False, True]]), 17,
    )  # fmt: skip


def predictions() -> Predictions:
    logits = np.array([[3.0, -1.0], [0.5, 0.75], [2.0, 1.0]])
    ranked = np.argsort(-logits, axis=1)
    return Predictions("m", IDS, ranked, np.take_along_axis(logits, ranked, 1), "logit", 2)


def write_predictions(one: Predictions, path: Path) -> None:
    assert one.scores is not None
    by_class = np.take_along_axis(one.scores, np.argsort(one.ranked_classes, axis=1), axis=1)
    write_logits(one.image_ids, by_class, CLASSES, path)


BENCHMARK = Benchmark("b", IDS, classes=None)


@dataclass(frozen=True)
class Kind:
    """A record, a form of file that keeps it, and the fields that this form cannot hold."""

    name: str
    make: Callable[[], Any]
    file: str
    write: Callable[[Any, Path], None]
    read: Callable[[Path], Any]
    lost: frozenset[str] = frozenset()


KINDS = [
    *(
        Kind(
            f"labels as {name}", labels, f"l{one.ending}",
            lambda r, p, name=name: write_labels(r, p, name), read_labels, one.lost,
        )
        for name, one in LABEL_FORMATS.items() if one.write is not None
    ),
    *(
        Kind(
            f"votes as {name} {ending}", votes, f"v{ending}",
            lambda r, p, name=name: write_votes(r, p, name),
            lambda p, name=name: read_votes(p, form=name),
            frozenset({"given_at", "seconds", "class_ids"}) - one.holds,
        )
        for name, one in VOTE_FORMATS.items() for ending in one.endings
    ),
    *(
        Kind(f"other votes as {name}", other_votes, "v.csv",
             lambda r, p, name=name: write_votes(r, p, name), read_votes)
        for name in ("long", "crowd-kit")
    ),
    Kind("gold", lambda: Gold(votes()), "g.csv", lambda r, p: write_votes(r.votes, p), read_gold),
    Kind("posterior", posterior, "p.npz", write_posterior, read_posterior),
    Kind("proposals", proposals, "p.parquet", lambda r, p: write_proposals(r, p, {}),
         lambda p: read_proposals(p, BENCHMARK)),
    Kind("tasks", lambda: Tasks(Questions.from_pairs(PAIRS), np.array([0, 0, 1, 2])), "t.parquet",
         lambda r, p: write_tasks(r, p, {}), read_tasks),
    Kind("no tasks",
         lambda: Tasks(Questions.from_pairs(Pairs.empty(np.array([], "U1"))), np.empty(0, int)),
         "t.parquet", lambda r, p: write_tasks(r, p, {}), read_tasks),
    Kind("audit", audit, "a.json", write_audit, lambda p: read_audit(p, IDS)),
    Kind("review", review, "r.json", write_review, read_review),
    Kind("out of fold",
         lambda: OutOfFold(IDS, np.array([[0.75, 0.25]] * 3), np.array([0, 1, 0]), CLASSES),
         "o.npz", write_out_of_fold, read_out_of_fold),
    Kind("logits", predictions, "m.npz", write_predictions,
         lambda p: read_predictions(p, BENCHMARK)[0]),
    Kind("keep list", lambda: IDS, "keep.txt", write_keep_list, read_ids),
]  # fmt: skip


def differences(one: Any, other: Any, lost: frozenset[str], where: str = "") -> list[str]:
    """The fields in which two records differ, by their paths."""
    if is_dataclass(one) and type(one) is type(other):
        return [
            found
            for field in fields(one)
            if field.name not in lost
            for found in differences(
                getattr(one, field.name), getattr(other, field.name), lost, f"{where}.{field.name}"
            )
        ]
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        same = one.shape == other.shape and one.dtype.kind == other.dtype.kind
        nan = one.dtype.kind in "fM"
        return [] if same and np.array_equal(one, other, equal_nan=nan) else [where]
    return [] if type(one) is type(other) and one == other else [where]


def unset(record: Any, where: str = "") -> list[str]:
    """Fields that a record leaves at their default, where a file that loses them would not show."""
    found = []
    for field in fields(record):
        value = getattr(record, field.name)
        if is_dataclass(value):
            found += unset(value, f"{where}.{field.name}")
        elif field.compare and field.default is not MISSING and value is field.default:
            found.append(f"{where}.{field.name}")
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.name)
def test_what_is_written_is_read_again_whole(kind: Kind, tmp_path: Path) -> None:
    if kind.file.endswith((".parquet", ".pq")):
        pytest.importorskip("pyarrow")
    record, path = kind.make(), tmp_path / kind.file
    kind.write(record, path)
    read = kind.read(path)
    if isinstance(record, Votes | Gold):  # the file's own hash, which nothing can hold
        record = with_hash(record, sha256_of(path))
    if kind.name == "logits":  # a file holds no name of a model but its own
        record = replace(record, model=path.stem)
    assert differences(record, read, kind.lost) == []
    lost = {name for name in kind.lost if differences(record, read, frozenset()) != []}
    assert lost == kind.lost, "what a form says that it loses is lost"


def with_hash(record: Votes | Gold, sha256: str) -> Votes | Gold:
    if isinstance(record, Gold):
        return Gold(replace(record.votes, sha256=sha256))
    return replace(record, sha256=sha256)


@pytest.mark.parametrize(
    "make", [labels, votes, posterior, proposals, review, audit], ids=lambda one: one.__name__
)
def test_the_records_that_are_written_leave_no_field_at_its_default(make: Any) -> None:
    dropped = {".audit.distractors"}  # labels do not carry what was asked to distract
    assert set(unset(make())) <= dropped


def test_a_posterior_of_version_0_1_0_is_read(tmp_path: Path) -> None:
    write_posterior(posterior(), tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as archive:
        arrays = dict(archive)
    arrays["truths"] = arrays.pop("states")
    arrays.pop("used_gold")
    np.savez(tmp_path / "old.npz", **arrays)
    assert differences(posterior(), read_posterior(tmp_path / "old.npz"), frozenset()) == []


def test_columns_that_differ_by_case_alone_are_refused_where_one_is_asked_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "v.csv"
    path.write_text("image,Image,label,rater,answer\na,b,0,ann,yes\n")
    with pytest.raises(FileError, match="a column name appears twice: 'image', 'Image'"):
        read_votes(path)
