"""The manifest of a study, `study.toml`: what it is about, its models, its settings.

People read and edit it. Everything in it is checked when it is read: a key, a value or a type
that it must not hold is refused with its line and the names that come near. Paths are relative
to the study's folder where the files lie near it. Sections named after a command hold that
command's options under the same names; an option on the command line wins.

Changes nothing (`reassess.study.edits`), does not look into the files that it names
(`reassess.study.inputs`) and does not know what a stage needs (`reassess.pipeline`).
"""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from reassess.aggregation import AggregateOptions
from reassess.errors import DataError, FileError, OptionError
from reassess.files.declared_answers import (
    DeclaredAnswers,
    check_declared,
    declared_answers,
)
from reassess.files.predictions import RowOrder
from reassess.labels import LabelOptions
from reassess.pipeline.options import CostOptions
from reassess.proposals import RULES as PROPOSAL_RULES
from reassess.proposals import ProposeOptions
from reassess.records import LabelsAre, ScoreType
from reassess.registry import checks_choices
from reassess.study.addresses import check_base_url, check_root_path
from reassess.study.named_places import SQLITE, below, without_password
from reassess.study.toml_lines import Keys, places_in
from reassess.study.validation import (
    Fault,
    made_from,
    refusal,
    table_faults,
    typed_values,
    unknown_keys,
)

FILE_NAME = "study.toml"
FORMAT = 2
_READ = (1, FORMAT)

Options = TypeVar("Options")


KEYS = (
    "no_key", "maybe_key", "yes_key", "cannot_see_key", "zoom_key", "something_else_key",
    "pause_key",
)  # fmt: skip
"""What [ask] may say of keys; they change neither question nor answers."""


@dataclass(frozen=True, slots=True)
class AskOptions:
    """[ask]: the wording of the question and its answers, and keys, where a study has its own.

    Raises:
        OptionError: a key is not one character.
    """

    question: str | None = None
    no: str | None = None
    maybe: str | None = None
    yes: str | None = None
    no_key: str | None = None
    maybe_key: str | None = None
    yes_key: str | None = None
    cannot_see_key: str | None = None
    zoom_key: str | None = None
    something_else_key: str | None = None
    pause_key: str | None = None

    def __post_init__(self) -> None:
        """Check the keys one by one; whether they differ is known where all of them are."""
        for name in KEYS:
            key = getattr(self, name)
            if key is not None and (len(key.strip()) != 1 or key in "12345678?"):
                raise OptionError(
                    f"{name} is {key!r}, but must be one character, and none of 1 to 8 and ?."
                )


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """[aggregate]: what other words than no, maybe and yes mean in the study's votes and gold.

    Attributes:
        answers: as ``--answers`` takes it; None where the files hold no, maybe and yes.

    Raises:
        OptionError: a word has no meaning or two.
    """

    answers: str | None = None

    def __post_init__(self) -> None:
        """Read it once, so that the manifest's line is named where it is wrong."""
        try:
            check_declared(declared_answers(self.answers))
        except OptionError as error:
            raise OptionError(str(error).removeprefix("--")) from error


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """[site]: where the votes are, whom raters can ask, and in which language.

    Attributes:
        database: the URL of the votes; a relative path of SQLite starts at the study.
        contact: an e-mail or web address, or words, that every page of a rater shows.
        base_url: the address at which people reach the site, as ``https://host/pilot``.
        root_path: the path below which a proxy serves the site; None is that of ``base_url``.
        language: the language of the rater's side, as ``de``, or several of which the first is
            the usual one; None offers every one that is complete, English first.
    """

    database: str | None = None
    contact: str | None = None
    base_url: str | None = None
    root_path: str | None = None
    language: str | list[str] | None = None

    def __post_init__(self) -> None:
        """Refuse a password, and what is no address."""
        if self.database is not None and without_password(self.database) != self.database:
            raise OptionError(
                "database holds a password, but a manifest is read by many. Take it out, and give "
                "it in the variable PGPASSWORD or the file ~/.pgpass."
            )
        if self.root_path is not None:
            check_root_path(self.root_path)
        if self.base_url is not None:
            check_base_url(self.base_url)


