"""Write a study of freely licensed photographs, for the pictures of the documentation.

    python scripts/photographs.py FOLDER

The twelve photographs ship with scikit-image and scikit-learn, under the licences that those
packages name (`PHOTOGRAPHS` repeats them). Each is there six times: whole, and cut or mirrored so
that all it shows stays in sight. What is asked about is in the pictures, or might be taken for
something in them. **Models, raters and experts are simulated: no person was asked.**

Needs ``pip install scikit-image scikit-learn``.
"""

import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from reassess import simulate
from reassess.files import write_votes
from reassess.records import Classes, Pairs, Questions

N_VARIANTS = 6
N_RATERS, VOTES_PER_QUESTION, N_GOLD_IMAGES = 12, 5, 18
SKILLS = {
    "small-net": 0.9, "wide-net": 1.2, "wide-net-2": 1.5, "deep-net": 1.8, "deep-net-2": 2.1,
    "large-net": 2.4, "large-net-2": 2.8, "giant-net": 3.2,
}  # fmt: skip
"""The simulated models, with how much the logit of a right class stands out of noise."""


@dataclass(frozen=True)
class Photograph:
    """One photograph.

    Attributes:
        file: below the package's folder.
        credit: who made it, and its licence, as the package states them.
        label: the original label of the study; not always right.
        shown: what is in it.
        doubtful: what people may differ about.
        absent: what it may be taken for.
    """

    file: str
    credit: str
    label: str
    shown: tuple[str, ...]
    doubtful: tuple[str, ...]
    absent: tuple[str, ...]


_SKIMAGE, _SKLEARN = "skimage/data/", "sklearn/datasets/images/"
PHOTOGRAPHS = {
    "astronaut": Photograph(
        _SKIMAGE + "astronaut.png", "NASA; public domain", "astronaut",
        ("astronaut", "flag", "helmet", "space shuttle"), ("rocket",), ("diver",),
    ),
    "coffee": Photograph(
        _SKIMAGE + "coffee.png", "Rachel Michetti; CC0", "coffee cup",
        ("coffee cup", "espresso", "spoon", "saucer"), ("table",), ("teapot",),
    ),
    "rocket": Photograph(
        _SKIMAGE + "rocket.jpg", "SpaceX; public domain", "space shuttle",
        ("rocket", "tower"), (), ("space shuttle", "lighthouse"),
    ),
    "pagoda": Photograph(
        _SKLEARN + "china.jpg", "danielbuechele; CC BY 2.0; cut", "pagoda",
        ("pagoda", "tree", "lake"), ("tower",), ("castle",),
    ),
    "cat": Photograph(
        _SKIMAGE + "chelsea.png", "Stefan van der Walt; CC0", "cat",
        ("cat",), (), ("lynx", "dog"),
    ),
    "photographer": Photograph(
        _SKIMAGE + "camera.png", "Lav Varshney; CC0", "camera",
        ("camera", "tripod", "grass"), ("tower",), ("telescope",),
    ),
    "dahlia": Photograph(
        _SKLEARN + "flower.jpg", "vultilion; CC BY 2.0; cut", "daisy",
        ("dahlia",), (), ("daisy", "rose"),
    ),
    "coins": Photograph(
        _SKIMAGE + "coins.png", "Brooklyn Museum; no known copyright", "coin",
        ("coin",), (), ("button",),
    ),
    "galaxies": Photograph(
        _SKIMAGE + "hubble_deep_field.jpg", "NASA; public domain", "star",
        ("galaxy",), ("star",), ("snow",),
    ),
    "grass": Photograph(
        _SKIMAGE + "grass.png", "linolafett; CC0", "grass",
        ("grass",), ("leaf",), ("moss",),
    ),
    "gravel": Photograph(
        _SKIMAGE + "gravel.png", "CC0 Textures; CC0", "gravel",
        ("gravel",), (), ("sand",),
    ),
    "bricks": Photograph(
        _SKIMAGE + "brick.png", "CC0 Textures; CC0", "brick wall",
        ("brick wall",), (), ("roof",),
    ),
}  # fmt: skip
CLASSES = tuple(
    sorted(
        {name for one in PHOTOGRAPHS.values() for name in (*one.shown, *one.doubtful, *one.absent)}
    )
)


