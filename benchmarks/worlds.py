"""Simulated studies whose truth is known, each breaking one assumption at a time.

A world: N images of K classes, some unrated because every model agrees; M models whose errors go
together; (image, class) pairs that raters are asked about; R raters with a confusion of their own,
their votes; gold by near-perfect experts on some images. Nothing here is `reassess.simulate`'s.
`study` draws the records of one study, `true_accuracy` is what models would score under the true
labels of infinitely many images. Letters: n images, q questions, M models, R raters, V votes each.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from reassess.proposals.audits import default_n_skipped
from reassess.records import (
    Audit,
    AuditStratum,
    Benchmark,
    Gold,
    Pairs,
    Predictions,
    Questions,
    Votes,
)

RATER = np.array([[0.910, 0.048, 0.042], [0.321, 0.168, 0.511]])
"""P(no, maybe, yes) where a class is absent, present: the mean of the published ImageNet raters."""

ANSWERS = ("no", "maybe", "yes")
BEYOND = 2
"""Classes of an image that nobody asks about; a model that is wrong may say the second of them."""


@dataclass(frozen=True)
class World:
    """What a study is drawn from.

    Attributes:
        n: images.
        n_classes: K.
        n_raters: R.
        n_votes: votes a question.
        skills: P(a model's top prediction is a true label) on rated images that have one.
        correlation: of the models' errors.
        n_true: shares of rated images with no, one and two true labels.
        n_asked: questions an image.
        asked_when_wrong: P(a wrong prediction is among what raters are asked about).
        unrated: share of images that no one rates, as all models say the original label.
        unrated_wrong: share of them whose label is wrong.
        concentration: how alike raters are.
        gold: images that experts judge.
        gold_hard: whether those are images on which models disagree.
        seen_wrong: shares of absent and of present classes of which all raters see the contrary.
        item_sd: spread of the difficulty of questions, shared by raters, in log-odds.
        class_sd: the same for classes.
        lure: how far raters err towards what models wrongly predict.
        lenient: share of raters who say yes to a third of what is absent.
        missing: share of votes that are missing.
        unproposed: P(a second true label was never proposed).
        expert_error: of experts, where a class is absent and where it is present.
        n_experts: how many.
        uses_gold: whether the analysis is given the gold.
    """

    n: int = 600
    n_classes: int = 100
    n_raters: int = 25
    n_votes: int = 5
    skills: tuple[float, ...] = (0.88, 0.86, 0.84, 0.82, 0.82, 0.80, 0.76, 0.70)
    correlation: float = 0.5
    n_true: tuple[float, ...] = (0.06, 0.74, 0.20)
    n_asked: int = 4
    asked_when_wrong: float = 0.9
    unrated: float = 0.3
    unrated_wrong: float = 0.0
    concentration: float = 10.0
    gold: int = 80
    gold_hard: bool = False
    seen_wrong: tuple[float, float] = (0.0, 0.0)
    item_sd: float = 0.0
    class_sd: float = 0.0
    lure: float = 0.0
    lenient: float = 0.0
    missing: float = 0.0
    unproposed: float = 0.0
    expert_error: tuple[float, float] = (0.01, 0.02)
    n_experts: int = 5
    uses_gold: bool = True


@dataclass(frozen=True)
class Images:
    """Truth, questions and predictions of images.

    Attributes:
        unrated: whether nobody rates an image.
        classes: classes of each image: true ones, then those asked about, then `BEYOND`.
        valid: which of them are true.
        similarity: what lures models and raters.
        top: each model's prediction.
        asked: which of the first classes raters are asked about.
        wrong: unrated images whose label is wrong; the next class is right instead.
        audited: unrated images that raters are asked about all the same.
    """

    unrated: np.ndarray
    classes: np.ndarray
    valid: np.ndarray
    similarity: np.ndarray
    top: np.ndarray
    asked: np.ndarray
    wrong: np.ndarray
    audited: np.ndarray


@dataclass(frozen=True)
class Study:
    """Records of one study, and what is true of its questions."""

    benchmark: Benchmark
    predictions: tuple[Predictions, ...]
    votes: Votes
    gold: Gold | None
    truth: np.ndarray
    images: Images
    audit: Audit | None


def true_accuracy(world: World) -> np.ndarray:
    """Accuracy of each model under the true labels, on infinitely many images that have one."""
    rated = (1 - world.unrated) * (1 - world.n_true[0])
    right = world.unrated * (1 - world.unrated_wrong) + rated * np.array(world.skills)
    return right / (world.unrated + rated)


def images(world: World, rng: np.random.Generator, n_audited: int | None = 0) -> Images:
    """Truth, questions and predictions of the images of a study.

    ``n_audited`` of the unrated images are drawn for an audit; None takes the product's default.
    """
    n, n_models, n_shown = world.n, len(world.skills), world.n_asked + BEYOND
    unrated = rng.random(n) < world.unrated
    n_true = np.where(unrated, 1, rng.choice(3, n, p=world.n_true))
    classes = np.argsort(rng.random((n, world.n_classes)), axis=1)[:, :n_shown]
    similarity = rng.standard_normal((n, n_shown))
    valid = np.arange(n_shown) < n_true[:, None]
    shared, own = rng.standard_normal(n), rng.standard_normal((n, n_models))
    latent = np.sqrt(world.correlation) * shared[:, None] + np.sqrt(1 - world.correlation) * own
    limit = np.array([NormalDist().inv_cdf(skill) for skill in world.skills])
    right = (latent < limit) & (n_true > 0)[:, None]
    pull = rng.gumbel(size=(n, n_models, n_shown))
    if world.lure:
        pull += 1.5 * similarity[:, None, :]
    pull = np.where(valid[:, None, :], -np.inf, pull)[:, :, : world.n_asked]
    wrong = pull.argmax(axis=2)
    wrong[rng.random((n, n_models)) >= world.asked_when_wrong] = n_shown - 1
    pick = np.where(valid[:, None, :], rng.random((n, n_models, n_shown)), -1).argmax(axis=2)
    column = np.where(unrated[:, None], 0, np.where(right, pick, wrong))
    asked = np.ones((n, world.n_asked), bool)
    asked[(rng.random(n) < world.unproposed) & (n_true == 2) & ~unrated, 1] = False
    wrong_label = unrated & (rng.random(n) < world.unrated_wrong)
    valid[wrong_label, :2] = [False, True]
    skipped = np.flatnonzero(unrated)
    n_drawn = default_n_skipped(len(skipped)) if n_audited is None else n_audited
    audited = np.zeros(n, bool)
    audited[rng.choice(skipped, min(n_drawn, len(skipped)), replace=False)] = True
    return Images(
        unrated, classes, valid, similarity, np.take_along_axis(classes, column, axis=1), asked,
        wrong_label, audited,
    )  # fmt: skip


def raters(world: World, rng: np.random.Generator) -> np.ndarray:
    """Confusion of each rater."""
    rows = np.stack([rng.dirichlet(world.concentration * row, world.n_raters) for row in RATER], 1)
    n_lenient = round(world.lenient * world.n_raters)
    if n_lenient:
        mean = np.array([0.55, 0.12, 0.33])
        rows[:n_lenient, 0] = rng.dirichlet(world.concentration * mean, n_lenient)
    rows = np.clip(rows, 1e-4, 1)
    return rows / rows.sum(axis=2, keepdims=True)


def questions(found: Images) -> tuple[np.ndarray, np.ndarray]:
    """Image and column of each question."""
    image, column = np.nonzero(found.asked & (~found.unrated | found.audited)[:, None])
    return image, column


def seen(world: World, found: Images, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Of each question: whether raters see the class, and their shift towards yes in log-odds."""
    image, column = questions(found)
    truth = found.valid[image, column]
    sees = truth ^ (rng.random(len(truth)) < np.array(world.seen_wrong)[truth.astype(int)])
    shift = world.item_sd * rng.standard_normal(len(truth))
    shift += world.class_sd * rng.standard_normal(world.n_classes)[found.classes[image, column]]
    shift += np.where(truth, 0, world.lure * found.similarity[image, column])
    return sees, shift


def vote(
    world: World,
    found: Images,
    sees: np.ndarray,
    shift: np.ndarray,
    rng: np.random.Generator,
) -> Votes:
    """Votes of raters drawn for this study."""
    image, column = questions(found)
    confusion, n = raters(world, rng), len(image)
    chosen = np.argsort(rng.random((n, world.n_raters)), axis=1)[:, : world.n_votes]
    p = confusion[chosen, sees.astype(int)[:, None]]
    if shift.any():
        p = p * np.exp(shift[:, None] * np.array([0, 0.5, 1]))[:, None, :]
        p /= p.sum(axis=2, keepdims=True)
    answer = (rng.random((n, world.n_votes, 1)) >= p.cumsum(axis=2)[:, :, :-1]).sum(axis=2)
    keep = rng.random((n, world.n_votes)) >= world.missing
    keep[~keep.any(axis=1), 0] = True
    question, place = np.nonzero(keep)
    used, rater = np.unique(chosen[question, place], return_inverse=True)
    return Votes(
        _questions(found, image, column), np.array([f"r{one:03d}" for one in used]), ANSWERS,
        question, rater.reshape(-1), answer[question, place],
    )  # fmt: skip


def gold_of(world: World, found: Images, rng: np.random.Generator) -> Gold:
    """What experts say of all questions of some images; audits draw no gold."""
    image, column = questions(found)
    pool = np.flatnonzero(~found.unrated)
    if world.gold_hard:
        pool = pool[(found.top[pool] != found.top[pool, :1]).any(axis=1)]
    judged = np.isin(image, rng.choice(pool, min(world.gold, len(pool)), replace=False))
    image, column = image[judged], column[judged]
    truth = found.valid[image, column]
    error = np.array(world.expert_error)[truth.astype(int)]
    says = truth[:, None] ^ (rng.random((len(truth), world.n_experts)) < error[:, None])
    return Gold(Votes(
        _questions(found, image, column), np.array([f"e{k}" for k in range(world.n_experts)]),
        ANSWERS, np.repeat(np.arange(len(truth)), world.n_experts),
        np.tile(np.arange(world.n_experts), len(truth)), np.where(says, 2, 0).ravel(),
    ))  # fmt: skip


def audit_of(world: World, found: Images) -> Audit | None:
    """The audit of the unrated images; None where none was drawn."""
    if not found.audited.any():
        return None
    skipped = np.flatnonzero(found.unrated)
    pairs = Pairs(image_ids(world), skipped, found.classes[skipped, 0])
    return Audit(
        (AuditStratum("skipped", None, (0,)),), pairs, np.zeros(len(skipped), np.int64),
        found.classes[skipped, 0], found.audited[skipped],
    )  # fmt: skip


def study(world: World, rng: np.random.Generator, n_audited: int | None = 0) -> Study:
    """One study of a world, with an audit of so many skipped images (None: the default)."""
    found = images(world, rng, n_audited)
    sees, shift = seen(world, found, rng)
    ids, (image, column) = image_ids(world), questions(found)
    return Study(
        Benchmark("simulated", ids, found.classes[:, 0]),
        tuple(Predictions(f"m{m}", ids, top[:, None]) for m, top in enumerate(found.top.T)),
        vote(world, found, sees, shift, rng),
        gold_of(world, found, rng) if world.uses_gold else None,
        found.valid[image, column],
        found,
        audit_of(world, found),
    )


def image_ids(world: World) -> np.ndarray:
    """Ids of the images of a study."""
    return np.array([f"{i:06d}.png" for i in range(world.n)])


def _questions(found: Images, image: np.ndarray, column: np.ndarray) -> Questions:
    shown, place = np.unique(image, return_inverse=True)
    ids = np.array([f"{i:06d}.png" for i in shown])
    return Questions.from_pairs(Pairs(ids, place, found.classes[image, column]))


STRONG = (0.985, 0.98, 0.975, 0.97, 0.97, 0.965, 0.96, 0.95)
NEAR = tuple(np.linspace(0.84, 0.80, 8).tolist())
TOGETHER = (0.03, 0.10)

WORLDS: dict[str, World] = {
    "base": World(),
    "300 images, 4 raters": World(n=300, n_raters=4, n_votes=3, gold=30),
    "200 images, 3 raters, gold 15": World(n=200, n_raters=3, n_votes=3, gold=15),
    "5 raters": World(n_raters=5),
    "10 classes": World(n=400, n_classes=10, n_raters=12, gold=60),
    "difficult questions": World(item_sd=1.5),
    "errors by class, 10 classes": World(n_classes=10, class_sd=1.5),
    "errors by class, 100 classes": World(class_sd=1.5),
    "lured": World(lure=1.0),
    "lured strongly": World(lure=2.0),
    "lenient raters": World(lenient=0.4, gold=40),
    "half of the votes missing": World(missing=0.5),
    "gold of hard images": World(gold_hard=True),
    "gold of hard images, lured": World(gold_hard=True, lure=1.0),
    "gold 15": World(gold=15),
    "gold 8": World(gold=8),
    "8 equal models": World(skills=(0.82,) * 8),
    "8 equal models, correlated": World(skills=(0.82,) * 8, correlation=0.9),
    "8 near models": World(skills=NEAR),
    "noisy experts": World(expert_error=(0.05, 0.15), n_experts=3),
    "strong models": World(skills=STRONG, unrated=0.6),
    "raters err together": World(seen_wrong=TOGETHER),
    "raters err together, no gold": World(seen_wrong=TOGETHER, uses_gold=False),
    "4,000 images, errors by class": World(n=4000, gold=300, class_sd=1.5),
    "4,000 images, lured": World(n=4000, gold=300, lure=2.0),
    "1 % of skipped wrong": World(unrated=0.5, unrated_wrong=0.01),
    "3 % of skipped wrong": World(unrated=0.5, unrated_wrong=0.03),
    "10 % of skipped wrong": World(unrated=0.5, unrated_wrong=0.10),
}
