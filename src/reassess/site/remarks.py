"""What raters wrote beside their answers, as a table, with the classes that their words name.

A text is split at commas, semicolons and *and*; a part that is the unique name or synonym of a
class, whatever its case and with or without an article or a plural s, names that class. What
names none stands in the table with an empty label, which its owner can fill in. `propose` takes
the rows that have a label as pairs to ask about.
"""

import re
from collections import Counter

from reassess.rating import Remark, Store, remarks
from reassess.records import Classes

_ALL = 2**31 - 1
_BETWEEN = re.compile(r"[,;/\n|]+|\s+(?:and|und|et|y)\s+", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:an?|the|some|two|several)\s+")
_NO_WORD = re.compile(r"[^\w\s-]+")


def remark_columns(store: Store, classes: Classes | None) -> dict[str, list[str]]:
    """Every remark, oldest first, as columns: a row for each class that it names, one at least.

    Args:
        store: the study's store.
        classes: what the texts may name; None finds no class in them.

    Raises:
        StoreError: the database cannot be read.
    """
    known = {} if classes is None else class_by_word(classes)
    rows: list[tuple[Remark, str]] = []
    for one in reversed(remarks(store, _ALL)):
        found = classes_named(one.text, known)
        labels = [""] if classes is None or not found else [classes.ids[k] for k in found]
        rows += [(one, label) for label in labels]
    return {
        "image": [one.image_id for one, _ in rows],
        "label": [label for _, label in rows],
        "rater": [one.rater for one, _ in rows],
        "kind": [one.kind for one, _ in rows],
        "text": [one.text for one, _ in rows],
        "given_at": [one.at.strftime("%Y-%m-%dT%H:%M:%S") for one, _ in rows],
    }


def class_by_word(classes: Classes) -> dict[str, int]:
    """Class index by each word that names one class only, in plain form."""
    words = [
        (_plain(word), k)
        for k, (name, synonyms) in enumerate(zip(classes.names, classes.synonyms, strict=True))
        for word in {*name.split(","), *re.split("[;,]", synonyms), name}
    ]
    pairs = {(word, k) for word, k in words if word}
    n_classes = Counter(word for word, _ in pairs)
    return {word: k for word, k in pairs if n_classes[word] == 1}


def classes_named(text: str, known: dict[str, int]) -> tuple[int, ...]:
    """Indices of the classes that a text names, each once, in its order.

    Args:
        text: what somebody wrote.
        known: as `class_by_word` makes it.
    """
    parts = [_plain(part) for part in (text, *_BETWEEN.split(text))]
    found = [known.get(part, known.get(part.removesuffix("s"))) for part in parts]
    return tuple(dict.fromkeys(k for k in found if k is not None))


def _plain(word: str) -> str:
    """A word in lower case, without punctuation, article and blanks that say nothing."""
    return _ARTICLE.sub("", " ".join(_NO_WORD.sub(" ", word).casefold().split()))
