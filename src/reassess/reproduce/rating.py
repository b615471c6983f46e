"""What is stated about proposals, votes, aggregation and labels (METHOD 1 to 3).

Master table rows 1 to 8. The proposals are known by their outcome, the pairs that were
rated; the lists of the models are not public.
"""

import math

import numpy as np
from jaxtyping import Int

from reassess.analysis import (
    AgreementPoint,
    expert_points,
    label_counts,
    label_kinds,
    original_point,
    rater_points,
    score_curve,
    score_point,
)
from reassess.errors import DataError
from reassess.records import Votes, align
from reassess.reproduce.inputs import THRESHOLD, Inputs
from reassess.reproduce.statements import Claim, counted, rounded, unchecked

_LOGITS = "the logits of the 19 proposal models are not public"
_RELEASED = "released data (METHOD {})"
_POOL = {
    "nasnet_large_tf": (9, 65),
    "resnet152": (12, 88),
    "inception_v3": (20, 92),
    "resnet50": (21, 113),
    "vgg16": (74, 213),
    "resnet101": (138, 676),
    "senet154": (94, 423),
    "vgg16_bn": (368, 1207),
}
"""Model in the ImageNetV2 file: exceptions to the skip rule, and to proposing its top."""


# --- proposals and the images that were rated ------------------------------------------


def _proposals_per_image(inputs: Inputs) -> Int[np.ndarray, "N"]:
    pairs = inputs.rated_pairs
    return np.bincount(pairs.image, minlength=len(pairs.image_ids))


def _rated_rows(inputs: Inputs) -> Int[np.ndarray, "n"]:
    """Row of each rated image in the benchmark."""
    ids = inputs.benchmark.image_ids
    return align(inputs.rated_pairs.image_ids, ids, source="rated images")


def _n_with_original(inputs: Inputs) -> int:
    pairs = inputs.rated_pairs
    original = inputs.original[_rated_rows(inputs)]
    return int((original[pairs.image] == pairs.label).sum())


def _n_unrated_exceptions(inputs: Inputs, model: str) -> int:
    """Unrated images whose top prediction is not the original label."""
    differs = inputs.predictions(model).top != inputs.original
    differs[_rated_rows(inputs)] = False
    return int(differs.sum())


def _n_unproposed(inputs: Inputs, model: str) -> int:
    """Rated images whose top prediction is not among the rated pairs."""
    pairs = inputs.rated_pairs
    top = inputs.predictions(model).top[_rated_rows(inputs)]
    return len(top) - int((top[pairs.image] == pairs.label).sum())


def _n_unrated_confirmed(inputs: Inputs) -> int:
    """Unrated images whose published set of labels is the original one alone."""
    real = inputs.real
    alone = real.contains(np.arange(len(real)), inputs.original) & (real.sizes == 1)
    alone[_rated_rows(inputs)] = False
    return int(alone.sum())


def _implied_precision(inputs: Inputs) -> float:
    """Precision of the proposals if each missing gold image had one, and that were right."""
    truth = inputs.gold.truth()
    pairs = inputs.gold.questions.pairs
    n_missing = 256 - (0 if pairs is None else len(pairs.image_ids))
    return float((truth.sum() + n_missing) / (len(truth) + n_missing))


