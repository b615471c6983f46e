"""The tasks of the published study against ours, on the same images and questions.

The published groups are the questions of one image that had the same five raters. Prints how
many tasks there are, how large, which images are split, how much the partitions agree, and how
near the classes of one screen are in WordNet; beside them random splits of the same sizes.

    python benchmarks/task_groups.py [--seed 0]
"""

import argparse
from dataclasses import dataclass

import numpy as np
from measure import describe_machine, published, seconds

from reassess.proposals.tasks import split_into_tasks
from reassess.records import Hierarchy, Pairs, Questions, Tasks

PER_TASK = 8
FEWEST_SCREENS = 100.0
MILLION = 1_000_000


@dataclass(frozen=True)
class Meetings:
    """All pairs of questions about one image, with the distance of their classes."""

    one: np.ndarray
    other: np.ndarray
    image: np.ndarray
    distance: np.ndarray


def published_tasks(votes) -> Tasks:
    """Questions of one image with the same five raters."""
    teams = votes.rater[np.lexsort((votes.rater, votes.question))].reshape(-1, 5)
    key = np.column_stack([votes.questions.pairs.image, teams])
    return Tasks(votes.questions, np.unique(key, axis=0, return_inverse=True)[1].reshape(-1))


def random_tasks(like: Tasks, rng: np.random.Generator) -> Tasks:
    """Tasks of the same sizes on the same images, dealt at random."""
    image = like.pairs.image
    slots = np.argsort(image, kind="stable")
    questions = np.lexsort((rng.random(len(image)), image))
    task = np.empty_like(like.task)
    task[questions] = like.task[slots]
    return Tasks(like.questions, task)


def meetings(pairs: Pairs, hierarchy: Hierarchy) -> Meetings:
    order = np.argsort(pairs.image, kind="stable")
    size = np.bincount(pairs.image)
    start = np.cumsum(size) - size
    found = [
        start[image] + np.array(np.triu_indices(n, 1)) for image, n in enumerate(size.tolist())
    ]
    one, other = order[np.concatenate(found, axis=1)]
    distance = hierarchy.distance(pairs.label[one], pairs.label[other])
    return Meetings(one, other, pairs.image[one], distance)


def n_parts(tasks: Tasks) -> np.ndarray:
    return np.bincount(tasks.image, minlength=len(tasks.pairs.image_ids))


