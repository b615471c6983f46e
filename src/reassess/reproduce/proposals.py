"""Proposals, rated images, tasks and answers.

The proposals are known by their outcome, the pairs that were rated; the lists of the
models are not public. Tasks are not either: groups of one image's questions with the same
five raters stand in for them. Letters: N rated images, G groups.
"""

from functools import partial

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError
from reassess.records import Votes
from reassess.reproduce.inputs import Inputs
from reassess.reproduce.published import Compute

_N_GOLD_IMAGES = 256
_VOTES_PER_QUESTION = 5
_MODELS = (
    "nasnet_large_tf",
    "resnet152",
    "inception_v3",
    "resnet50",
    "vgg16",
    "resnet101",
    "senet154",
    "vgg16_bn",
)


def proposals_per_image(inputs: Inputs) -> Int[np.ndarray, "N"]:
    """Number of proposals of each rated image."""
    pairs = inputs.rated_pairs
    return np.bincount(pairs.image, minlength=len(pairs.image_ids))


def n_with_original(inputs: Inputs) -> int:
    """Rated images whose original label is among the proposals."""
    pairs = inputs.rated_pairs
    original = inputs.original[inputs.rated_rows]
    return int((original[pairs.image] == pairs.label).sum())


def implied_precision(inputs: Inputs) -> float:
    """Precision of the proposals if each absent gold image had one, and that were right."""
    truth = inputs.gold.truth()
    n_absent = _N_GOLD_IMAGES - len(inputs.gold.questions.require_pairs().image_ids)
    return float((truth.sum() + n_absent) / (len(truth) + n_absent))


def n_unrated(inputs: Inputs) -> int:
    """Images that were not rated."""
    return len(inputs.benchmark.image_ids) - len(inputs.rated_rows)


def n_unrated_confirmed(inputs: Inputs) -> int:
    """Unrated images whose published labels are the original one alone."""
    real = inputs.real
    alone = real.contains(np.arange(len(real)), inputs.original) & (real.sizes == 1)
    alone[inputs.rated_rows] = False
    return int(alone.sum())


def n_exceptions(inputs: Inputs, model: str) -> int:
    """Unrated images whose top prediction is not the original label."""
    differs = inputs.predictions(model).top != inputs.original
    differs[inputs.rated_rows] = False
    return int(differs.sum())


def n_unproposed(inputs: Inputs, model: str) -> int:
    """Rated images whose top prediction is not among the proposals."""
    pairs = inputs.rated_pairs
    top = inputs.predictions(model).top[inputs.rated_rows]
    return len(top) - int((top[pairs.image] == pairs.label).sum())


def groups(inputs: Inputs) -> tuple[Int[np.ndarray, "G"], Int[np.ndarray, "G"]]:
    """Image and number of questions of each group.

    Raises:
        DataError: a question has not five votes.
    """
    votes = inputs.votes
    n_questions, n_raters = len(votes.questions), len(votes.rater_ids)
    if len(votes) != _VOTES_PER_QUESTION * n_questions:
        raise DataError("votes: each question must have five votes for groups to be found.")
    order = np.lexsort((votes.rater, votes.question))
    teams = votes.rater[order].reshape(n_questions, _VOTES_PER_QUESTION)
    image = inputs.rated_pairs.image
    key = image.astype(np.int64)
    for rater in teams.T:
        key = key * n_raters + rater
    _, first, size = np.unique(key, return_index=True, return_counts=True)
    return image[first], size


def groups_per_image(inputs: Inputs) -> Int[np.ndarray, "N"]:
    """Number of groups of each rated image."""
    return np.bincount(groups(inputs)[0], minlength=len(inputs.rated_pairs.image_ids))


def n_groups(inputs: Inputs, on_gold: bool) -> int:
    """Groups on the images with gold questions, or on the others."""
    gold_ids = inputs.gold.questions.require_pairs().image_ids
    is_gold = np.isin(inputs.rated_pairs.image_ids, gold_ids)
    return int((is_gold[groups(inputs)[0]] == on_gold).sum())