_PROPOSALS = (
    counted(
        "proposals.pairs",
        "Pairs of image and class that were rated.",
        _RELEASED.format(1),
        184_962,
        lambda i: len(i.rated_pairs),
    ),
    rounded(
        "proposals.per_image",
        "Proposals per rated image, on average.",
        "paper, section 3.1 (7.4); METHOD 1 (7.4315)",
        7.4315,
        4,
        lambda i: float(_proposals_per_image(i).mean()),
    ),
    counted(
        "proposals.fewest",
        "Fewest proposals of a rated image.",
        _RELEASED.format(1),
        2,
        lambda i: int(_proposals_per_image(i).min()),
    ),
    counted(
        "proposals.most",
        "Most proposals of a rated image. METHOD says 57; in the released votes no image has "
        "more than 56, so this one is expected to miss.",
        _RELEASED.format(1),
        57,
        lambda i: int(_proposals_per_image(i).max()),
    ),
    counted(
        "proposals.with_original",
        "Rated images whose original label is among the proposals: all.",
        _RELEASED.format(1),
        24_889,
        _n_with_original,
    ),
    unchecked(
        "proposals.lists",
        "Pairs that each model contributes by logit, and again by probability.",
        "paper, section 3.1",
        150_000,
        _LOGITS,
    ),
    unchecked(
        "proposals.subset_models",
        "Models that the subset search keeps.",
        "paper, Table 3",
        6,
        _LOGITS,
    ),
    unchecked(
        "proposals.subset_recall",
        "Recall of the proposals of the six models that were kept.",
        "paper, section 3.1",
        0.971,
        f"{_LOGITS}, and 101 of the 256 gold images were not released",
    ),
    unchecked(
        "proposals.subset_precision",
        "Precision of the proposals of the six models that were kept.",
        "paper, section 3.1",
        0.283,
        f"{_LOGITS}, and 101 of the 256 gold images were not released",
    ),
    Claim(
        "proposals.implied_precision",
        "That precision, if each of the 101 gold images that were not released had one "
        "proposal, and that one were right.",
        "paper, section 3.1; inferred in METHOD 1",
        0.283,
        0.001,
        "an assumption about the gold images that are missing",
        _implied_precision,
    ),
    counted(
        "skip.rated",
        "Images on which some model differs from the original label, so that they were rated.",
        "paper, section 3.2",
        24_889,
        lambda i: len(i.rated_pairs.image_ids),
    ),
    counted(
        "skip.unrated",
        "Images that keep their original label unrated.",
        "paper, section 3.2",
        25_111,
        lambda i: len(i.benchmark.image_ids) - len(i.rated_pairs.image_ids),
    ),
    counted(
        "skip.unrated_confirmed",
        "Unrated images whose published set of labels is their original label alone.",
        _RELEASED.format(2),
        25_111,
        _n_unrated_confirmed,
    ),
    *(
        counted(
            f"skip.{model}.exceptions",
            f"Unrated images whose top prediction by {model} is not the original label.",
            _RELEASED.format(1),
            n_unrated,
            lambda i, model=model: _n_unrated_exceptions(i, model),  # type: ignore[misc]
        )
        for model, (n_unrated, _) in _POOL.items()
    ),
    *(
        counted(
            f"proposals.{model}.absent",
            f"Rated images whose top prediction by {model} was not proposed.",
            _RELEASED.format(1),
            n_absent,
            lambda i, model=model: _n_unproposed(i, model),  # type: ignore[misc]
        )
        for model, (_, n_absent) in _POOL.items()
    ),
)


# --- tasks: what was asked on one screen -------------------------------------------------


def _groups(inputs: Inputs) -> tuple[Int[np.ndarray, "G"], Int[np.ndarray, "G"]]:
    """Image and size of each group: questions of one image with the same five raters."""
    votes = inputs.votes
    n_questions, n_raters = len(votes.questions), len(votes.rater_ids)
    if len(votes) != 5 * n_questions:
        raise DataError("votes: each question must have five votes for groups to be found.")
    order = np.lexsort((votes.rater, votes.question))
    key = inputs.rated_pairs.image.astype(np.int64)
    for rater in votes.rater[order].reshape(n_questions, 5).T:
        key = key * n_raters + rater
    _, first, size = np.unique(key, return_index=True, return_counts=True)
    return inputs.rated_pairs.image[first], size


def _n_groups(inputs: Inputs, gold: bool | None = None) -> int:
    """Groups, or those on images with or without gold questions."""
    image, _ = _groups(inputs)
    if gold is None:
        return len(image)
    ids = inputs.rated_pairs.image_ids
    pairs = inputs.gold.questions.pairs
    on_gold = np.isin(ids, () if pairs is None else pairs.image_ids)
    return int((on_gold[image] == gold).sum())


def _groups_per_image(inputs: Inputs) -> Int[np.ndarray, "N"]:
    return np.bincount(_groups(inputs)[0], minlength=len(inputs.rated_pairs.image_ids))


