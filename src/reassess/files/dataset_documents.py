"""The texts of a data set: card, Croissant, citation, as functions of what is known of it.

A release of a study has them with all of its numbers; labels alone
(`reassess.files.dataset_folder`) with what labels say of themselves. What is not known is left out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reassess.files.croissant import Column, RecordTable, croissant

CARD, CROISSANT, CITATION = "README.md", "croissant.json", "CITATION.cff"
LABELS_TABLE = "data/labels.parquet"
_REASSESS = "https://arxiv.org/abs/2006.07159"

_LABEL_COLUMNS = (
    Column("image", "id of the image: its path below the folder of images"),
    Column("labels", "class indices that hold; none: leave the image out", "sc:Integer", True),
    Column("label_names", "ids of these classes", "sc:Text", True),
    Column("posterior", "P(the class is in the image) given the votes", "sc:Float", True),
    Column("calibrated", "the same as gold has it", "sc:Float", True),
    Column("rated", "whether raters were asked about the image", "sc:Boolean"),
    Column("asked", "class indices that raters were asked about", "sc:Integer", True),
    Column("original", "class index of the original label", "sc:Integer"),
)
_VOTE_COLUMNS = (
    Column("image", "id of the image"),
    Column("label", "index of the class that was asked about", "sc:Integer"),
    Column("class_id", "its id"),
    Column("rater", "pseudonym of the rater"),
    Column("answer", "no, maybe or yes"),
    Column("seconds", "how long the vote took, where that is known", "sc:Float"),
)
_CLASS_COLUMNS = (
    Column("index", "class index", "sc:Integer"),
    Column("id", "id of the class"),
    Column("name", "its name"),
)


@dataclass(frozen=True, slots=True)
class About:
    """What only people know of a data set.

    Attributes:
        title: what the data set is called.
        version: of the data set, such as 1.0.0.
        date: of its release, ``2026-11-30``.
        reassess: the version of reassess that made it.
        license: an SPDX name or an address; None where nobody stated one.
        authors: their names, as they are to be cited.
        description: one paragraph; None for a sentence made from the numbers.
        url: where the data set is found; None where that is not known.
    """

    title: str
    version: str
    date: str
    reassess: str
    license: str | None = None
    authors: tuple[str, ...] = ()
    description: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """The numbers of a data set, each computed from its records.

    Attributes:
        numbers: counts by name.
        operating_point: how labels were decided, as labels state it; None where they do not.
        method: how votes were aggregated; None without a posterior.
        models: names of the models that were asked about or scored, in their order.
        scores: every accuracy of each model, as ``reassess score --json`` has it.
        question: the question that raters were asked; None for the usual one.
        votes_per_question: how many raters answered a question, in words; None without votes.
        from_votes: whether raters' votes decided the labels.
        is_release: whether all that the labels rest on is with them; labels alone otherwise.
    """

    numbers: Mapping[str, int]
    operating_point: Mapping[str, Any] | None
    method: str | None
    models: tuple[str, ...]
    scores: Mapping[str, Any]
    question: str | None = None
    votes_per_question: str | None = None
    from_votes: bool = True
    is_release: bool = True


def card(about: About, facts: DatasetFacts, columns: Sequence[str]) -> str:
    """The data set's card: Markdown below a head that Hugging Face's hub reads.

    Args:
        about: what people state.
        facts: the numbers.
        columns: of the table of labels.
    """
    n = facts.numbers["images"]
    head = [
        "---",
        f"pretty_name: {json.dumps(about.title, ensure_ascii=False)}",
        *_license(about.license),
        "task_categories:",
        "- image-classification",
        *(["annotations_creators:", "- crowdsourced"] if facts.from_votes else []),
        "size_categories:",
        f"- {_size_category(n)}",
        "configs:",
        "- config_name: labels",
        "  default: true",
        "  data_files:",
        "  - split: labels",
        f"    path: {LABELS_TABLE}",
        "- config_name: votes",
        "  data_files:",
        "  - split: votes",
        "    path: votes.csv",
        "---",
    ]
    described = {one.name: one.about for one in _LABEL_COLUMNS}
    lines = [
        *(head if "votes" in facts.numbers else [*head[:-5], "---"]),
        "",
        f"# {about.title}",
        "",
        about.description or sentence(about, facts),
        "",
        "| | |",
        "|---|--:|",
        *(f"| {name} | {value:,} |" for name, value in facts.numbers.items()),
        "",
        "## How the labels were decided",
        "",
        decided(facts),
        "",
        *_models(facts),
        f"## Columns of `{LABELS_TABLE}`",
        "",
        *(f"- `{name}`: {described[name]}" for name in columns if name in described),
        "",
        CHECKED if facts.is_release else READ_AGAIN,
        "",
        "## Limits",
        "",
        LIMITS if facts.from_votes else LIMITS_UNKNOWN,
    ]
    return "\n".join(lines) + "\n"


CHECKED = (
    "`labels.json` holds the same with how it came about. `reassess check .` computes every number "
    "here again from the files beside it, whose hashes stand in `SHA256SUMS`."
)

READ_AGAIN = (
    "`reassess` takes this folder wherever it takes labels, with all that is known of how they "
    "came about."
)

PSEUDONYMS = (
    "Names of raters and experts are replaced by pseudonyms, and the time of day of their votes is "
    "left out."
)
NO_VOTES = "Neither votes nor names of raters are in it."

LIMITS_UNKNOWN = (
    "The labels do not say how they were made. An image without a label is to be left out."
)

LIMITS = (
    "Raters were asked about the classes that some model proposed or that was the original label: "
    "a class that nobody proposed is unknown, not absent. Images that were not put to raters keep "
    "their original label, which nobody checked. An image without a label is to be left out."
)


def sentence(about: About, facts: DatasetFacts) -> str:
    """What the data set is, in a sentence made from its numbers."""
    numbers = facts.numbers
    votes = (
        f", from {numbers['votes']:,} votes of {numbers['raters']:,} raters"
        if "votes" in numbers
        else ""
    )
    return (
        f"Reassessed labels of {numbers['images']:,} images of {about.title}{votes}: "
        f"{numbers['images with a label']:,} have a label, "
        f"{numbers['images with several labels']:,} have several."
    )


def decided(facts: DatasetFacts) -> str:
    """How the labels were decided, in two sentences."""
    text = f"Votes were aggregated by the method {facts.method}." if facts.method else ""
    point = facts.operating_point
    if point is None:
        return text or "How the labels were decided is not stated."
    text += (
        f" A label is kept where its posterior is at least {point['threshold']:.6g} "
        f"(rule {point['rule']})."
    )
    if point["precision"] is not None:
        text += (
            f" On {point['n_gold']:,} gold questions this gives precision {point['precision']:.4f} "
            f"and recall {point['recall']:.4f}."
        )
    return text.strip()


def citation(about: About) -> str:
    """``CITATION.cff`` of the data set."""
    names = about.authors or ("unknown",)
    lines = [
        "cff-version: 1.2.0",
        "message: If you use these labels, please cite them as below.",
        "type: dataset",
        f"title: {json.dumps(about.title, ensure_ascii=False)}",
        f"version: {json.dumps(about.version, ensure_ascii=False)}",
        f"date-released: {about.date}",
        "authors:",
        *(f"- name: {json.dumps(name, ensure_ascii=False)}" for name in names),
    ]
    if about.license is not None:
        is_address = "://" in about.license
        lines.append(f"{'license-url' if is_address else 'license'}: {about.license}")
    if about.url is not None:
        lines.append(f"url: {json.dumps(about.url)}")
    return "\n".join(lines) + "\n"


def croissant_text(
    folder: Path,
    files: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    about: About,
    facts: DatasetFacts,
) -> str:
    """``croissant.json`` of the data set.

    Args:
        folder: where the files lie.
        files: those that it names, as paths below the folder.
        columns: the columns of each table that is there, by its file.
        about: what people state.
        facts: the numbers.

    Raises:
        FileError: a file cannot be read.
    """
    known = {
        LABELS_TABLE: ("labels", "one image", _LABEL_COLUMNS),
        "votes.csv": ("votes", "one rater's answer to one question", _VOTE_COLUMNS),
        "classes.csv": ("classes", "one class", _CLASS_COLUMNS),
    }
    tables = [
        RecordTable(name, file, row, [one for one in described if one.name in columns[file]])
        for file, (name, row, described) in known.items()
        if file in columns
    ]
    authors = [{"@type": "sc:Person", "name": name} for name in about.authors]
    value = croissant(
        folder, files, tables,
        about={
            "name": about.title,
            "description": about.description or sentence(about, facts),
            "version": about.version,
            "datePublished": about.date,
            "license": about.license,
            "creator": authors or None,
            "url": about.url,
            "citeAs": _cite_as(about),
        },
        rai=_responsible(facts),
    )  # fmt: skip
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _models(facts: DatasetFacts) -> list[str]:
    """The card's section on models, which labels alone do not have."""
    if not facts.is_release:
        return []
    return [
        "## Models",
        "",
        "| model | original labels | ReaL |",
        "|---|--:|--:|",
        *(_model_row(one) for one in facts.scores["models"]),
        "",
    ]


