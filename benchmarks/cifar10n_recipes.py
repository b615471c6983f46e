"""Do the paper's recipes help where the label noise is human? CIFAR-10N, judged by CIFAR-10H.

Models learn CIFAR-10's training images with CIFAR-10N's labels, `worse_label` (40 % wrong) and
`aggre_label` (9 % wrong), and are judged on the test images by the original labels and by labels
reassessed from CIFAR-10H's human counts. Prepares the files, runs `reassess recipes` on them
for each kind of labels, on CPUs both at the same time with one thread each, and joins the tables
into a page. What is
finished is kept: typed again, it goes on where it was.

    python benchmarks/cifar10n_recipes.py FOLDER [--images 6000] [--page PAGE.md]
        [--model resnet-18 --device cuda --precision bfloat16 --batch-size 256]

How counts become labels: each class that somebody chose for an image, and its original label,
is a question. Each person who saw the image answers yes for the class that they chose and no for
the others asked about. Who they were is not in the counts: an image's answers are dealt to
as many anonymous raters in random order, so that every rater has the mean confusion of the
crowd. Dawid and Skene's model makes posteriors of them, and a label is kept from 0.8 on, as
everywhere. An image is clear where 95 % of its people chose one class.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from measure import describe_machine, published

from reassess.aggregation import dawid_skene
from reassess.files import write_labels
from reassess.files.tables import read_table, write_table
from reassess.labels import operating_point, reassessed_labels
from reassess.records import Benchmark, Classes, Pairs, Questions, Votes

NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
NOISE = ("worse_label", "aggre_label")
CLEAR = 0.95
THRESHOLD = 0.8
ANSWERS = ("no", "maybe", "yes")


def votes_of_counts(counts: np.ndarray, original: np.ndarray, ids: np.ndarray) -> Votes:
    """Yes and no of anonymous raters, who have the crowd's mean confusion."""
    rng = np.random.default_rng(0)
    asked = counts > 0
    asked[np.arange(len(counts)), original] = True
    image, label = np.nonzero(asked)
    people = counts.sum(axis=1)
    chosen = [rng.permutation(np.repeat(np.arange(len(NAMES)), row)) for row in counts]
    question = np.repeat(np.arange(len(image)), people[image])
    rater = np.concatenate([np.arange(people[i]) for i in image])
    yes = np.concatenate([chosen[i] == k for i, k in zip(image, label, strict=True)])
    return Votes(
        questions=Questions.from_pairs(Pairs(ids, image, label)),
        rater_ids=np.array([f"person {n}" for n in range(int(people.max()))]),
        question=question,
        rater=rater,
        answer=np.where(yes, ANSWERS.index("yes"), ANSWERS.index("no")),
        answers=ANSWERS,
    )


def prepare(folder: Path, n_images: int, n_test: int) -> None:
    """Labels of both kinds for training images, three kinds of labels for test images."""
    catalog = published()
    classes = Classes.from_names(list(NAMES))
    write_table(
        folder / "classes.csv", {"index": range(10), "id": classes.ids, "name": classes.names}
    )
    noisy = np.load(catalog.path("cifar10/cifar10n.npz"))
    for kind in NOISE:
        wrong = (noisy[kind] != noisy["clean_label"])[:n_images].mean()
        print(f"{kind}: {wrong:.1%} of {n_images:,} labels are not the original one")
        names = np.array(NAMES)[noisy[kind][:n_images]]
        write_table(folder / f"{kind}.csv", {"image": range(n_images), "label": names})

    original = np.array(read_table(catalog.path("cifar10/test.parquet")).cells("label"))
    original = original[:n_test].astype(np.int64)
    ids = np.array([str(i) for i in range(n_test)])
    write_table(folder / "test.csv", {"image": ids, "label": np.array(NAMES)[original]})
    counts = np.load(catalog.path("cifar10/cifar10h-counts.npy"))[:n_test]
    posterior = dawid_skene(votes_of_counts(counts, original, ids))
    point = operating_point(posterior, rule="threshold", threshold=THRESHOLD)
    labels = reassessed_labels(posterior, Benchmark("cifar10h", ids, original, classes), point)
    write_labels(labels, folder / "reassessed.json")
    sizes = np.bincount(labels.sizes, minlength=4)
    kept = labels.contains(np.arange(n_test), original)
    print(
        f"reassessed: {sizes[0]:,} images without a label, {sizes[1]:,} with one, "
        f"{sizes[2:].sum():,} with several; the original label is not among those of "
        f"{int((~kept).sum()):,}"
    )
    clear = counts.max(axis=1) >= CLEAR * counts.sum(axis=1)
    write_table(
        folder / "clear.csv",
        {"image": ids[clear], "label": np.array(NAMES)[counts.argmax(axis=1)[clear]]},
    )
    other = int((counts.argmax(axis=1) != original)[clear].sum())
    print(f"clear: {int(clear.sum()):,} images; on {other:,} people agree on another label")


def command(folder: Path, kind: str, more: list[str]) -> list[str]:
    """`reassess recipes` on one kind of labels."""
    catalog = published()
    return [
        sys.executable, "-m", "reassess.cli", "recipes", str(catalog.path("cifar10/train.parquet")),
        "--labels", str(folder / f"{kind}.csv"), "--classes", str(folder / "classes.csv"),
        "--test", str(catalog.path("cifar10/test.parquet")),
        "--test-labels", str(folder / "test.csv"),
        "--test-reassessed", str(folder / "reassessed.json"),
        "--clear", str(folder / "clear.csv"), "-o", str(folder / f"{kind}.md"), *more,
    ]  # fmt: skip


def join(folder: Path) -> str:
    """One page of both tables; the explanation once, at the end."""
    parts = ["# Recipes on human label noise: CIFAR-10N\n"]
    for kind in NOISE:
        text = (folder / f"{kind}.md").read_text(encoding="utf-8")
        body, _, explained = text.partition("## How to read it")
        body = body.partition("\n")[2].replace("## Judged", f"### {kind}, judged")
        parts.append(f"## Learned from {kind}\n{body.replace(str(published().folder), 'DATA')}")
    return "\n".join([*parts, f"## How to read it{explained}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=6_000, help="training images, of 50,000")
    parser.add_argument("--test-images", type=int, default=10_000, help="of 10,000")
    parser.add_argument("--short", type=int, default=5)
    parser.add_argument("--long", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--model", default="resnet-8")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--page", type=Path, help="write both tables to this file")
    given = parser.parse_args()
    print(describe_machine())
    given.folder.mkdir(parents=True, exist_ok=True)
    prepare(given.folder, given.images, given.test_images)
    names = ("short", "long", "seeds", "folds", "model", "device", "precision", "batch_size")
    more = [f"--{name.replace('_', '-')}={getattr(given, name)}" for name in names]
    start = time.perf_counter()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    # On a GPU `reassess recipes` itself trains as many models at a time as there is room for.
    n_at_once = len(NOISE) if given.device == "cpu" else 1
    statuses = []
    for first in range(0, len(NOISE), n_at_once):
        running = [
            subprocess.Popen(command(given.folder, kind, more), env=environment)  # noqa: S603
            for kind in NOISE[first : first + n_at_once]
        ]
        statuses += [one.wait() for one in running]
    if any(statuses):
        sys.exit("a command failed; typed again, this goes on where it was")
    print(f"{time.perf_counter() - start:,.0f} s")
    if given.page is not None:
        given.page.write_text(join(given.folder), encoding="utf-8")


if __name__ == "__main__":
    main()
