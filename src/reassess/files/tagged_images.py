"""Images with classes by name, as annotation tools export them, as label sets.

The words are names or ids of classes where these are known; else they make the classes, in the
order that the file states. An image that nobody annotated and one with no class look the same in
such files: both are read as an image without a label, and a note says how many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError, preview
from reassess.files.access import prefix_errors_with
from reassess.files.class_words import class_indices
from reassess.files.word_columns import INTEGER
from reassess.notes import note
from reassess.records import Classes, LabelSets
from reassess.records.benchmark import plain_text


@dataclass(frozen=True, slots=True)
class TaggedImages:
    """What an export says of its images.

    Attributes:
        path: the file.
        image_ids: one id an image, in the file's order.
        image: place in ``image_ids`` of each tag.
        word: place in ``words`` of each tag; an image may hold one several times.
        words: names of the classes, in the order that the file states.
        what: what a tag is called there, in the plural.
        states_empty: whether an image without a tag is known to have no label.
    """

    path: Path
    image_ids: Sequence[str]
    image: Int[np.ndarray, "n"]
    word: Int[np.ndarray, "n"]
    words: Sequence[str]
    what: str
    states_empty: bool = False

    def label_sets(self, name: str, classes: Classes | None) -> LabelSets:
        """The classes of each image, each once.

        Args:
            name: what to call the labels.
            classes: what the words are looked up in; None makes classes of them.

        Raises:
            DataError: a word is no class, two are one, an image appears twice, or nothing is
                tagged.
        """
        words = [plain_text(word) for word in self.words]
        if len(set(words)) < len(words):
            twice = next(word for word in words if words.count(word) > 1)
            raise DataError(
                f"{self.path}: the class {twice!r} appears more than once among those of the file, "
                "but must be there once. Rename one of the two, and export again."
            )
        own, index = self._numbered(words, classes)
        n_images = len(self.image_ids)
        pair = np.unique(self.image * (len(words) + 1) + self.word)
        image, word = np.divmod(pair, len(words) + 1)
        indptr = np.searchsorted(image, np.arange(n_images + 1))
        n_bare = n_images - len(np.unique(image))
        if n_bare and not self.states_empty:
            note(
                f"{self.path}: {n_bare:,} of {n_images:,} images have no {self.what}; read as "
                "images without a label. Remove them from the file if nobody looked at them."
            )
        with prefix_errors_with(self.path):
            return LabelSets(
                name,
                np.array(self.image_ids, dtype=str),
                indptr,
                index[word],
                n_classes=None if own is None else len(own),
                classes=own,
            ).refuse_empty()

    def _numbered(
        self, words: list[str], classes: Classes | None
    ) -> tuple[Classes | None, Int[np.ndarray, "w"]]:
        """The classes, and the index of each word among them; -1 for words that no image has.

        Raises:
            DataError: a word is no class.
        """
        used = np.unique(self.word)
        index = np.full(len(words), -1)
        if classes is None and not all(INTEGER.fullmatch(word) for word in words):
            note(
                f"{self.path}: no classes are known, so its {len(words):,} are the classes, in its "
                f"order: {preview(words, 4)}. Give the classes to have others (--classes FILE)."
            )
            return Classes.from_names(words), np.arange(len(words))
        where = f"{self.path}: {self.what}"
        index[used] = class_indices([words[n] for n in used], classes, where, rows=used)
        return classes, index