def _share_split(inputs: Inputs, n_proposals: int) -> float:
    """Share of the images with so many proposals that were split into several groups."""
    of_size = _proposals_per_image(inputs) == n_proposals
    return float((_groups_per_image(inputs)[of_size] > 1).mean())


def _smallest_part(inputs: Inputs) -> int:
    image, size = _groups(inputs)
    return int(size[_groups_per_image(inputs)[image] > 1].min())


_TASKS = (
    Claim(
        "tasks.count",
        "Rating tasks; here, groups of one image's questions with the same five raters, "
        "without the gold images.",
        "paper, section 3.2; read as groups in METHOD 2",
        37_988.0,
        38.0,
        "tasks were not released; a group need not be a task, so 0.1 %",
        lambda i: _n_groups(i, gold=False),
    ),
    counted(
        "groups.count",
        "Groups of one image's questions with the same five raters.",
        _RELEASED.format(2),
        38_187,
        _n_groups,
    ),
    counted(
        "groups.on_gold",
        "Groups on the images with gold questions.",
        _RELEASED.format(2),
        226,
        lambda i: _n_groups(i, gold=True),
    ),
    counted(
        "groups.images_whole",
        "Images whose questions form one group.",
        _RELEASED.format(2),
        17_285,
        lambda i: int((_groups_per_image(i) == 1).sum()),
    ),
    counted(
        "groups.images_split",
        "Images whose questions form two groups or more.",
        _RELEASED.format(2),
        7_604,
        lambda i: int((_groups_per_image(i) > 1).sum()),
    ),
    counted(
        "groups.smallest_part",
        "Questions in the smallest group of a split image.",
        _RELEASED.format(2),
        3,
        _smallest_part,
    ),
    counted(
        "groups.largest",
        "Questions in the largest group.",
        _RELEASED.format(2),
        47,
        lambda i: int(_groups(i)[1].max()),
    ),
    *(
        rounded(
            f"groups.split_of_{n}",
            f"Share of the images with {n} proposals that were split.",
            _RELEASED.format(2),
            share,
            2,
            lambda i, n=n: _share_split(i, n),  # type: ignore[misc]
        )
        for n, share in ((6, 0.0), (7, 0.51), (8, 0.62), (9, 0.68))
    ),
)


# --- answers -----------------------------------------------------------------------------


def _n_answers(votes: Votes, answer: str) -> int:
    return int((votes.answer == votes.answers.index(answer)).sum())


_ANSWERS = (
    counted(
        "answers.count",
        "Answers of raters.",
        _RELEASED.format(2),
        924_810,
        lambda i: len(i.votes),
    ),
    *(
        counted(
            f"answers.{answer}",
            f"Answers that are {answer}.",
            _RELEASED.format(2),
            n,
            lambda i, answer=answer: _n_answers(i.votes, answer),  # type: ignore[misc]
        )
        for answer, n in (("no", 729_424), ("maybe", 78_942), ("yes", 116_444))
    ),
    *(
        rounded(
            f"answers.{answer}_share",
            f"Share of the answers that are {answer}.",
            _RELEASED.format(2),
            share,
            3,
            lambda i, answer=answer: _n_answers(i.votes, answer) / len(i.votes),  # type: ignore[misc]
        )
        for answer, share in (("no", 0.789), ("maybe", 0.085), ("yes", 0.126))
    ),
    counted(
        "answers.fewest_per_question",
        "Fewest answers to a question.",
        "paper, section 3.2",
        5,
        lambda i: int(i.votes.counts().sum(axis=1).min()),
    ),
    counted(
        "answers.most_per_question",
        "Most answers to a question.",
        "paper, section 3.2",
        5,
        lambda i: int(i.votes.counts().sum(axis=1).max()),
    ),
    counted("raters.count", "Raters.", _RELEASED.format(2), 85, lambda i: len(i.votes.rater_ids)),
    counted(
        "raters.fewest_answers",
        "Answers of the rater who gave fewest.",
        _RELEASED.format(2),
        6,
        lambda i: int(np.bincount(i.votes.rater).min()),
    ),
    counted(
        "raters.most_answers",
        "Answers of the rater who gave most.",
        _RELEASED.format(2),
        50_720,
        lambda i: int(np.bincount(i.votes.rater).max()),
    ),
    counted(
        "raters.on_gold",
        "Raters who answered gold questions.",
        _RELEASED.format(2),
        78,
        lambda i: len(i.gold_votes.rater_ids),
    ),
    counted(
        "answers.on_gold",
        "Answers of raters to gold questions.",
        _RELEASED.format(2),
        88_530,
        lambda i: len(i.gold_votes),
    ),
    counted(
        "gold.images",
        "Images with gold questions in the release.",
        _RELEASED.format(1),
        155,
        lambda i: len(np.unique(i.gold.questions.pairs.image)),  # type: ignore[union-attr]
    ),
    counted(
        "gold.questions",
        "Gold questions in the release.",
        _RELEASED.format(1),
        1_135,
        lambda i: len(i.gold.questions),
    ),
    counted(
        "gold.present",
        "Gold questions that most of the experts say yes to.",
        _RELEASED.format(1),
        248,
        lambda i: int(i.gold.truth().sum()),
    ),
    *(
        counted(
            f"gold.expert_{answer}",
            f"Answers of experts that are {answer}.",
            _RELEASED.format(7),
            n,
            lambda i, answer=answer: _n_answers(i.gold.votes, answer),  # type: ignore[misc]
        )
        for answer, n in (("no", 4_439), ("maybe", 0), ("yes", 1_236))
    ),
)


