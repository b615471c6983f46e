"""A study changed: its models, where its files are, its settings.

Labels, classes, is-a edges and predictions are copied into the study (`reassess.study.copies`),
so that it can be moved or copied alone; what is large stays where it is and is one entry of the
manifest. The manifest is written last, with a person's comments and order kept; one
of an earlier format becomes one of the present.

Checks what it is given by reading it (`reassess.study.inputs`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace as with_changes
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from reassess.errors import (
    ClassError,
    DataError,
    FileError,
    OptionError,
    preview,
)
from reassess.files import RowOrder, read_classes
from reassess.files.access import exists
from reassess.files.artefacts import read_tasks
from reassess.files.full_scores import check_full_scores
from reassess.files.prediction_forms import model_names, prediction_files, two_files
from reassess.files.remote_images import RemoteImages
from reassess.progress import Progress, null_progress
from reassess.records import Benchmark, Classes, ScoreMatrix, ScoreType, positions
from reassess.registry import checks_choices
from reassess.study.class_order import refuse_renumbered, with_new_classes
from reassess.study.copies import copied, kept_files
from reassess.study.creation import check_benchmark, images_as_named, keep_classes
from reassess.study.given import (
    GivenModel,
    Source,
    model_files,
)
from reassess.study.inputs import (
    Hashes,
    named_files,
    open_model,
    read_study_benchmark,
    split_model,
)
from reassess.study.manifest import (
    FILE_NAME,
    ModelEntry,
    Study,
    faults_of_options,
)
from reassess.study.manifest_document import (
    entry_table,
    load_tomlkit,
    manifest_document,
    write_manifest,
)
from reassess.study.named_places import as_named
from reassess.study.study_records import select_models


@checks_choices
def add_models(
    study: Study,
    predictions: Mapping[str, Source | GivenModel]
    | Iterable[Source | GivenModel | tuple[str | None, Source]],
    *,
    scale: ScoreType | None = None,
    order: RowOrder | None = None,
    ids: str | PathLike[str] | None = None,
    replace: bool = False,
    copy: bool | None = None,
    progress: Progress = null_progress,
) -> Study:
    """The study with further models, each of which was read to see that it fits.

    Args:
        study: the study.
        predictions: name → source, or sources: a path, ``X.npy:Y.npy`` or ``FILE#MODEL``. A
            source without a name is called as its file says, one of several models adds all.
            A record of predictions is written into the study.
        scale: what the scores are, where a file does not say it.
        order: the order of the rows, for files without ids.
        ids: a file with the id of each row; copied into the study where it is small.
        replace: let a model of a name that is there take its place.
        copy: copy the files into the study; None copies those below `COPIED_BELOW` bytes.
        progress: told which source is read, then which model is hashed.

    Raises:
        OptionError: both order and ids are given, or one name is given to several models.
        DataError: a name is there already, or twice among the new ones; predictions are not
            what they must be.
        AlignmentError: rows do not fit the images.
        FileError: a file is missing, corrupt or cannot be written.
        MissingExtraError: tomlkit or pydantic is missing.
    """
    if order is not None and ids is not None:
        raise OptionError("order and ids must not both be given. Leave one out.")
    rows: dict[str, Any] = {"scale": scale, "order": order}
    with model_files(predictions) as (wanted, written):
        copy = copy or (True if written else copy)
        return _add_sources(study, wanted, rows, ids, replace, copy, progress)


def _add_sources(
    study: Study,
    wanted: list[tuple[str | None, str]],
    rows: dict[str, Any],
    ids: str | PathLike[str] | None,
    replace: bool,
    copy: bool | None,
    progress: Progress,
) -> Study:
    """The study with the models of files; see `add_models`."""
    benchmark = read_study_benchmark(study)
    if ids is not None:
        rows["ids"] = as_named(ids, study.folder)
    found: list[tuple[str, ModelEntry]] = []
    for done, (name, source) in enumerate(wanted):
        progress(f"checking {source}", done=done, total=len(wanted))
        found += [(source, one) for one in _entries(study, benchmark, name, source, rows)]
    _check_names(study, [entry.name for _, entry in found], replace=replace)
    _refuse_other_columns(study, benchmark, [entry for _, entry in found])
    if ids is not None:
        rows["ids"] = kept_files(study, [Path(ids)], copy=copy or None)[0]
    entries = [
        with_changes(
            entry,
            predictions=_kept_source(study, source, entry.predictions, copy=copy),
            ids=rows.get("ids"),
        )
        for source, entry in found
    ]
    toml = load_tomlkit()
    document = manifest_document(study.folder)
    if "models" not in document:
        document.add(toml.nl())
        document["models"] = toml.aot()
    for entry in entries:
        places = [n for n, old in enumerate(document["models"]) if old["name"] == entry.name]
        if places:
            document["models"][places[0]] = entry_table(entry)
        else:
            document["models"].append(entry_table(entry))
    changed = write_manifest(study.folder, toml.dumps(document))
    hashes = Hashes(changed)
    for done, entry in enumerate(entries):
        progress(f"hashing {entry.name}", done=done, total=len(entries))
        hashes.of_model(entry)
    return changed


def remove_models(study: Study, names: Iterable[str]) -> Study:
    """The study without some models; copies of their files that nothing else uses are removed.

    What was asked and answered stays. Proposals, labels and reports are made again without them.

    Args:
        study: the study.
        names: of the models.

    Raises:
        OptionError: one is not of the study.
        FileError: the manifest cannot be written.
        MissingExtraError: tomlkit or pydantic is missing.
    """
    gone = {one.name for one in select_models(study, list(names))}
    document = manifest_document(study.folder)
    left = [one for one in document["models"] if one["name"] not in gone]
    toml = load_tomlkit()
    document.pop("models")
    if left:
        document["models"] = toml.aot()
        for one in left:
            document["models"].append(one)
    before = {one.path for one in named_files(study)}
    changed = write_manifest(study.folder, toml.dumps(document))
    used = {one.path for one in named_files(changed)}
    for path in before - used:
        if path.is_file() and path.resolve().is_relative_to(study.folder.resolve()):
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    return changed


def locate(
    study: Study,
    *,
    labels: str | PathLike[str] | None = None,
    classes: str | PathLike[str] | None = None,
    hierarchy: str | PathLike[str] | None = None,
    images: str | PathLike[str] | RemoteImages | None = None,
    predictions: Mapping[str, Source] | None = None,
    copy: bool | None = None,
    append_classes: bool = False,
) -> Study:
    """The study with files that lie elsewhere now, as after it was copied without them.

    Args:
        study: the study.
        labels: the original labels; they are copied into the study, as are the next two.
        classes: the classes.
        hierarchy: the is-a edges.
        images: the folder of images, or an address (s3://…, https://…).
        predictions: where predictions are, by the model's name. Other models of the same file
            move with it, and a model within a file keeps its name there.
        copy: as in `add_models`.
        append_classes: let the labels name further classes, which come behind the others.

    Raises:
        OptionError: a model is not the study's.
        DataError: a file does not fit the others.
        AlignmentError: rows do not fit the images.
        FileError: a file is missing, malformed or cannot be written.
        MissingExtraError: tomlkit or pydantic is missing.
    """
    folder = study.folder
    given = {"labels": labels, "classes": classes, "hierarchy": hierarchy}
    tables = {key: Path(path) for key, path in given.items() if path is not None}
    changed: dict[tuple[str | int, str], str] = {}
    now = {"labels": study.labels, "classes": study.classes, "hierarchy": study.hierarchy}
    if tables:
        for key, name in _located_tables(study, tables, now, append_classes).items():
            changed["benchmark", key] = name
    if images is not None:
        changed["benchmark", "images"] = images_as_named(images, folder)
    if predictions:
        files: Any = {key: changed.get(("benchmark", key), named) for key, named in now.items()}
        benchmark = read_study_benchmark(with_changes(study, **files))
        for name, source in predictions.items():
            for number, entry in _entries_of_file(study, name, fspath(source), benchmark):
                place = _kept_source(study, fspath(source), entry.predictions, copy=copy)
                changed[number, "predictions"] = place
    if not changed:
        return study
    document = manifest_document(folder)
    for (part, key), value in changed.items():
        table = document[part] if isinstance(part, str) else document["models"][part]
        table[key] = value
    return write_manifest(folder, load_tomlkit().dumps(document))


def _located_tables(
    study: Study, tables: Mapping[str, Path], now: Mapping[str, str | None], append_classes: bool
) -> dict[str, str]:
    """How the manifest names tables once they are in the study; they must fit each other.

    Classes keep their numbers once there are questions about them. Those that only the labels
    name are written down, as they are when a study begins.
    """
    at = {key: study.path(named) for key, named in now.items() if named is not None} | dict(tables)
    known = _known_classes(study, tables)
    if known is not None and append_classes:
        known = with_new_classes(known, at["labels"])
    try:
        benchmark = check_benchmark(at["labels"], known, at.get("hierarchy"), study.labels_are)
    except ClassError as error:
        raise ClassError(
            f"{error} If these are further classes, let them come behind the others: "
            "--append-classes"
        ) from error
    refuse_renumbered(study, benchmark.classes)
    _refuse_other_images(study, benchmark, at["labels"])
    found = {
        key: copied(study.folder, path, f"{key}{path.suffix.lower()}")
        for key, path in tables.items()
    }
    if benchmark.classes is not None and ("classes" not in at or append_classes):
        found["classes"] = keep_classes(study.folder, benchmark.classes)
    return found


def _refuse_other_images(study: Study, benchmark: Benchmark, labels: Path) -> None:
    """Refuse labels without images that the study asks raters about.

    Raises:
        DataError: one is missing.
    """
    path = study.folder / "tasks.parquet"
    if not path.is_file():
        return
    asked = read_tasks(path).pairs.image_ids
    missing = positions(asked, benchmark.image_ids, source=f"{path}") < 0
    if missing.any():
        raise DataError(
            f"{labels}: image {preview(asked[missing], 1)} is missing, but raters are asked about "
            f"it; {int(missing.sum()):,} of {len(asked):,} such images are. Labels may change and "
            "be of further images. To take images out: reassess images STUDY --withdraw IMAGE. For "
            "another benchmark begin another study: reassess new."
        )


def _known_classes(study: Study, tables: Mapping[str, Path]) -> Classes | None:
    """The classes that new labels are read by: those given, else those of the study.

    A study without a file of classes has those that its present labels name, once there are
    questions about them.
    """
    if "classes" in tables or study.classes is not None:
        return read_classes(tables.get("classes") or study.path(study.classes or ""))
    if not (study.folder / "tasks.parquet").is_file():
        return None
    return read_study_benchmark(study).classes


def change_settings(study: Study, section: str, options: Mapping[str, Any]) -> Study:
    """The study with some options of a section, its manifest written; None removes an option.

    Raises:
        FileError: the manifest cannot be written.
        DataError: an option is not known or not what it must be.
        MissingExtraError: tomlkit or pydantic is missing.
    """
    changed = {key: value for key, value in options.items() if value != study.setting(section, key)}
    if not changed:
        return study
    wanted = {**study.settings.get(section, {}), **changed}
    faults = faults_of_options(
        section, {key: value for key, value in wanted.items() if value is not None}
    )
    if faults:
        raise DataError(f"{study.folder / FILE_NAME}: {faults[0]}")
    document = manifest_document(study.folder)
    if section not in document:
        document[section] = load_tomlkit().table()
    for key, value in changed.items():
        if value is None:
            document[section].pop(key, None)
        else:
            document[section][key] = value
    return write_manifest(study.folder, load_tomlkit().dumps(document))


def _entries(
    study: Study, benchmark: Benchmark, name: str | None, source: str, rows: Mapping[str, Any]
) -> list[ModelEntry]:
    """The models of a source where it lies, each of which was opened once to see that it fits."""
    file, chosen = split_model(source)
    paths = _paths(file)
    place = ":".join(as_named(path, study.folder) for path in paths)
    models = model_names(file, benchmark)
    if chosen is not None or len(models) == 1:
        wanted = [chosen or models[0]]
    elif name is not None:
        raise OptionError(
            f"{file}: it holds {len(models)} models, but NAME=FILE names one. Write "
            f"{name}={file}#MODEL, or leave the name out to add them all."
        )
    else:
        wanted = models
    several = len(models) > 1 or chosen is not None
    found = [
        ModelEntry(
            name or model,
            f"{place}#{model}" if several else place,
            n_classes=benchmark.n_classes,
            **rows,
        )
        for model in wanted
    ]
    for entry in found:
        opened = open_model(study, entry, benchmark, other_images="note")
        if isinstance(opened, ScoreMatrix):
            check_full_scores(opened, benchmark)
    return found


def _refuse_other_columns(study: Study, benchmark: Benchmark, entries: list[ModelEntry]) -> None:
    """Refuse full scores of more or fewer classes than another model's, where K is not known.

    Raises:
        DataError: two models' full scores differ in their columns.
    """
    if benchmark.n_classes is not None:
        return
    new = {entry.name for entry in entries}
    there = [entry for entry in study.models if entry.name not in new]
    first: tuple[str, int] | None = None
    for entry in (*there, *entries):
        opened = open_model(study, entry, benchmark)
        if not isinstance(opened, ScoreMatrix):
            continue
        if first is not None and first[1] != opened.n_classes:
            raise DataError(
                f"{entry.predictions}: the full scores of {entry.name!r} have {opened.n_classes:,} "
                f"columns, but must have {first[1]:,} as those of {first[0]!r} have, one a class. "
                "Predict the same classes, or name them (classes in study.toml)."
            )
        first = first or (entry.name, opened.n_classes)


def _paths(file: str) -> tuple[Path, ...]:
    paths = two_files(file) or (Path(file),)
    for path in paths:
        if not exists(path):
            raise FileError(f"{path}: there is no such file. Check the path.")
    return paths


def _check_names(study: Study, names: list[str], *, replace: bool) -> None:
    there = {one.name for one in study.models}
    twice = sorted({n for n in names if names.count(n) > 1 or (n in there and not replace)})
    if twice:
        raise DataError(
            f"model {preview(twice)} appears more than once, but two models cannot have one name. "
            "Give it another (NAME=FILE), or take the place of the other (--replace)."
        )


def _entries_of_file(
    study: Study, name: str, source: str, benchmark: Benchmark
) -> list[tuple[int, ModelEntry]]:
    """The models of the file that a model was in, by their numbers, as entries of the new one."""
    names = [one.name for one in study.models]
    if name not in names:
        raise OptionError(
            f"model {name!r} is not in the study, but must be one of {preview(names, 20)}. Add "
            f"it: reassess add {study.folder} {name}=FILE"
        )
    asked = study.models[names.index(name)]
    file, chosen = split_model(source)
    before = split_model(asked.predictions, study.folder)[0]
    place = ":".join(as_named(path, study.folder) for path in _paths(file))
    found = []
    for number, entry in enumerate(study.models):
        its_file, its_model = split_model(entry.predictions, study.folder)
        if entry is asked and chosen is not None:
            its_model = chosen
        elif entry is not asked and its_file != before:
            continue
        moved = with_changes(
            entry, predictions=place if its_model is None else f"{place}#{its_model}"
        )
        open_model(study, moved, benchmark)
        found.append((number, moved))
    return found


def _kept_source(study: Study, source: str, named: str, *, copy: bool | None) -> str:
    """How the manifest names predictions once their files are where they stay."""
    file, _ = split_model(source)
    _, model = split_model(named, study.folder)
    paths = _paths(file)
    further = prediction_files(file)[len(paths) :]
    place = ":".join(kept_files(study, [*paths, *further], copy=copy)[: len(paths)])
    return place if model is None else f"{place}#{model}"
