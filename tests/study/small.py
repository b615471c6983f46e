"""A small study made for tests: 400 images of six classes, three models, gold, pictures."""

import base64
from pathlib import Path

import numpy as np

from reassess.files.artefacts import read_tasks
from reassess.study import (
    Study,
    add_models,
    change_settings,
    new_study,
    open_study,
    propose_study,
    run_study,
)

K, N = 6, 400
NAMES = [f"c{k}" for k in range(K)]
PRACTICE = "c0/practice.jpg"
PICTURE = base64.b64decode(
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGM4EWUDAANMAV9yPykYAAAAAElFTkSuQmCC"
)
"""A PNG of one pixel."""


def ids_of() -> tuple[list[str], list[int]]:
    """Images and their original labels; the last one has no model's doubt and thus no task."""
    original = np.random.default_rng(0).integers(0, K, N).tolist()
    return [f"{NAMES[k]}/{n:03d}.jpg" for n, k in enumerate(original)], original


def is_true(image_id: str, label: int) -> bool:
    """Every image holds its folder's class, and every third the class after next as well."""
    folder, number = image_id[:2], image_id[-7:-4]
    first = NAMES.index(folder)
    return label == first or (
        number.isdigit() and int(number) % 3 == 0 and label == (first + 2) % K
    )


def make_study(folder: Path, *, top: int = 900, audit: int = 0) -> Study:
    """The study with tasks, from files beside it."""
    ids, original = ids_of()
    rng = np.random.default_rng(1)
    rows = zip([*ids, PRACTICE], [*original, 0], strict=True)
    labels = folder / "labels.csv"
    labels.write_text("image,label\n" + "".join(f"{i},{NAMES[k]}\n" for i, k in rows))
    classes = folder / "classes.csv"
    classes.write_text(
        "index,id,name\n" + "".join(f"{k},{name},Class {k}\n" for k, name in enumerate(NAMES))
    )
    for one in [*ids, PRACTICE]:
        path = folder / "photos" / one
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURE + one.encode())  # each another file, and all can be shown
    for number in range(4):
        scores = rng.normal(0, 1, (N + 1, K))
        for n, image_id in enumerate(ids):
            scores[n] += [3.4 * is_true(image_id, k) for k in range(K)]
        scores[N] = [9, 0, 0, 0, 0, 0]
        path = folder / f"m{number}.npz"
        np.savez(path, logits=scores.astype(np.float32), ids=[*ids, PRACTICE])
    study = new_study(folder / "s", labels=labels, classes=classes, images=folder / "photos")
    study = add_models(study, [folder / f"m{n}.npz" for n in range(3)], scale="logit")
    study = change_settings(study, "propose", {"pairs_per_model": top, "audit": audit})
    propose_study(study)
    return open_study(study.folder)


def write_gold(study: Study, images: list[str]) -> None:
    """Three experts who know the truth about every class of some images."""
    path = study.folder / "gold.csv"
    path.write_text(
        "image,label,expert,answer\n"
        + "".join(
            f"{i},{k},{expert},{'yes' if is_true(i, k) else 'no'}\n"
            for i in images
            for k in range(K)
            for expert in ("x", "y", "z")
        )
    )


def rated_study(folder: Path, *, audit: int = 0) -> Study:
    """The study with gold, five raters' votes (with times) and the labels that follow.

    The raters are right nine times in ten; the last one guesses in the later half.
    """
    study = make_study(folder, audit=audit)
    tasks = read_tasks(study.folder / "tasks.parquet")
    rng = np.random.default_rng(2)
    lines = ["image,label,rater,answer,given_at"]
    pairs = tasks.pairs
    for n, (image, label) in enumerate(zip(pairs.image, pairs.label, strict=True)):
        image_id = str(pairs.image_ids[image])
        given_at = np.datetime64("2026-01-01T09:00:00", "s") + 10 * n
        for rater in range(5):
            guesses = rater == 4 and 2 * n > len(pairs)
            right = rng.random() < (0.5 if guesses else 0.9)
            answer = "yes" if is_true(image_id, int(label)) == right else "no"
            lines.append(f"{image_id},{label},r{rater},{answer},{given_at}")
    (study.folder / "votes.csv").write_text("\n".join(lines) + "\n")
    write_gold(study, [str(i) for i in pairs.image_ids[:40]])
    study = change_settings(study, "aggregate", {"gold": "gold.csv"})
    run_study(study)
    return open_study(study.folder)