def _responsible(facts: DatasetFacts) -> dict[str, Any]:
    """Croissant's Responsible-AI fields, as far as they are known."""
    if not facts.from_votes:
        return {"dataLimitations": LIMITS_UNKNOWN}
    question = facts.question or "Is this class in the image?"
    return {
        "dataCollection": (
            "Models proposed classes for each image; people answered whether each is there; the "
            f"answers were aggregated and cut at an operating point ({_REASSESS})."
        ),
        "dataCollectionType": ["Manual Human Curator", "Crowdsourcing"],
        "dataAnnotationProtocol": (
            f"Asked: {question!r}, to be answered by no, maybe or yes. {decided(facts)}"
        ),
        "dataAnnotationPlatform": "reassess's rating site, or votes that it imported",
        "dataAnnotationAnalysis": decided(facts),
        "annotationsPerItem": facts.votes_per_question,
        "annotatorDemographics": (
            "not collected" + "; raters are known by pseudonyms only" * facts.is_release
        ),
        "machineAnnotationTools": list(facts.models) or None,
        "dataUseCases": "measuring the accuracy of image classifiers; training on several labels",
        "dataLimitations": LIMITS,
        "dataBiases": (
            "What no model proposed was not asked about, so that errors which all models share "
            "with the original label are not found."
        ),
        "personalSensitiveInformation": PSEUDONYMS if facts.is_release else NO_VOTES,
    }


def _cite_as(about: About) -> str:
    names = " and ".join(about.authors) or "unknown"
    return f"{names} ({about.date[:4]}). {about.title}, version {about.version}. Data set."


def _license(stated: str | None) -> list[str]:
    """The lines of a card's head that state a licence, as Hugging Face's hub reads them."""
    if stated is None:
        return ["license: unknown"]
    if "://" in stated:
        return ["license: other", f"license_link: {stated}"]
    return [f"license: {stated.lower()}"]


def _model_row(one: dict[str, Any]) -> str:
    values = [None if one[kind] is None else one[kind]["value"] for kind in ("original", "real")]
    cells = ["–" if value is None else f"{100 * value:.2f} %" for value in values]
    return f"| {one['model'].replace('|', '/')} | {' | '.join(cells)} |"


def _size_category(n: int) -> str:
    bounds = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"),
              (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))  # fmt: skip
    return next((name for bound, name in bounds if n < bound), "10M<n<100M")
