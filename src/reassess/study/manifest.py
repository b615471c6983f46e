"""The manifest of a study, `study.toml`: what it is about, its models, its settings.

People read and edit it: comments and order survive when a command adds to it. Paths are
relative to the study's folder where the files lie near it. Sections named after a command
hold that command's options under the same names; an option on the command line wins.

Does not look into the files that it names (`reassess.study.inputs`) and does not know what
a stage needs (`reassess.study.stages`).
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reassess.errors import DataError, FileError, MissingExtraError, preview
from reassess.files import write_atomically

FILE_NAME = "study.toml"
FORMAT = 1

_HEADER = (
    "A study of reassess: what it is about, its models, its settings.",
    "Edit it as you like. Sections such as [propose] hold the options of the command of that name.",
)
_BENCHMARK = ("labels", "classes", "images", "hierarchy")
_MODEL = ("name", "predictions", "scale", "order", "ids", "n_classes")
_SETTINGS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "propose": {
        "rule": str, "top": int, "per_task": int, "recall": (int, float), "budget": int,
        "gold": str,
    },
    "votes": {"file": str},
    "cost": {
        "votes_per_question": int, "seconds_per_question": (int, float),
        "wage_per_hour": (int, float),
    },
    "aggregate": {"method": str, "gold": str},
    "label": {
        "rule": str, "threshold": (int, float), "target": (int, float), "gold": str,
        "adjudications": str,
    },
    "ask": {"question": str, "no": str, "maybe": str, "yes": str, "labels": str},
    "site": {"database": str},
}  # fmt: skip
_SQLITE = "sqlite:///"
_USER = re.compile(r"(?P<scheme>[\w+.-]+://)(?P<user>[^:/@]*)(?::(?P<password>.*))?@")
_SECRETS = {"password", "sslpassword"}


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of a study.

    Attributes:
        name: how the study calls it.
        predictions: where its predictions are: a path, ``X.npy:Y.npy`` or ``FILE#MODEL``.
        scale: what its scores are; None where the file says it, or nobody does.
        order: the order of the rows, for files without ids.
        ids: a file with the id of each row.
        n_classes: how many classes the study had when the model was added, which is how many
            columns its full scores have; None where they were not known.
    """

    name: str
    predictions: str
    scale: str | None = None
    order: str | None = None
    ids: str | None = None
    n_classes: int | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """A study: its folder and what its manifest says.

    Attributes:
        folder: where it lies.
        name: how reports call it.
        labels: the original labels, as the manifest names the file.
        classes: the classes file; None where there is none.
        images: the folder of images; None where there is none.
        hierarchy: the is-a edges; None where there are none.
        models: in the order in which they were added.
        settings: options by section, as the manifest holds them.
    """

    folder: Path
    name: str
    labels: str
    classes: str | None = None
    images: str | None = None
    hierarchy: str | None = None
    models: tuple[ModelEntry, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def path(self, named: str) -> Path:
        """A path as the manifest names it, from the study's folder."""
        return self.folder / named

    def relative(self, path: str | Path) -> str | None:
        """A file of the study from its folder, with ``/``; None for a file outside it.

        What is recorded under this name is still true of a study that was moved or copied.
        """
        folder = Path(os.path.normpath(self.folder.absolute()))
        named = Path(os.path.normpath(Path(path).absolute()))
        return named.relative_to(folder).as_posix() if named.is_relative_to(folder) else None

    @property
    def database(self) -> str | None:
        """The URL of the study's votes in [site]; None where the manifest names none.

        A relative path of SQLite starts at the study's folder.
        """
        url = self.setting("site", "database")
        return None if url is None else _sqlite_from(self.folder, str(url))

    def setting(self, section: str, option: str, default: Any = None) -> Any:
        """An option of a section; the default where the manifest does not hold it."""
        return self.settings.get(section, {}).get(option, default)


def as_named(path: str | Path, folder: Path) -> str:
    """How a manifest names a path: relative where it lies in or beside the study's folder."""
    absolute = Path(path).absolute()
    beside = folder.absolute().parent
    if absolute.is_relative_to(beside):
        return Path(os.path.relpath(absolute, folder.absolute())).as_posix()
    return absolute.as_posix()


def database_as_named(url: str, folder: Path) -> str:
    """How a manifest names a database: without a password, a path of SQLite as `as_named`."""
    path = url.removeprefix(_SQLITE)
    if path != url:
        return _SQLITE + as_named(path, folder)
    return without_password(url)


def without_password(url: str) -> str:
    """A database's URL without its password, which has no place in a file that is shared."""
    found = _USER.match(url)
    if found is not None and found["password"] is not None:
        url = f"{found['scheme']}{found['user']}@{url[found.end() :]}"
    before, mark, query = url.partition("?")
    kept = [one for one in query.split("&") if one.partition("=")[0].lower() not in _SECRETS]
    return before + mark + "&".join(kept) if any(kept) else before


def _sqlite_from(folder: Path, url: str) -> str:
    path = url.removeprefix(_SQLITE)
    return url if path == url else _SQLITE + (folder.absolute() / path).as_posix()


def new_study(
    folder: str | Path,
    *,
    labels: str | Path,
    classes: str | Path | None = None,
    images: str | Path | None = None,
    hierarchy: str | Path | None = None,
    name: str | None = None,
) -> Study:
    """A study in a new folder, with nothing but its manifest.

    Raises:
        FileError: the folder holds a study already, or cannot be written to.
        MissingExtraError: tomlkit is missing.
    """
    folder = Path(folder)
    if (folder / FILE_NAME).exists():
        raise FileError(
            f"{folder}: there is a study already ({FILE_NAME}). Add to it (reassess add), or "
            "choose another folder."
        )
    if folder.exists() and not folder.is_dir():
        raise FileError(f"{folder}: it is a file, but must be a folder. Choose another name.")

    def named(path: str | Path | None) -> str | None:
        return None if path is None else as_named(path, folder)

    study = Study(
        folder=folder,
        name=name or folder.absolute().name,
        labels=as_named(labels, folder),
        classes=named(classes),
        images=named(images),
        hierarchy=named(hierarchy),
    )
    toml = _tomlkit()
    document = toml.document()
    for line in _HEADER:
        document.add(toml.comment(line))
    document["format"] = FORMAT
    document["name"] = study.name
    table = toml.table()
    for key in _BENCHMARK:
        value = getattr(study, key)
        if value is not None:
            table[key] = value
    document["benchmark"] = table
    _write(folder, toml.dumps(document))
    return study


def open_study(folder: str | Path) -> Study:
    """The study in a folder.

    Raises:
        FileError: there is none, or its manifest is no TOML.
        DataError: the manifest says what no manifest may.
    """
    folder = Path(folder)
    path = folder / FILE_NAME
    if not path.is_file():
        raise FileError(
            f"{folder}: there is no study ({FILE_NAME} is missing). Make one: reassess new "
            f"{folder} --labels labels.csv"
        )
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileError(f"{path}: it is no TOML ({error}). Mend that line.") from error
    return _checked(folder, path, document)


def _checked(folder: Path, path: Path, document: dict[str, Any]) -> Study:
    if document.get("format") != FORMAT:
        raise DataError(
            f"{path}: format is {document.get('format')!r}, but must be {FORMAT}. Use the version "
            "of reassess that wrote it."
        )
    known = {"format", "name", "benchmark", "models", *_SETTINGS}
    _refuse_unknown(path, "", document, known)
    benchmark = _texts(path, "benchmark", document.get("benchmark"), _BENCHMARK)
    if "labels" not in benchmark:
        raise DataError(f"{path}: [benchmark] has no labels, but must name the original labels.")
    entries = document.get("models", [])
    if not isinstance(entries, list):
        raise DataError(f"{path}: models is no list of tables, but must be: write [[models]].")
    models = [_model(path, one) for one in entries]
    names = [one.name for one in models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"{path}: model {preview(twice)} is there more than once, but must be there once. "
            "Rename one of them."
        )
    settings = {}
    for section, options in _SETTINGS.items():
        if section in document:
            settings[section] = _options(path, section, document[section], options)
    return Study(
        folder=folder,
        name=str(document.get("name", folder.absolute().name)),
        models=tuple(models),
        settings=settings,
        **benchmark,
    )


def _model(path: Path, table: Any) -> ModelEntry:
    number = table.get("n_classes") if isinstance(table, dict) else None
    if number is not None and (not isinstance(number, int) or number < 1):
        raise DataError(
            f"{path}: [models] n_classes is {number!r}, but must be an integer above 0."
        )
    texts = {k: v for k, v in table.items() if k != "n_classes"} if number is not None else table
    known = tuple(key for key in _MODEL if key != "n_classes")
    return ModelEntry(**_texts(path, "models", texts, known, _MODEL[:2]), n_classes=number)


def _refuse_unknown(path: Path, section: str, found: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        where = f"[{section}] " if section else ""
        raise DataError(
            f"{path}: {where}{preview(unknown)} is not known, but must be one of "
            f"{', '.join(sorted(known))}. Mend the name."
        )


def _texts(
    path: Path, section: str, table: Any, known: tuple[str, ...], needed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A table of texts."""
    if not isinstance(table, dict):
        raise DataError(f"{path}: [{section}] is missing or no table, but must be one.")
    _refuse_unknown(path, section, table, set(known))
    for key in (*needed, *table):
        if not isinstance(table.get(key), str) or not table[key]:
            raise DataError(f"{path}: [{section}] {key} is {table.get(key)!r}, but must be a text.")
    return dict(table)


def _options(
    path: Path, section: str, table: Any, known: Mapping[str, type | tuple[type, ...]]
) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise DataError(f"{path}: {section} is {table!r}, but must be a table [{section}].")
    _refuse_unknown(path, section, table, set(known))
    for key, value in table.items():
        if not isinstance(value, known[key]) or isinstance(value, bool):
            must = {str: "a text", int: "an integer"}.get(known[key], "a number")  # type: ignore[arg-type]
            raise DataError(f"{path}: [{section}] {key} is {value!r}, but must be {must}.")
    url = table.get("database", "")
    if without_password(url) != url:
        raise DataError(
            f"{path}: [{section}] database has a password in it, but a manifest is read by many. "
            "Take it out, and give it in the variable PGPASSWORD or the file ~/.pgpass."
        )
    return dict(table)


def add_models(study: Study, entries: list[ModelEntry], *, replace: bool = False) -> Study:
    """The study with further models, its manifest written.

    Args:
        study: the study.
        entries: the models.
        replace: let a model of a name that is there take its place.

    Raises:
        DataError: a name is there already, or twice among the new ones.
        FileError: the manifest cannot be written.
        MissingExtraError: tomlkit is missing.
    """
    names = [one.name for one in entries]
    there = {one.name for one in study.models}
    twice = sorted({n for n in names if names.count(n) > 1 or (n in there and not replace)})
    if twice:
        raise DataError(
            f"model {preview(twice)} is there more than once, but two models cannot have one name. "
            "Give it another (NAME=FILE), or take the place of the other (--replace)."
        )
    document = _document(study.folder)
    if "models" not in document:
        document.add(_tomlkit().nl())
        document["models"] = _tomlkit().aot()
    for one in entries:
        table = _tomlkit().table()
        for key in _MODEL:
            if getattr(one, key) is not None:
                table[key] = getattr(one, key)
        places = [n for n, old in enumerate(document["models"]) if old["name"] == one.name]
        if places:
            document["models"][places[0]] = table
        else:
            document["models"].append(table)
    _write(study.folder, _tomlkit().dumps(document))
    return open_study(study.folder)


def change_settings(study: Study, section: str, options: Mapping[str, Any]) -> Study:
    """The study with some options of a section, its manifest written; None removes an option.

    Raises:
        FileError: the manifest cannot be written.
        DataError: an option is not known or not of its kind.
        MissingExtraError: tomlkit is missing.
    """
    changed = {key: value for key, value in options.items() if value != study.setting(section, key)}
    if not changed:
        return study
    _options(
        study.folder / FILE_NAME,
        section,
        {key: value for key, value in changed.items() if value is not None},
        _SETTINGS[section],
    )
    document = _document(study.folder)
    if section not in document:
        document[section] = _tomlkit().table()
    for key, value in changed.items():
        if value is None:
            document[section].pop(key, None)
        else:
            document[section][key] = value
    _write(study.folder, _tomlkit().dumps(document))
    return open_study(study.folder)


def _document(folder: Path) -> Any:
    return _tomlkit().parse((folder / FILE_NAME).read_text(encoding="utf-8"))


def _write(folder: Path, text: str) -> None:
    with write_atomically(folder / FILE_NAME) as beside:
        beside.write_text(text, encoding="utf-8")


def _tomlkit() -> Any:
    try:
        import tomlkit
    except ImportError as error:
        raise MissingExtraError("tomlkit", "study", "writing study.toml") from error
    return tomlkit
