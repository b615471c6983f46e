"""Builds the package's copy of ImageNet's class names, definitions and is-a edges.

They come from WordNet 3.0 (Debian's package ``wordnet-base``), for the 1,000 ids that the
list of validation images names. Three files are written below ``src/reassess/data/imagenet``:

    classes.csv      index,id,name,synonyms,definition   in the order of the class index
    hierarchy.csv    child,parent                        every is-a edge upward from the classes
    LICENSE.WordNet  the licence of both
"""

import argparse
import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

TARGET = Path(__file__).resolve().parents[1] / "src" / "reassess" / "data" / "imagenet"
IMAGE_PATHS = Path("imagenet", "imagenet_val_set_index_to_filepath.json")
HYPERNYMS = {"@", "@i"}  # hypernym, and instance hypernym


class InputError(Exception):
    """Raised with one line for the user where an input cannot be used."""


class Synset(NamedTuple):
    """One noun synset: its words, the ids of its hypernyms, and its gloss."""

    words: list[str]
    parents: list[str]
    gloss: str


def main() -> int:
    """Writes the three files; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--wordnet",
        type=Path,
        default=Path("/usr/share/wordnet"),
        help="folder that holds WordNet 3.0's data.noun (default: %(default)s)",
    )
    parser.add_argument(
        "--image-paths",
        type=Path,
        help=f"JSON list of the images' paths (default: {IMAGE_PATHS} in $REASSESS_DATA)",
    )
    options = parser.parse_args()
    try:
        licence, synsets = read_wordnet(options.wordnet / "data.noun")
        ids = read_class_ids(options.image_paths or default_image_paths())
        edges = edges_above(ids, synsets)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    TARGET.mkdir(parents=True, exist_ok=True)
    write(TARGET / "LICENSE.WordNet", licence)
    write(TARGET / "classes.csv", as_csv(class_rows(ids, synsets)))
    write(TARGET / "hierarchy.csv", as_csv([("child", "parent"), *edges]))
    reached = set(ids).union(*edges)
    print(f"{len(ids)} classes, {len(reached)} synsets, {len(edges)} edges -> {TARGET}")
    return 0


def read_wordnet(path: Path) -> tuple[str, dict[str, Synset]]:
    """Reads data.noun: its head is the licence, each further line is a synset (see wndb(5))."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(
            f"cannot read {path} ({error.strerror}); install Debian's package wordnet-base, "
            "or name the folder with --wordnet"
        ) from None
    head = [line for line in lines if line.startswith("  ")]  # two blanks and a line number
    licence = "\n".join(re.sub(r"^ +\d+ ", "", line).rstrip() for line in head) + "\n"
    return licence, dict(parse_synset(line) for line in lines[len(head) :])


def parse_synset(line: str) -> tuple[str, Synset]:
    """Splits ``offset file type count (word lex_id)* count (pointer)* | gloss``."""
    data, _, gloss = line.partition(" | ")
    fields = data.split()
    words_end = 4 + 2 * int(fields[3], 16)
    words = [word.replace("_", " ") for word in fields[4:words_end:2]]
    pointers = fields[words_end + 1 : words_end + 1 + 4 * int(fields[words_end])]
    parents = [
        f"n{offset}"
        for symbol, offset in zip(pointers[::4], pointers[1::4], strict=True)
        if symbol in HYPERNYMS
    ]
    return f"n{fields[0]}", Synset(words, parents, gloss.strip())


def default_image_paths() -> Path:
    """Returns where the data cache keeps the list of the validation images' paths."""
    cache = os.environ.get("REASSESS_DATA")
    if not cache:
        raise InputError("set REASSESS_DATA to the data cache's folder, or give --image-paths")
    return Path(cache) / IMAGE_PATHS


def read_class_ids(path: Path) -> list[str]:
    """Reads paths such as ``val/n01440764/x.JPEG``; the sorted ids are the class order."""
    try:
        images = json.loads(path.read_text(encoding="utf-8"))
        ids = {Path(image).parent.name for image in images}
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}); see --image-paths") from None
    except (ValueError, TypeError):
        raise InputError(f"{path} is not a JSON list of image paths") from None
    if len(ids) != 1000:
        raise InputError(f"{path} names {len(ids)} classes, but must name 1000")
    return sorted(ids)


def class_rows(ids: list[str], synsets: dict[str, Synset]) -> Iterable[tuple[object, ...]]:
    """Yields the header and one row a class; the first word of a synset is its name."""
    yield "index", "id", "name", "synonyms", "definition"
    for index, id_ in enumerate(ids):
        name, *synonyms = synsets[id_].words
        yield index, id_, name, "; ".join(synonyms), synsets[id_].gloss


def edges_above(ids: list[str], synsets: dict[str, Synset]) -> list[tuple[str, str]]:
    """Returns every (child, parent) edge on the way from the classes to the root, sorted."""
    edges: set[tuple[str, str]] = set()
    seen: set[str] = set()
    waiting = list(ids)
    while waiting:
        child = waiting.pop()
        if child in seen:
            continue
        if child not in synsets:
            raise InputError(f"{child} is no noun synset of the WordNet read; it must be 3.0")
        seen.add(child)
        edges.update((child, parent) for parent in synsets[child].parents)
        waiting += synsets[child].parents
    return sorted(edges)


def as_csv(rows: Iterable[tuple[object, ...]]) -> str:
    """Returns the rows as CSV text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write(path: Path, text: str) -> None:
    """Writes beside the file, then replaces it: no reader ever sees half a file."""
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8", newline="\n")
    beside.replace(path)  # os.replace


if __name__ == "__main__":
    sys.exit(main())
