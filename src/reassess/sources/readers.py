"""Records from sources: a benchmark, labels, predictions, results; others in `answers`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from reassess.catalog import Catalog, entry
from reassess.errors import DataError, OptionError, preview
from reassess.files import (
    RowOrder,
    read_benchmark,
    read_classes,
    read_ids,
    read_labels,
    read_predictions,
)
from reassess.files.accuracy_columns import read_accuracy_columns
from reassess.files.class_maps import read_class_map
from reassess.files.results import Results, is_timm, read_results, results_in
from reassess.notes import note
from reassess.records import (
    Benchmark,
    Classes,
    ClassMap,
    LabelSets,
    Predictions,
    ScoreType,
)
from reassess.records.benchmark import class_positions, note_other_order
from reassess.registry import checks_choices
from reassess.sources.meaning import (
    Source,
    resolve,
    study_at,
)

DEPTH = 5
"""Best classes of an image that are kept of each model, at least."""


@checks_choices
@dataclass(frozen=True)
class RowMapping:
    """How rows of predictions find their images.

    Attributes:
        order: the stated order of the rows of files without ids; None where it is not stated.
        ids: the id of each row of such files; None where they are not stated.
        subset: the images to score; None for all.
        scale: what the scores are, where a file does not say.

    Raises:
        OptionError: order and ids are both given.
    """

    order: RowOrder | None = None
    ids: Shaped[np.ndarray, "n"] | None = None
    subset: Shaped[np.ndarray, "m"] | None = None
    scale: ScoreType | None = None

    def __post_init__(self) -> None:
        if self.order is not None and self.ids is not None:
            raise OptionError(
                "--order and --ids both state which image a row is about, but must not both be "
                "given. Leave one out."
            )

    @classmethod
    @checks_choices
    def read(
        cls,
        *,
        order: RowOrder | None = None,
        ids: str | PathLike[str] | None = None,
        subset: str | PathLike[str] | None = None,
        scale: ScoreType | None = None,
    ) -> "RowMapping":
        """The same, with ids from files: one a line, JSON, .npy or a table.

        Raises:
            FileError: a file is missing or holds no ids.
            OptionError: order and ids are both given.
        """
        return cls(
            order,
            None if ids is None else read_ids(ids),
            None if subset is None else read_ids(subset),
            scale,
        )


AS_STORED = RowMapping()
"""Ids in the file, every image, and scores that say what they are."""


def class_table(
    classes: Classes | str | PathLike[str] | None, about: Benchmark | None = None
) -> Classes | None:
    """The classes that are given, as a record or a file; else those of the benchmark.

    Raises:
        FileError: the file is missing or malformed.
    """
    if isinstance(classes, Classes):
        return classes
    if classes is not None:
        return read_classes(classes)
    return None if about is None else about.classes


def class_map(model_classes: str | PathLike[str], about: Benchmark) -> ClassMap:
    """What classes of models are among those of a benchmark, where they are others.

    Args:
        model_classes: the models' classes, ``NAME|FILE|STUDY``; a file is a table of classes whose
            column ``to``, if it has one, says which of the benchmark's each is.
        about: the benchmark, whose classes must be known.

    Raises:
        OptionError: the benchmark's classes are not known, or there is no such source.
        FileError: the file is no table of classes.
        DataError: no class is one of the benchmark's.
    """
    if about.classes is None:
        raise OptionError(
            f"the classes of {about.name} are not known, but must be for classes of models to be "
            "found among them. Give them (--classes FILE)."
        )
    found = resolve(model_classes, "benchmark")
    if found.meaning == "file":
        made = read_class_map(found.place, about.classes)
    else:
        own = benchmark(model_classes).classes
        if own is None:
            raise OptionError(
                f"{fspath(model_classes)!r} knows no classes, but must. Give a table of classes."
            )
        made = ClassMap.by_names(own, about.classes)
    if made.n_left_out:
        note(
            f"{model_classes}: {made.n_left_out:,} of {len(made.own):,} classes of the models are "
            f"none of the {len(about.classes):,} that are scored, and are passed over."
        )
    return made


def benchmark(
    source: str | PathLike[str],
    *,
    classes: Classes | str | PathLike[str] | None = None,
    of_a_file: Classes | None = None,
) -> Benchmark:
    """Images and their original labels.

    Args:
        source: ``NAME|FILE|STUDY``; a file is a table ``image,label``.
        classes: the classes, where the source does not bring its own or calls them otherwise.
        of_a_file: the classes of a source that is a file, where no others are given: those that
            what goes with it states.

    Raises:
        OptionError: there is no such source.
        FileError: a file is missing or malformed.
        DataError: a label is no class, or other classes are given than those of the benchmark.
    """
    found = resolve(source, "benchmark")
    if found.meaning == "file":
        return read_benchmark(found.place, classes=class_table(classes) or of_a_file)
    if found.meaning == "name":
        about = Catalog.default().benchmark(found.place)
    else:
        from reassess.study import read_study_benchmark

        about = read_study_benchmark(study_at(found))
    given = class_table(classes)
    return about if given is None else _with_classes(about, given, found.place)


def _with_classes(about: Benchmark, given: Classes, place: str) -> Benchmark:
    """A benchmark by other classes: by the numbers of the same ones, or with other words for each.

    Raises:
        DataError: some of the classes are the benchmark's and some are not, or their number is
            another.
    """
    own = about.classes
    if own is None or own.ids == given.ids or own.names == given.names:
        return replace(about, classes=given)
    shared = own.index_of.keys() & given.index_of.keys()
    if not shared and len(own) == len(given):
        return replace(about, classes=given)
    if not shared or set(own.ids) != set(given.ids):
        raise DataError(
            f"the {len(given):,} classes given are {preview(given.ids)}, but must be the "
            f"{len(own):,} of {place}: {preview(own.ids)}. Leave them out (--classes)."
        )
    original = about.original
    if original is not None:
        numbers = class_positions(own, given, original, source=place)
        if numbers is not None:
            note_other_order(place)
            original = numbers[original]
    return replace(about, classes=given, original=original)


def labels(
    source: str | PathLike[str],
    *,
    about: Benchmark | None = None,
    classes: Classes | str | PathLike[str] | None = None,
) -> LabelSets:
    """Reassessed labels, on the images that they name.

    Args:
        source: ``NAME|FILE|STUDY``.
        about: the benchmark, to tell which images a bare list is about and which classes hold.
        classes: the classes, where no benchmark brings them.

    Raises:
        OptionError: there is no such source, or a study has no labels yet.
        FileError: a file is missing or of no known form.
        DataError: a label is no class, or labels and benchmark are of different classes.
    """
    found = resolve(source, "labels")
    return read_label_sets(found, about, class_table(classes, about))[0]


def labels_with_classes(
    source: str | PathLike[str],
    *,
    about: Benchmark | None = None,
    classes: Classes | str | PathLike[str] | None = None,
) -> LabelSets:
    """Reassessed labels, with the classes that they number where anything knows them.

    Args:
        source: as `labels` takes it.
        about: as `labels` takes it.
        classes: as `labels` takes them.

    Raises:
        OptionError: there is no such source, or a study has no labels yet.
        FileError: a file is missing or of no known form.
        DataError: a label is no class, or labels and benchmark are of different classes.
    """
    known = class_table(classes, about)
    sets, own = read_label_sets(resolve(source, "labels"), about, known)
    stated = sets.classes or own or known
    if stated is None:
        return sets
    return replace(sets, classes=stated, n_classes=len(stated))


def read_label_sets(
    found: Source, about: Benchmark | None, classes: Classes | None
) -> tuple[LabelSets, Classes | None]:
    """Label sets under the name that they are to have, and the classes that they number."""
    own: Classes | None
    if found.meaning == "name":
        catalog = Catalog.default()
        sets = catalog.labels(found.place)
        own = sets.classes or catalog.benchmark(entry(found.place).about_images_of).classes
    elif found.meaning == "study":
        from reassess.study import read_study_labels

        sets, whole = read_study_labels(study_at(found))
        own = whole.classes
    else:
        ids = None if about is None else about.image_ids
        sets = read_labels(found.place, classes=classes, image_ids=ids)
        own = sets.classes
    if sets.context:
        note(
            f"{found.place}: these labels lean on what {len(sets.context):,} models predict, such "
            f"as {preview(sets.context, 2)}, beside the votes (aggregate --context). Score those "
            "and their like under labels that left them out (--context-without), or under labels "
            "of the votes alone."
        )
    return (sets if found.name is None else replace(sets, name=found.name)), own


def predictions(
    source: str | PathLike[str],
    about: Benchmark,
    *,
    rows: RowMapping = AS_STORED,
    top_k: int = DEPTH,
) -> list[Predictions]:
    """What models predict for images of a benchmark.

    Args:
        source: ``NAME|FILE|STUDY``, two files ``CLASSES.npy:SCORES.npy``; ``NAME=`` before it and
            ``#MODEL`` behind it name and choose a model.
        about: the images, and the classes where they are known.
        rows: how rows of files find their images.
        top_k: best classes of an image to keep of full scores.

    Raises:
        OptionError: there is no such source, or it has no model of the name.
        FileError: a file is missing or of no known form.
        DataError: predictions do not say what they must, or are of other classes.
        AlignmentError: rows do not find their images.
    """
    found = resolve(source, "predictions")
    if found.meaning == "name":
        read = Catalog.default().predictions(found.place, about)
    elif found.meaning == "study":
        read = _predictions_of_study(found, about, top_k)
    else:
        read = read_predictions(
            found.place,
            about,
            order=rows.order,
            ids=rows.ids,
            scale=rows.scale,
            top=top_k,
            ignore_unknown=rows.subset is not None,
        )
    if found.model is not None:
        models = [one.model for one in read]
        wanted = found.model
        if found.meaning == "name":  # version 0.1.0 called models as their files
            wanted = wanted.removesuffix(entry(found.place).model_ending)
        read = [one for one in read if one.model == wanted]
        if not read:
            raise OptionError(
                f"{found.place!r} has no model {found.model!r}, but must have it; it has "
                f"{preview(models, 40)}."
            )
    if found.name is not None and len(read) == 1:
        read = [replace(read[0], model=found.name)]
    return read


def _predictions_of_study(found: Source, about: Benchmark, top_k: int) -> list[Predictions]:
    from reassess.study import read_study_benchmark, select_models
    from reassess.study.inputs import rank_models

    study = study_at(found)
    own = read_study_benchmark(study)
    check_same_classes(own.classes, about, found.place)
    entries = select_models(study, None if found.model is None else [found.model])
    if not entries:
        raise OptionError(
            f"{found.place}: it has no models. Add some: reassess add {found.place} NAME=FILE"
        )
    return list(rank_models(study, entries, own, depth=top_k))


def check_same_classes(own: Classes | None, about: Benchmark, place: str) -> None:
    """Refuse class indices that would be read as those of other classes.

    Raises:
        DataError: both sides know their classes, and these differ.
    """
    known = about.classes
    if own is None or known is None or own is known or own.ids == known.ids:
        return
    if len(own) == len(known) and own.names == known.names:
        return
    raise DataError(
        f"{place}: its classes are {preview(own.ids, 2)}, but must be those of {about.name}, "
        f"{preview(known.ids, 2)}, in the same order. Score it on its own benchmark."
    )


def results(
    sources: Sequence[str | PathLike[str]], columns: tuple[str, str] | None = None
) -> Results:
    """Accuracies of many models: a published name, timm's tables or folders of them, or any table.

    Args:
        sources: where they are.
        columns: the two columns to read of tables that are not timm's; None reads timm's only.

    Raises:
        OptionError: there is no such source, or a column is missing.
        FileError: a table is missing or malformed.
        DataError: two tables are of one test set.
    """
    paths: list[Path] = []
    by_columns = False
    for source in sources:
        found = resolve(source, "results")
        if found.meaning == "name":
            if len(sources) == 1:
                return Catalog.default().results(found.place)
            paths += _published_results(found.place)
        elif is_timm(found.place):
            paths += results_in(found.place)
        else:
            by_columns = True
            paths.append(Path(found.place))
    if by_columns and columns is not None:
        return read_accuracy_columns(paths, columns)
    return read_results(paths)


def _published_results(name: str) -> list[Path]:
    """The tables of published results that can be joined with others.

    Raises:
        OptionError: they are no such tables.
    """
    one = entry(name, "results")
    if name != "timm-results":
        raise OptionError(
            f"{name!r} is given among several --results, but must stand alone: it is no table of "
            "timm's form. Give it alone."
        )
    catalog = Catalog.default()
    return [catalog.path(path) for path in one.paths]