# --- aggregation and labels --------------------------------------------------------------


def _mean_confusion(inputs: Inputs, truth: int, answer: int) -> float:
    """P(answer | truth) of the mean rater, over the raters who answered gold questions."""
    votes, gold = inputs.gold_votes, inputs.gold
    row = align(votes.questions.ids, gold.questions.ids, source="votes on gold")
    present = gold.truth()[row][votes.question] == bool(truth)
    shape = (len(votes.rater_ids), 3)
    cell = votes.rater[present].astype(np.int64) * 3 + votes.answer[present]
    counts = np.bincount(cell, minlength=shape[0] * 3).reshape(shape) + 1
    return float((counts / counts.sum(axis=1, keepdims=True)).mean(axis=0)[answer])


def _log_odds(inputs: Inputs, answer: int) -> float:
    present, absent = (_mean_confusion(inputs, truth, answer) for truth in (1, 0))
    return math.log(present / absent)


def _prior_log_odds(inputs: Inputs) -> float:
    truth = inputs.gold.truth()
    return math.log(truth.sum() / (~truth).sum())


def _n_identical_sets(inputs: Inputs) -> int:
    """Images whose set of labels is the published one."""
    ours = inputs.labels
    rows = align(inputs.real.image_ids, ours.image_ids, source="published labels")
    published = inputs.real.lists()
    return sum(a == b for a, b in zip(ours.take(rows).lists(), published, strict=True))


_CONFUSION = {
    "absent": (0.910, 0.048, 0.042),
    "present": (0.321, 0.168, 0.511),
}
_HISTOGRAM = (3_163, 39_394, 5_408, 1_319, 411, 161, 88, 41, 13, 2)

_AGGREGATION = (
    Claim(
        "scores.max_abs_difference",
        "Largest difference between our scores and the published ones.",
        "paper, section 3.3; released scores",
        0.0,
        1e-9,
        "the same sums in another order",
        lambda i: float(np.abs(i.scores - i.published_scores).max()),
    ),
    counted(
        "scores.kept",
        "Rated pairs with a score of at least 0.8.",
        _RELEASED.format(3),
        32_442,
        lambda i: int((i.scores >= THRESHOLD).sum()),
    ),
    *(
        rounded(
            f"raters.{answer}_if_{truth}",
            f"Probability that the mean rater says {answer} to what is {truth}.",
            _RELEASED.format(3),
            _CONFUSION[truth][a],
            3,
            lambda i, t=t, a=a: _mean_confusion(i, t, a),  # type: ignore[misc]
        )
        for t, truth in enumerate(_CONFUSION)
        for a, answer in enumerate(("no", "maybe", "yes"))
    ),
    *(
        rounded(
            f"raters.{answer}_log_odds",
            f"Log-odds of present after a {answer} of the mean rater.",
            _RELEASED.format(3),
            log_odds,
            2,
            lambda i, a=a: _log_odds(i, a),  # type: ignore[misc]
        )
        for a, (answer, log_odds) in enumerate((("no", -1.04), ("maybe", 1.24), ("yes", 2.51)))
    ),
    rounded(
        "gold.prior_log_odds",
        "Log-odds of present before any vote.",
        _RELEASED.format(3),
        -1.27,
        2,
        _prior_log_odds,
    ),
)

