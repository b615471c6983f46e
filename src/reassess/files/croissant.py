"""Croissant 1.1: what a released data set holds, as JSON-LD, with the Responsible-AI fields.

Every file is named with its size and SHA-256, every column of the labels, votes and classes with
its type. What is not known is left out.

Source: MLCommons Croissant Format Specification 1.1 and Croissant RAI 1.0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reassess.files.access import sha256_of

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that version 1.1 prescribes."""

_ENCODINGS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".md": "text/markdown",
    ".npz": "application/octet-stream",
    ".parquet": "application/x-parquet",
    ".toml": "application/toml",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: as the file has it.
        about: what it holds.
        data_type: its type in schema.org's words, ``sc:Text``, ``sc:Integer``, ….
        is_list: whether a cell is a list of such values.
    """

    name: str
    about: str
    data_type: str = "sc:Text"
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class RecordTable:
    """A file of rows.

    Attributes:
        name: what the record set is called.
        file: path of the file below the folder.
        about: what a row is.
        columns: its columns.
    """

    name: str
    file: str
    about: str
    columns: Sequence[Column]


def croissant(
    folder: Path,
    files: Sequence[str],
    tables: Sequence[RecordTable],
    *,
    about: Mapping[str, Any],
    rai: Mapping[str, Any],
) -> dict[str, Any]:
    """The JSON-LD of a data set.

    Args:
        folder: where the files lie.
        files: their paths below it.
        tables: those of them that are rows.
        about: ``name``, ``description``, ``license``, ``version``, ``datePublished``, ``creator``,
            ``citeAs``, ``url``; what is None is left out.
        rai: the Responsible-AI fields by their names without a prefix; what is None is left out.

    Raises:
        FileError: a file cannot be read.
    """
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        **{key: value for key, value in about.items() if value is not None},
        **{f"rai:{key}": value for key, value in rai.items() if value is not None},
        "distribution": [_file(folder, name) for name in files],
        "recordSet": [_record_set(table) for table in tables],
    }


def _file(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _ENCODINGS.get(path.suffix, "application/octet-stream"),
        "sha256": sha256_of(path),
    }


def _record_set(table: RecordTable) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": table.about,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{table.name}/{column.name}",
                "name": column.name,
                "description": column.about,
                "dataType": column.data_type,
                "source": {
                    "fileObject": {"@id": table.file},
                    "extract": {"column": column.name},
                },
            }
            | ({"isArray": True, "arrayShape": "-1"} if column.is_list else {})
            for column in table.columns
        ],
    }