def share_split(inputs: Inputs, n_proposals: int) -> float:
    """Share of the images with so many proposals whose questions form several groups."""
    of_size = proposals_per_image(inputs) == n_proposals
    return float((groups_per_image(inputs)[of_size] > 1).mean())


def smallest_part(inputs: Inputs) -> int:
    """Questions in the smallest group of an image with several."""
    image, size = groups(inputs)
    return int(size[groups_per_image(inputs)[image] > 1].min())


def n_answers(votes: Votes, answer: str) -> int:
    """How often an answer was given."""
    return int((votes.answer == votes.answers.index(answer)).sum())


def _share_of_answers(inputs: Inputs, answer: str) -> float:
    return n_answers(inputs.votes, answer) / len(inputs.votes)


def _n_rater_answers(inputs: Inputs, answer: str) -> int:
    return n_answers(inputs.votes, answer)


def _n_expert_answers(inputs: Inputs, answer: str) -> int:
    return n_answers(inputs.gold.votes, answer)


_PROPOSALS: dict[str, Compute] = {
    "proposals.pairs": lambda i: len(i.rated_pairs),
    "proposals.per_image": lambda i: float(proposals_per_image(i).mean()),
    "proposals.fewest": lambda i: int(proposals_per_image(i).min()),
    "proposals.most": lambda i: int(proposals_per_image(i).max()),
    "proposals.with_original": n_with_original,
    "proposals.implied_precision": implied_precision,
    "skip.rated": lambda i: len(i.rated_pairs.image_ids),
    "skip.unrated": n_unrated,
    "skip.unrated_confirmed": n_unrated_confirmed,
    **{f"skip.{model}.exceptions": partial(n_exceptions, model=model) for model in _MODELS},
    **{f"proposals.{model}.absent": partial(n_unproposed, model=model) for model in _MODELS},
}

_TASKS: dict[str, Compute] = {
    "tasks.count": partial(n_groups, on_gold=False),
    "groups.count": lambda i: len(groups(i)[0]),
    "groups.on_gold": partial(n_groups, on_gold=True),
    "groups.images_whole": lambda i: int((groups_per_image(i) == 1).sum()),
    "groups.images_split": lambda i: int((groups_per_image(i) > 1).sum()),
    "groups.smallest_part": smallest_part,
    "groups.largest": lambda i: int(groups(i)[1].max()),
    **{f"groups.split_of_{n}": partial(share_split, n_proposals=n) for n in (6, 7, 8, 9)},
}

_ANSWERS: dict[str, Compute] = {
    "answers.count": lambda i: len(i.votes),
    **{f"answers.{a}": partial(_n_rater_answers, answer=a) for a in ("no", "maybe", "yes")},
    **{f"answers.{a}_share": partial(_share_of_answers, answer=a) for a in ("no", "maybe", "yes")},
    "answers.fewest_per_question": lambda i: int(i.votes.counts().sum(axis=1).min()),
    "answers.most_per_question": lambda i: int(i.votes.counts().sum(axis=1).max()),
    "raters.count": lambda i: len(i.votes.rater_ids),
    "raters.fewest_answers": lambda i: int(np.bincount(i.votes.rater).min()),
    "raters.most_answers": lambda i: int(np.bincount(i.votes.rater).max()),
    "raters.on_gold": lambda i: len(i.gold_votes.rater_ids),
    "answers.on_gold": lambda i: len(i.gold_votes),
    "gold.images": lambda i: len(i.gold.questions.require_pairs().image_ids),
    "gold.questions": lambda i: len(i.gold.questions),
    "gold.present": lambda i: int(i.gold.truth().sum()),
    **{f"gold.expert_{a}": partial(_n_expert_answers, answer=a) for a in ("no", "maybe", "yes")},
}

COMPUTATIONS = _PROPOSALS | _TASKS | _ANSWERS