_LABELS = (
    counted(
        "labels.identical_sets",
        "Images whose set of labels is exactly the published one.",
        "paper, section 3.3; released real.json",
        50_000,
        _n_identical_sets,
    ),
    counted(
        "labels.count",
        "Labels in all.",
        "paper, section 3.3",
        57_553,
        lambda i: label_counts(i.labels).n_labels,
    ),
    counted(
        "labels.images",
        "Images with at least one label.",
        "paper, section 3.3",
        46_837,
        lambda i: label_counts(i.labels).n_labelled,
    ),
    counted(
        "labels.empty",
        "Images that end with no label and are left out.",
        "paper, section 3.3",
        3_163,
        lambda i: label_kinds(i.labels, i.benchmark).n_empty,
    ),
    *(
        counted(
            f"labels.images_with_{n}",
            f"Images with exactly {n} labels.",
            _RELEASED.format(3),
            n_images,
            lambda i, n=n: label_counts(i.labels).n_images[n],  # type: ignore[misc]
        )
        for n, n_images in enumerate(_HISTOGRAM)
    ),
    counted(
        "labels.single_original",
        "Images with one label, the original one.",
        _RELEASED.format(3),
        35_716,
        lambda i: label_kinds(i.labels, i.benchmark).n_confirmed,
    ),
    counted(
        "labels.multiple",
        "Images with two labels or more.",
        _RELEASED.format(3),
        7_443,
        lambda i: label_kinds(i.labels, i.benchmark).n_multiple,
    ),
    counted(
        "labels.single_other",
        "Images with one label, another than the original.",
        _RELEASED.format(3),
        3_678,
        lambda i: label_kinds(i.labels, i.benchmark).n_replaced,
    ),
)


# --- Figure 3: against the experts -------------------------------------------------------

_FIGURE_3 = "paper, Figure 3 (right)"
_EXPERTS = {
    "168": (0.857, 0.968),
    "121": (0.950, 0.690),
    "170": (0.832, 0.980),
    "115": (0.911, 0.871),
    "156": (0.862, 0.859),
}
_MAJORITIES = {
    "yes_from_2": (False, 2, 0.892, 0.702),
    "yes_from_3": (False, 3, 0.943, 0.536),
    "yes_or_maybe_from_3": (True, 3, 0.834, 0.770),
    "yes_or_maybe_from_2": (True, 2, 0.672, 0.851),
}


def _defined(value: float | None) -> float:
    """The number itself, where it is known to exist."""
    if value is None:
        raise DataError("gold: a precision or recall is undefined, but must be a number.")
    return value


def _labels_point(inputs: Inputs) -> AgreementPoint:
    return score_point(inputs.scores_on_gold, THRESHOLD, inputs.gold, "ReaL")


def _expert(inputs: Inputs, name: str) -> AgreementPoint:
    return next(point for point in expert_points(inputs.gold) if point.name == name)


def _raters(inputs: Inputs) -> tuple[list[float], list[float]]:
    """Precision and recall of every rater, a maybe counted as yes."""
    points = rater_points(inputs.gold_votes, inputs.gold, "yes")
    return [_defined(p.precision) for p in points], [_defined(p.recall) for p in points]


def _majority(inputs: Inputs, with_maybe: bool, n_votes: int) -> AgreementPoint:
    """Agreement of "at least so many of an image's raters say so"."""
    counts = inputs.votes.counts()
    n_for = counts[:, 1:].sum(axis=1) if with_maybe else counts[:, 2]
    return score_point(inputs.on_gold(n_for.astype(np.float64)), n_votes, inputs.gold)


def _precision_at_lowest_recall(inputs: Inputs) -> float:
    precision, recall = _raters(inputs)
    return precision[int(np.argmin(recall))]