def rand_indices(a: np.ndarray, b: np.ndarray, image: np.ndarray, n: int) -> np.ndarray:
    """Adjusted Rand index of each image from which of its pairs are together."""
    total, in_a, in_b, in_both = (
        np.bincount(image, weights, n) for weights in (None, a * 1.0, b * 1.0, (a & b) * 1.0)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = in_a * in_b / total
        return (in_both - chance) / ((in_a + in_b) / 2 - chance)


def coherence(tasks: Tasks, met: Meetings, chosen: np.ndarray) -> str:
    """Cells of a row: mean size, distances within and between, near classes kept together."""
    here = chosen[met.image]
    together = tasks.task[met.one] == tasks.task[met.other]
    within = here & together
    n = len(tasks.questions)
    summed = sum(np.bincount(end[within], met.distance[within], n) for end in (met.one, met.other))
    asked = chosen[tasks.pairs.image]
    mates = np.maximum(tasks.sizes[tasks.task] - 1, 1)
    kept = [together[here & (met.distance <= d)].mean() for d in (2, 4)]
    return " | ".join([
        f"{tasks.sizes[chosen[tasks.image]].mean():.2f}",
        f"{met.distance[within].mean():.2f}",
        f"{(summed / mates)[asked].mean():.2f}",
        f"{met.distance[here & ~together].mean():.2f}",
        *(f"{share:.1%}" for share in kept),
    ])  # fmt: skip


def describe(name: str, tasks: Tasks) -> None:
    parts = n_parts(tasks)
    size = np.bincount(tasks.pairs.image)
    shares = " | ".join(f"{(parts[size == n] > 1).mean():.0%}" for n in (6, 7, 8, 9, 12, 20))
    over = size > PER_TASK
    print(
        f"| {name} | {tasks.n_tasks:,} | {tasks.sizes.mean():.2f} | {tasks.sizes.max()} | "
        f"{int((tasks.sizes > PER_TASK).sum()):,} | {int((parts > 1).sum()):,} | {shares} | "
        f"{int(parts[~over].sum()):,} | {int(parts[over].sum()):,} |"
    )


def agree(name: str, tasks: Tasks, theirs: Tasks, met: Meetings, chosen: np.ndarray) -> None:
    a, b = (one.task[met.one] == one.task[met.other] for one in (tasks, theirs))
    index = rand_indices(a, b, met.image, len(chosen))[chosen]
    here = chosen[met.image]
    print(
        f"| {name} | {index.mean():.3f} | {(index == 1).mean():.1%} | {(a == b)[here].mean():.1%} "
        f"| {a[here & b].mean():.1%} | {b[here & a].mean():.1%} |"
    )


def same_sizes(ours: Tasks, theirs: Tasks) -> np.ndarray:
    """Images that both split, into parts of the same sizes."""
    rows = []
    for tasks in (ours, theirs):
        order = np.lexsort((tasks.sizes, tasks.image))
        rows.append(np.split(tasks.sizes[order], np.cumsum(n_parts(tasks))[:-1]))
    alike = [np.array_equal(a, b) and len(a) > 1 for a, b in zip(*rows, strict=True)]
    return np.array(alike)


def why_whole(theirs: Tasks, met: Meetings) -> None:
    """Which images the published study left whole: those whose classes are near."""
    parts, size = n_parts(theirs), np.bincount(theirs.pairs.image)
    mean = np.bincount(met.image, met.distance) / np.maximum(np.bincount(met.image), 1)
    for low, high in ((7, 7), (8, 8), (9, 12), (13, 99)):
        here = (size >= low) & (size <= high)
        print(
            f"| {low}-{high} | {int(here.sum()):,} | {(parts[here] > 1).mean():.0%} | "
            f"{mean[here & (parts == 1)].mean():.2f} | {mean[here & (parts > 1)].mean():.2f} |"
        )


def what_a_screen_costs(
    questions: Questions, hierarchy: Hierarchy, met: Meetings, chosen: np.ndarray
) -> None:
    for cost in (0.0, 0.25, 0.5, 1.0, 2.0, FEWEST_SCREENS):
        tasks = split_into_tasks(questions, hierarchy=hierarchy, screen_cost=cost)
        print(f"| {cost} | {tasks.n_tasks:,} | {coherence(tasks, met, chosen)} |")


def many_questions(questions: Questions) -> Questions:
    """The published questions as often, about images of other names, as makes a million."""
    times = -(-MILLION // len(questions))
    pairs = questions.pairs
    ids = [np.strings.add(f"{copy}/", pairs.image_ids) for copy in range(times)]
    image = np.concatenate([pairs.image + copy * len(pairs.image_ids) for copy in range(times)])
    many = Pairs(np.concatenate(ids), image, np.tile(pairs.label, times))
    return Questions.from_pairs(many)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    rng = np.random.default_rng(parser.parse_args().seed)
    benchmark, votes = published().benchmark("imagenet"), published().votes("imagenet-votes")
    hierarchy = Hierarchy.from_edges(benchmark.hierarchy, benchmark.classes)
    questions = votes.questions
    met = meetings(questions.pairs, hierarchy)
    theirs = published_tasks(votes)
    ours = {
        "hierarchy": split_into_tasks(questions, hierarchy=hierarchy),
        "hierarchy, fewest screens": split_into_tasks(
            questions, hierarchy=hierarchy, screen_cost=FEWEST_SCREENS
        ),
        "confusion": split_into_tasks(questions),
    }
    shuffled = {
        "random, published sizes": random_tasks(theirs, rng),
        "random, sizes of hierarchy": random_tasks(ours["hierarchy"], rng),
    }
    print(
        "tasks | mean size | largest | over 8 | images split | split of 6 7 8 9 12 20 | on <=8, >8"
    )
    for name, tasks in {"published": theirs, **ours}.items():
        describe(name, tasks)

    more = np.bincount(questions.pairs.image) > PER_TASK
    both = more & (n_parts(theirs) > 1)
    alike = same_sizes(ours["hierarchy"], theirs)
    for text, chosen in (
        ("more than 8 questions", more),
        ("more than 8 questions, split in both", both),
        ("split by both into parts of the same sizes", alike),
    ):
        print(f"\n{int(chosen.sum()):,} images: {text}")
        print("mean size | within, pairs | within, questions | between | siblings | 4 steps")
        for name, tasks in {"published": theirs, **ours, **shuffled}.items():
            print(f"| {name} | {coherence(tasks, met, chosen)} |")
    for text, chosen in (("split in both", both), ("parts of the same sizes", alike)):
        print(f"\nagreement with the published groups, {text}")
        print("adjusted Rand | same | pairs alike | theirs together in ours | ours in theirs")
        for name, tasks in {**ours, **shuffled}.items():
            agree(name, tasks, theirs, met, chosen)
    print("\npublished: questions | images | split | mean distance where whole | where split")
    why_whole(theirs, met)

    print("\nscreen_cost | tasks | then as above, on images with more than 8 questions")
    what_a_screen_costs(questions, hierarchy, met, more)

    many = many_questions(questions)
    print(f"\n{describe_machine()}")
    for name, tree in (("hierarchy", hierarchy), ("confusion", None)):
        taken = seconds(lambda tree=tree: split_into_tasks(many, hierarchy=tree))
        print(f"{len(many):,} questions by {name}: {taken:.1f} s")


if __name__ == "__main__":
    main()
