"""What differs between two releases, or between two studies: labels first, then what they rest on.

Images are matched by their ids, classes by theirs. Letters: N images that both know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reassess.files.dataset_documents import DatasetFacts
from reassess.notes import note
from reassess.records import Classes, LabelSets
from reassess.release.facts import release_facts
from reassess.study import Study, StudyRecords, collect


@dataclass(frozen=True, slots=True)
class ChangedImage:
    """An image whose labels changed.

    Attributes:
        image: its id.
        old: ids of its former classes, sorted; None where the old one does not know the image.
        new: ids of its present classes; None where the new one does not.
    """

    image: str
    old: tuple[str, ...] | None
    new: tuple[str, ...] | None

    @property
    def kind(self) -> str:
        """What happened to it."""
        if self.old is None or self.new is None:
            return "image added" if self.old is None else "image removed"
        if not self.old or not self.new:
            return "labelled" if not self.old else "unlabelled"
        if set(self.old) < set(self.new):
            return "labels added"
        return "labels removed" if set(self.new) < set(self.old) else "labels replaced"


@dataclass(frozen=True, slots=True)
class ReleaseChanges:
    """The differences.

    Attributes:
        n_same: images whose labels are the same.
        images: the others, in the order of the new one, then of the old one.
        numbers: counts that both or one state, by name: old and new.
        operating_point: what of it changed, by name: old and new.
        accuracies: ReaL accuracy of each model, old and new; None where one does not have it.
        classes_added: ids of classes that are new.
        classes_removed: ids of classes that are gone.
    """

    n_same: int
    images: tuple[ChangedImage, ...]
    numbers: dict[str, tuple[int | None, int | None]]
    operating_point: dict[str, tuple[Any, Any]]
    accuracies: dict[str, tuple[float | None, float | None]]
    classes_added: tuple[str, ...]
    classes_removed: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """How many images each kind of change befell."""
        found: dict[str, int] = {}
        for one in self.images:
            found[one.kind] = found.get(one.kind, 0) + 1
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def as_dict(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {
            "n_same": self.n_same,
            "changed": self.counts(),
            "images": [
                {
                    "image": one.image,
                    "kind": one.kind,
                    "old": None if one.old is None else list(one.old),
                    "new": None if one.new is None else list(one.new),
                }
                for one in self.images
            ],
            **{
                name: {key: list(both) for key, both in getattr(self, name).items()}
                for name in ("numbers", "operating_point", "accuracies")
            },
            "classes_added": list(self.classes_added),
            "classes_removed": list(self.classes_removed),
        }


def compare_releases(old: Study, new: Study) -> ReleaseChanges:
    """What differs between two releases or studies whose labels are decided.

    Raises:
        OptionError: one has no labels.
        FileError: a file is missing or malformed.
        DataError: a record does not say what it must.
    """
    one, other = collect(old), collect(new)
    by_id = None not in (one.benchmark.classes, other.benchmark.classes)
    before, after = _sets(one, by_id=by_id), _sets(other, by_id=by_id)
    _note_strangers(one, other, not before.keys().isdisjoint(after))
    images = list(dict.fromkeys([*after, *before]))
    changed = tuple(
        ChangedImage(image, before.get(image), after.get(image))
        for image in images
        if before.get(image) != after.get(image)
    )
    facts, facts_now = release_facts(one), release_facts(other)
    classes, classes_now = (_class_ids(records.benchmark.classes) for records in (one, other))
    return ReleaseChanges(
        n_same=len(images) - len(changed),
        images=changed,
        numbers=_both(facts.numbers, facts_now.numbers),
        operating_point=_both(facts.operating_point or {}, facts_now.operating_point or {}),
        accuracies=_both(_real(facts), _real(facts_now)),
        classes_added=tuple(one for one in classes_now if one not in set(classes)),
        classes_removed=tuple(one for one in classes if one not in set(classes_now)),
    )


def _note_strangers(one: StudyRecords, other: StudyRecords, share_images: bool) -> None:
    """Note what makes two studies hard to compare: no image in common, classes by number only."""
    places = f"{one.study.folder} and {other.study.folder}"
    if not share_images:
        note(
            f"{places} have no image in common, such as {str(one.labels.image_ids[0])!r} and "
            f"{str(other.labels.image_ids[0])!r}. These are two benchmarks, or ids written in two "
            "ways."
        )
    known = [records.benchmark.classes is not None for records in (one, other)]
    if any(known) and not all(known):
        note(
            f"{places}: only one of them names its classes, so that labels are compared by the "
            "numbers of the classes."
        )


def _sets(records: StudyRecords, *, by_id: bool) -> dict[str, tuple[str, ...]]:
    labels: LabelSets = records.labels
    ids = _class_ids(records.benchmark.classes) if by_id else ()
    return {
        image: tuple(sorted(ids[label] if ids else str(label) for label in held))
        for image, held in zip(labels.image_ids.tolist(), labels.lists(), strict=True)
    }


def _class_ids(classes: Classes | None) -> Sequence[str]:
    return () if classes is None else classes.ids


def _real(facts: DatasetFacts) -> dict[str, float | None]:
    return {one["model"]: one["real"]["value"] for one in facts.scores["models"]}


def _both(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Values by name that differ: the old one and the new one, None where there is none."""
    names = dict.fromkeys([*old, *new])
    return {
        name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    }