@dataclass(frozen=True, slots=True)
class Section:
    """What a section of the manifest may hold.

    Attributes:
        options: the types of the options, whose fields are its keys.
        files: its keys that name a file; how each is read is the stage's to know.
        former: earlier names of keys, which stay accepted.
    """

    options: tuple[type, ...] = ()
    files: tuple[str, ...] = ()
    former: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key, former names left out."""
        return (*(one.name for kind in self.options for one in fields(kind)), *self.files)


SECTIONS: dict[str, Section] = {
    "propose": Section((ProposeOptions,), ("gold", "remarks"), {"top": "pairs_per_model"}),
    "votes": Section((), ("file",)),
    "cost": Section((CostOptions,)),
    "aggregate": Section((AggregateOptions, AnswerOptions), ("gold",)),
    "label": Section((LabelOptions,), ("gold", "adjudications")),
    "ask": Section((AskOptions,), ("labels",)),
    "site": Section((SiteOptions,), ("instructions", "consent", "catalogues")),
}
"""The sections of options, in the order of the stages."""


@checks_choices
@dataclass(frozen=True, slots=True)
class BenchmarkFiles:
    """[benchmark]: the files that a study is about, as the manifest names them.

    ``labels_are`` says how integers that name classes are read in the study's files: as class
    ids, or as indices.
    """

    labels: str
    classes: str | None = None
    images: str | None = None
    hierarchy: str | None = None
    labels_are: LabelsAre | None = None


@checks_choices
@dataclass(frozen=True, slots=True)
class ModelEntry:
    """[[models]]: a model of a study.

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
    scale: ScoreType | None = None
    order: RowOrder | None = None
    ids: str | None = None
    n_classes: int | None = None

    def __post_init__(self) -> None:
        """Check the range."""
        if self.n_classes is not None and self.n_classes < 1:
            raise OptionError(f"n_classes is {self.n_classes}, but must be 1 or more.")


@checks_choices
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
        labels_are: how integers that name classes are read; None leaves it to the files.
        models: in the order in which they were added.
        settings: what each section holds, under present names; defaults are left out.
    """

    folder: Path
    name: str
    labels: str
    classes: str | None = None
    images: str | None = None
    hierarchy: str | None = None
    labels_are: LabelsAre | None = None
    models: tuple[ModelEntry, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def path(self, named: str) -> Path:
        """A path as the manifest names it, from the study's folder; ``a/../b`` is ``b``."""
        found = self.folder / named
        plain = Path(os.path.normpath(found))
        is_same = os.path.realpath(plain) == os.path.realpath(found)  # a link's parent is another
        return plain if ".." in found.parts and is_same else found

    def relative(self, path: str | PathLike[str]) -> str | None:
        """A file of the study from its folder, with ``/``; None for a file outside it.

        What is recorded under this name is still true of a study that was moved or copied.
        """
        return below(self.folder, path)

    @property
    def answers(self) -> DeclaredAnswers | None:
        """What other words than no, maybe and yes mean in its votes and gold; our own do always."""
        return declared_answers(self.setting("aggregate", "answers"))

    @property
    def database(self) -> str | None:
        """The URL of the study's votes in [site]; None where the manifest names none.

        A relative path of SQLite starts at the study's folder.
        """
        url: str | None = self.setting("site", "database")
        if url is None or not url.startswith(SQLITE):
            return url
        return SQLITE + (self.folder.absolute() / url.removeprefix(SQLITE)).as_posix()

    def with_settings(self, more: Mapping[str, Mapping[str, Any]]) -> "Study":
        """The study as it were with further settings, None removing one; nothing is written."""
        found = {section: dict(values) for section, values in self.settings.items()}
        for section, values in more.items():
            merged = found.get(section, {}) | dict(values)
            found[section] = {key: value for key, value in merged.items() if value is not None}
        return replace(self, settings=found)

    def setting(self, section: str, option: str, default: Any = None) -> Any:
        """An option of a section; the default where the manifest does not hold it."""
        return self.settings.get(section, {}).get(option, default)

    def options(self, kind: type[Options]) -> Options:
        """The options of one type as the manifest sets them, its defaults where it does not.

        Raises:
            OptionError: no section holds options of this type, or a value was set that none
                may be.
        """
        for name, section in SECTIONS.items():
            if kind in section.options:
                made, faults = made_from(kind, self.settings.get(name, {}))
                if made is None:
                    raise OptionError(_shown((name, *faults[0][0]), faults[0][1]))
                return made
        raise OptionError(f"{kind.__name__} is not a type of options that a manifest holds.")

    def place(self, *keys: str | int) -> str:
        """Where a key stands in the manifest, for messages: file, line, section and key."""
        path = self.folder / FILE_NAME
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return f"{path}: {_shown(keys)}"
        return f"{path}{_line(text, keys)}: {_shown(keys)}"