def write_images(folder: Path) -> list[tuple[str, Photograph]]:
    """The id of each image, with its photograph; makes the files, whole ones first."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for variant in range(N_VARIANTS):
        for name, one in PHOTOGRAPHS.items():
            package, _, path = one.file.partition("/")
            photograph = Image.open(str(files(package) / path)).convert("RGB")
            photograph.thumbnail((640, 640))
            width, height = photograph.size
            cut = 0.012 * variant
            box = (cut * width, cut * height / 2, width * (1 - cut / 2), height * (1 - cut))
            piece = photograph.crop(tuple(round(edge) for edge in box))
            image_id = f"{name}-{variant + 1}.jpg"
            (ImageOps.mirror(piece) if variant % 2 else piece).save(folder / image_id, quality=85)
            made.append((image_id, one))
    return made


def likely_answers(images: list[tuple[str, Photograph]]) -> np.ndarray:
    """How likely a yes is, [N, K]: 1 where it is shown, 0.5 where doubtful; NaN: not asked."""
    likely = np.full((len(images), len(CLASSES)), np.nan)
    for n, (_, one) in enumerate(images):
        for names, value in ((one.shown, 1.0), (one.doubtful, 0.5), (one.absent, 0.0)):
            likely[n, [CLASSES.index(name) for name in names]] = value
    return likely


def questions(images: list[tuple[str, Photograph]]) -> Questions:
    """What is asked about each image."""
    image, label = np.nonzero(~np.isnan(likely_answers(images)))
    return Questions.from_pairs(Pairs(np.array([one for one, _ in images]), image, label))


def classes() -> Classes:
    """The classes, named as they are."""
    none = ("",) * len(CLASSES)
    return Classes(CLASSES, CLASSES, none, none)


def write_study(folder: Path) -> None:
    """Images, classes, original labels, predictions, votes and gold, as anybody would have them."""
    rng = np.random.default_rng(0)
    images = write_images(folder / "images")
    ids = [image_id for image_id, _ in images]
    rows = [f"{image_id},{one.label}" for image_id, one in images]
    (folder / "labels.csv").write_text("image,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    rows = [f"{k},{name},{name}" for k, name in enumerate(CLASSES)]
    (folder / "classes.csv").write_text(
        "index,id,name\n" + "\n".join(rows) + "\n", encoding="utf-8"
    )

    likely = likely_answers(images)
    known = np.nan_to_num(np.where(likely == 0, 0.6, likely))
    for n, (_, one) in enumerate(images):
        known[n, CLASSES.index(one.label)] += 0.3
    (folder / "predictions").mkdir(exist_ok=True)
    for name, skill in SKILLS.items():
        logits = 2 * skill * known + rng.normal(size=known.shape)
        np.savez_compressed(folder / "predictions" / f"{name}.npz", logits=logits, ids=ids)

    image, label = np.indices(likely.shape).reshape(2, -1)  # whatever the models may propose
    asked = Questions.from_pairs(Pairs(np.array(ids), image, label))
    pairs = asked.require_pairs()
    yes = rng.random(len(pairs.image)) < np.nan_to_num(likely)[pairs.image, pairs.label]
    raters = simulate.simulated_raters(N_RATERS, rng)
    votes = simulate.simulate_votes(
        asked, yes, raters, votes_per_question=VOTES_PER_QUESTION, rng=rng
    )
    write_votes(votes, folder / "votes.csv", classes=classes())
    gold = simulate.simulate_gold(asked, yes, n_images=N_GOLD_IMAGES, rng=rng)
    write_votes(gold.votes, folder / "gold.csv", classes=classes())


if __name__ == "__main__":
    (where,) = sys.argv[1:]
    write_study(Path(where))
    print(f"Wrote {where}. Begin a study: reassess new photographs --labels {where}/labels.csv "
          f"--classes {where}/classes.csv --images {where}/images")  # fmt: skip
