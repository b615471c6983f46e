"""What models are scored by, and several reassessments of one benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from reassess.catalog import Catalog, entry
from reassess.errors import DataError, OptionError, preview
from reassess.files.access import prefix_errors_with
from reassess.files.expert_mistakes import (
    ExpertMistakes,
    is_expert_mistakes,
    read_expert_mistakes,
)
from reassess.files.labels import classes_in_labels
from reassess.files.other_labels import read_label_table
from reassess.files.prediction_archives import classes_in_archive
from reassess.files.tables import TABLES
from reassess.notes import note
from reassess.records import (
    Benchmark,
    Classes,
    ClassMap,
    LabelSets,
    Predictions,
    align,
    check_order_by_labels,
    check_order_of_labels,
    note_perfect_predictions,
)
from reassess.sources.meaning import (
    Meaning,
    Source,
    resolve,
    split_source,
    study_at,
)
from reassess.sources.readers import (
    AS_STORED,
    DEPTH,
    RowMapping,
    benchmark,
    check_same_classes,
    class_map,
    class_table,
    predictions,
    read_label_sets,
)

_TABLES_OF_LABELS = TABLES - {".parquet", ".pq"}
"""Files of label sets that are tables for certain; parquet may hold what `label` wrote."""


@dataclass(frozen=True)
class EvaluationTarget:
    """What models are scored by: labels on a benchmark, and the images that count.

    Attributes:
        labels: label sets of exactly the images to score.
        benchmark: all images of the benchmark, with original labels where they are known.
        rows: how rows of predictions find their images.
        class_map: what the models' classes are among the benchmark's; None where they are these.
    """

    labels: LabelSets
    benchmark: Benchmark
    rows: RowMapping = AS_STORED
    class_map: ClassMap | None = None

    @property
    def image_ids(self) -> Shaped[np.ndarray, "m"]:
        """The images to score, as the benchmark writes them."""
        return self.labels.image_ids

    def predictions(self, source: str | PathLike[str], *, top_k: int = DEPTH) -> list[Predictions]:
        """What models predict for the images to score; as `predictions` reads it.

        Raises:
            AlignmentError: an image to score was not predicted, or rows stand in another order.
            DataError: classes stand in another order.
        """
        if self.class_map is None:
            read = predictions(source, self.benchmark, rows=self.rows, top_k=top_k)
        else:
            about = replace(self.benchmark, original=None, classes=self.class_map.own)
            every = predictions(source, about, rows=self.rows, top_k=len(self.class_map.own))
            read = [self.class_map.apply(one, top=top_k) for one in every]
        with prefix_errors_with(Path(split_source(fspath(source))[1])):
            if self.benchmark.original is None:
                for one in read:
                    check_order_by_labels(one, self.labels, self.benchmark)
            read = [one.reindex(self.image_ids) for one in read]
            for one in read:
                note_perfect_predictions(one, self.labels)
            return read

    def model(self, source: str | PathLike[str], *, top_k: int = DEPTH) -> Predictions:
        """What the one model of a source predicts for the images to score.

        Raises:
            OptionError: the source holds several models, and none of them is named.
        """
        found = self.predictions(source, top_k=top_k)
        if len(found) != 1:
            raise OptionError(
                f"{fspath(source)!r} holds {len(found)} models, but one must be meant. Name it, as "
                f"in {source}#{found[0].model}."
            )
        return found[0]


def evaluation_target(
    labels: str | PathLike[str],
    original_labels: str | PathLike[str] | None = None,
    *,
    classes: Classes | str | PathLike[str] | None = None,
    model_classes: str | PathLike[str] | None = None,
    rows: RowMapping = AS_STORED,
    models: Sequence[str | PathLike[str]] = (),
) -> EvaluationTarget:
    """What models are scored by.

    Args:
        labels: reassessed labels, ``NAME|FILE|STUDY``. Published ones and those of a study bring
            their benchmark.
        original_labels: the original labels, ``NAME|FILE|STUDY``. Where there are none, the images
            are those that the labels name, and only ReaL accuracy can be computed.
        classes: the classes; by default those that the labels state or bring along.
        model_classes: the models' classes, ``NAME|FILE|STUDY``, where they are others; a column
            ``to`` of a table says which class of the labels each is.
        rows: how rows of predictions find their images, and which images to score.
        models: the predictions; the first archive that states its classes says what names in the
            labels mean, where nothing else does.

    Raises:
        OptionError: there is no such source.
        FileError: a file is missing or of no known form.
        DataError: a label is no class.
        AlignmentError: labels and images do not fit together.
    """
    found = resolve(labels, "labels")
    given = class_table(classes)
    if given is None:
        given = _classes_stated([found], original_labels)
    about: Benchmark | None
    if original_labels is not None:
        about = benchmark(original_labels, classes=given)
    else:
        about = _own_benchmark(found)
    try:
        sets, own = read_label_sets(found, about, given if about is None else about.classes)
    except DataError:
        if about is not None or given is not None:
            raise
        given = _classes_of_models(models)
        if given is None:
            raise
        sets, own = read_label_sets(found, about, given)
    if about is None:
        about = Benchmark(sets.name, sets.image_ids, None, own if given is None else given)
    check_same_classes(own, about, found.place)
    with prefix_errors_with(Path(found.place)):
        sets = sets.align_to(about)
        if found.meaning == "file":
            check_order_of_labels(sets, about)
    if rows.subset is not None:
        chosen = align(
            rows.subset, sets.image_ids, source="--subset", target_name=f"labels {sets.name}"
        )
        sets = sets.take(np.sort(chosen))
    elif len(sets) < len(about.image_ids):
        note(
            f"{sets.name} has {len(sets):,} of the {len(about.image_ids):,} images of "
            f"{about.name}: these are scored."
        )
    mapped = None if model_classes is None else class_map(model_classes, about)
    return EvaluationTarget(sets, about, rows, mapped)


def _classes_stated(
    found: Sequence[Source], original_labels: str | PathLike[str] | None
) -> Classes | None:
    """The classes that a file of labels states; None where a study or a name brings its own.

    The sorted names of the original labels would be another order than that in which the labels,
    and with them the models, number the classes.
    """
    others = [] if original_labels is None else [resolve(original_labels, "benchmark")]
    if any(one.meaning != "file" for one in (*found, *others)):
        return None
    for one in found:
        path = Path(one.place)
        if path.suffix.lower() not in {".json", ".parquet", ".pq"} or is_expert_mistakes(path):
            continue
        stated = classes_in_labels(path)
        if stated is not None:
            if list(stated.ids) != sorted(stated.ids):
                note(
                    f"{one.place}: no classes were given: they are those that it states, in its "
                    f"order ({preview(stated.ids)}). Give others with --classes FILE."
                )
            return stated
    return None


def _classes_of_models(models: Sequence[str | PathLike[str]]) -> Classes | None:
    """The classes that the first archive of predictions states; None where none does."""
    for one in models:
        source = resolve(one, "predictions")
        if source.meaning == "file" and Path(source.place).suffix.lower() == ".npz":
            stated = classes_in_archive(Path(source.place))
            if stated is not None:
                note(
                    f"{source.place}: no classes were given: they are those that it states, in its "
                    f"order ({preview(stated.ids)}). Give others with --classes FILE."
                )
                return stated
    return None


def _own_benchmark(found: Source) -> Benchmark | None:
    """The benchmark that labels bring along; None for labels in a file."""
    if found.meaning == "name":
        return Catalog.default().benchmark(entry(found.place).about_images_of)
    if found.meaning == "study":
        from reassess.study import read_study_benchmark

        return read_study_benchmark(study_at(found))
    return None


@dataclass(frozen=True)
class Reassessments:
    """Several reassessments of one benchmark, as they were read.

    Attributes:
        sets: label sets, each with the classes that it numbers (None where only indices are known).
        verdicts: experts' verdicts on single predictions, which are no label sets.
        benchmark: what they are about; None where no source says it.
    """

    sets: tuple[tuple[LabelSets, Classes | None], ...]
    verdicts: tuple[ExpertMistakes, ...]
    benchmark: Benchmark | None


def reassessments(
    sources: Sequence[str],
    original_labels: str | PathLike[str] | None = None,
    *,
    classes: Classes | str | PathLike[str] | None = None,
) -> Reassessments:
    """Several reassessments of one benchmark.

    Args:
        sources: ``NAME|FILE|STUDY`` each; besides what `labels` takes also tables
            ``image,label(s)`` and experts' verdicts on predictions.
        original_labels: the original labels; by default those of the first study or published name.
        classes: the classes; by default those that a file of labels states, else those of the
            original labels.

    Raises:
        OptionError: there is no such source.
        FileError: a file is missing or of no known form.
        DataError: a label is no class.
    """
    found = [resolve(source, "labels") for source in sources]
    about = None
    given = class_table(classes) or _classes_stated(found, original_labels)
    if original_labels is not None:
        about = benchmark(original_labels, classes=given)
    for one in found:
        about = about or _own_benchmark(one)
    known = class_table(given, about)
    sets: list[tuple[LabelSets, Classes | None]] = []
    verdicts: list[ExpertMistakes] = []
    for one in found:
        if one.meaning == "name" and one.place == "imagenet-mistakes":
            verdicts += Catalog.default().expert_mistakes(one.place)
        elif one.meaning == "file" and is_expert_mistakes(one.place):
            n_classes = None if known is None else len(known)
            verdicts.append(read_expert_mistakes(one.place, model=one.name, n_classes=n_classes))
        elif one.meaning == "file" and Path(one.place).suffix.lower() in TABLES - {
            ".parquet",
            ".pq",
        }:
            name = one.name or Path(one.place).stem
            sets.append((read_label_table(one.place, classes=known, name=name), known))
        else:
            name = one.name or (
                one.place if one.meaning == "name" else _stem(one.place, one.meaning)
            )
            read, own = read_label_sets(one, about, known)
            sets.append((replace(read, name=name), own))
    return Reassessments(tuple(sets), tuple(verdicts), about)


def _stem(place: str, meaning: Meaning) -> str:
    """What labels of a file or a study are called among others, which need different names."""
    return Path(place).resolve().name if meaning == "study" else Path(place).stem