def open_study(folder: str | PathLike[str]) -> Study:
    """The study in a folder.

    Raises:
        FileError: there is none, or its manifest is no TOML.
        DataError: the manifest says what no manifest may.
        MissingExtraError: pydantic is missing.
    """
    folder = Path(folder)
    path = folder / FILE_NAME
    if not path.is_file():
        raise FileError(
            f"{folder}: there is no study ({FILE_NAME} is missing). Make one: reassess new "
            f"{folder} --labels labels.csv"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: it cannot be read as text ({error}).") from error
    return read_manifest(text, folder)


def read_manifest(text: str, folder: Path) -> Study:
    """The study that a manifest describes.

    Args:
        text: the manifest.
        folder: the study's folder.

    Raises:
        FileError: it is not TOML.
        DataError: it says what no manifest may; the message names the first fault's line.
        MissingExtraError: pydantic is missing.
    """
    path = folder / FILE_NAME
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{path}: it is not TOML ({error}). Fix that line.") from error
    _check_format(path, text, document)
    for section, key in ignored_keys(document):
        del document[section][key]
    faults = list(_faults(document))
    if faults:
        placed = [(_line_number(text, keys) or 0, keys, fault) for keys, fault in faults]
        line, keys, fault = min(placed, key=lambda one: one[0])
        further = len(faults) - 1
        raise DataError(
            f"{path}{f', line {line}' if line else ''}: {_shown(keys, fault)}"
            + (f" {further} further {'fault stands' if further == 1 else 'faults stand'} in this "
               "file." if further else "")
        )  # fmt: skip
    return Study(
        folder=folder,
        name=document.get("name", folder.absolute().name),
        models=tuple(ModelEntry(**one) for one in document.get("models", [])),
        settings={
            name: _under_present_names(section, document[name])
            for name, section in SECTIONS.items()
            if name in document
        },
        **document["benchmark"],
    )


def faults_of_options(name: str, values: Mapping[str, Any]) -> list[str]:
    """What is wrong with values for a section, each as a sentence that begins with the section."""
    return [_shown((name, *keys), fault) for keys, fault in _section_faults(name, values)]


def former_names(text: str) -> Iterator[tuple[int, int, str]]:
    """Where a manifest of an earlier format says what is said otherwise now.

    Yields:
        start and stop of the old words in the text, and the new ones, the last first.
    """
    places = places_in(text)
    changes = [
        (place.start, place.stop, SECTIONS[str(keys[0])].former[str(keys[1])])
        for keys, place in places.items()
        if len(keys) == 2 and keys[0] in SECTIONS and keys[1] in SECTIONS[str(keys[0])].former
    ]
    written = places.get(("format",))
    if written is not None:
        value = re.compile(r"[ \t]*=[ \t]*(\d+)").match(text, written.stop)
        if value is not None and value[1] != str(FORMAT):
            changes.append((*value.span(1), str(FORMAT)))
    yield from sorted(changes, reverse=True)


def ignored_keys(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Section and key of what version 0.1.0 kept in a manifest and did not look at.

    Its ``propose --rule learned`` left the length of the lists of the rule before, which means
    nothing to this one.
    """
    table = document.get("propose")
    if document.get("format") == FORMAT or not isinstance(table, dict) or "top" not in table:
        return []
    rule = table.get("rule", ProposeOptions().rule)
    takes_it = rule not in list(PROPOSAL_RULES) or "pairs_per_model" in PROPOSAL_RULES[rule].options
    return [] if takes_it else [("propose", "top")]


def _check_format(path: Path, text: str, document: Mapping[str, Any]) -> None:
    found = document.get("format")
    if found in _READ and type(found) is int:
        return
    where = f"{path}{_line(text, ('format',))}"
    if type(found) is int and found > FORMAT:
        raise DataError(
            f"{where}: format is {found}, which a later version of reassess wrote, but must be "
            f"{' or '.join(map(str, _READ))}. Update: pip install --upgrade reassess"
        )
    said = "is missing" if found is None else f"is {found!r}"
    raise DataError(
        f"{where}: format {said}, but must be {' or '.join(map(str, _READ))}. Write format = "
        f"{FORMAT} at the top."
    )


def _faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    known = ("format", "name", "benchmark", "models", *SECTIONS)
    for key in document:
        if key not in known:
            yield (key,), refusal(key, known)
    if "name" in document:
        yield from typed_values("name", {"name": str}, document)[1]
    benchmark = document.get("benchmark")
    if not isinstance(benchmark, dict):
        yield ("benchmark",), "is missing or no table, but must name the original labels."
    else:
        yield from _under(("benchmark",), table_faults(BenchmarkFiles, benchmark))
    models = document.get("models", [])
    if not isinstance(models, list) or not all(isinstance(one, dict) for one in models):
        yield ("models",), "is not a list of tables, but must be: write [[models]]."
    else:
        for number, table in enumerate(models):
            yield from _under(("models", number), table_faults(ModelEntry, table))
            name = table.get("name")
            if any(name == one.get("name") for one in models[:number]) and name is not None:
                yield (
                    ("models", number, "name"),
                    f"is {name!r}, which appears more than once, but must be unique. Rename one.",
                )
    for name in SECTIONS:
        if name in document:
            yield from _under((name,), _section_faults(name, document[name]))


def _under(above: Keys, faults: Iterable[Fault]) -> Iterator[Fault]:
    for keys, fault in faults:
        yield (*above, *keys), fault


def _section_faults(name: str, table: Any) -> Iterator[Fault]:
    if not isinstance(table, dict):
        yield (), f"is {table!r}, but must be a table: write [{name}]."
        return
    section = SECTIONS[name]
    yield from unknown_keys(table, section.keys, section.former)
    for old, new in section.former.items():
        if old in table and new in table:
            yield (old,), f"is the former name of {new}, which is there too. Remove {old}."
            return
    values = _under_present_names(section, table)
    written = {new: old for old, new in section.former.items() if old in table}
    for kind in section.options:
        for keys, fault in made_from(kind, values)[1]:
            yield tuple(written.get(str(key), key) for key in keys), fault
    yield from typed_values("files", dict.fromkeys(section.files, str), values)[1]


def _under_present_names(section: Section, table: Mapping[str, Any]) -> dict[str, Any]:
    return {section.former.get(key, key): value for key, value in table.items()}


def _shown(keys: Keys, fault: str = "") -> str:
    """A key as people find it, and what is wrong with it."""
    first, *inner = keys
    in_array = bool(inner) and isinstance(inner[0], int)
    last = ".".join(str(one) for one in inner if isinstance(one, str))
    if fault.startswith("is not known"):
        last, first = repr(last) if last else "", first if inner else repr(first)
    table = f"[[{first}]]" if in_array else f"[{first}]"
    if not inner and first not in (*SECTIONS, "benchmark"):
        table = str(first)
    return " ".join(one for one in (table, last, fault) if one)


def _line_number(text: str, keys: Keys) -> int | None:
    """The line of a key, or of the nearest table around it."""
    places = places_in(text)
    while keys:
        if keys in places:
            return places[keys].line
        inside = [place.line for path, place in places.items() if path[: len(keys)] == keys]
        if inside:
            return min(inside)
        keys = keys[:-1]
    return None


def _line(text: str, keys: Keys) -> str:
    number = _line_number(text, keys)
    return "" if number is None else f", line {number}"