def _recall_at_lowest_precision(inputs: Inputs) -> float:
    precision, recall = _raters(inputs)
    return recall[int(np.argmin(precision))]


_AGREEMENT = (
    rounded(
        "gold.precision",
        "Precision of the reassessed labels on gold.",
        _FIGURE_3,
        0.898,
        3,
        lambda i: _defined(_labels_point(i).precision),
    ),
    rounded(
        "gold.recall",
        "Recall of the reassessed labels on gold.",
        _FIGURE_3,
        0.778,
        3,
        lambda i: _defined(_labels_point(i).recall),
    ),
    rounded(
        "gold.original_precision",
        "Precision of the original labels on gold.",
        _FIGURE_3,
        0.787,
        3,
        lambda i: _defined(original_point(i.gold, i.benchmark).precision),
    ),
    rounded(
        "gold.original_recall",
        "Recall of the original labels on gold.",
        _FIGURE_3,
        0.492,
        3,
        lambda i: _defined(original_point(i.gold, i.benchmark).recall),
    ),
    counted(
        "gold.original_confirmed",
        "Gold images, of 155, whose original label the experts confirm.",
        _FIGURE_3,
        122,
        lambda i: original_point(i.gold, i.benchmark).n_right,
    ),
    *(
        rounded(
            f"experts.{name}.precision",
            f"Precision of expert {name} against the majority of the experts.",
            _FIGURE_3,
            precision,
            3,
            lambda i, name=name: _defined(_expert(i, name).precision),  # type: ignore[misc]
        )
        for name, (precision, _) in _EXPERTS.items()
    ),
    *(
        rounded(
            f"experts.{name}.recall",
            f"Recall of expert {name} against the majority of the experts.",
            _FIGURE_3,
            recall,
            3,
            lambda i, name=name: _defined(_expert(i, name).recall),  # type: ignore[misc]
        )
        for name, (_, recall) in _EXPERTS.items()
    ),
    *(
        rounded(
            f"raters.{which}_{what}",
            f"The {which} {what} among the raters, a maybe counted as yes.",
            _FIGURE_3,
            published,
            3,
            lambda i, c=column, f=function: float(f(_raters(i)[c])),  # type: ignore[misc]
        )
        for what, column, values in (
            ("precision", 0, (0.219, 0.862, 0.717)),
            ("recall", 1, (0.286, 0.984, 0.679)),
        )
        for (which, function), published in zip(
            (("lowest", min), ("highest", max), ("mean", np.mean)), values, strict=True
        )
    ),
    rounded(
        "raters.precision_at_lowest_recall",
        "Precision of the rater with the lowest recall.",
        _FIGURE_3,
        0.747,
        3,
        _precision_at_lowest_recall,
    ),
    rounded(
        "raters.recall_at_lowest_precision",
        "Recall of the rater with the lowest precision.",
        _FIGURE_3,
        0.984,
        3,
        _recall_at_lowest_precision,
    ),
    rounded(
        "gold.curve_end",
        "Precision where the curve of the scores reaches a recall of 1.",
        _FIGURE_3,
        0.272,
        3,
        lambda i: float(score_curve(i.scores_on_gold, i.gold).precision[-1]),
    ),
    *(
        rounded(
            f"majority.{name}.precision",
            f"Precision on gold of {name.replace('_', ' ')} of the five raters.",
            _RELEASED.format(3),
            precision,
            3,
            lambda i, m=maybe, n=n: _defined(_majority(i, m, n).precision),  # type: ignore[misc]
        )
        for name, (maybe, n, precision, _) in _MAJORITIES.items()
    ),
    *(
        rounded(
            f"majority.{name}.recall",
            f"Recall on gold of {name.replace('_', ' ')} of the five raters.",
            _RELEASED.format(3),
            recall,
            3,
            lambda i, m=maybe, n=n: _defined(_majority(i, m, n).recall),  # type: ignore[misc]
        )
        for name, (maybe, n, _, recall) in _MAJORITIES.items()
    ),
)

CLAIMS = (*_PROPOSALS, *_TASKS, *_ANSWERS, *_AGGREGATION, *_LABELS, *_AGREEMENT)
