"""Where commands write labels, and in which format."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from reassess.cli.options import RegistryChoice
from reassess.cli.output import inform
from reassess.cli.outputs import OutputFile

if TYPE_CHECKING:
    from reassess.files import LabelFormat
    from reassess.records import LabelSets

_Function = TypeVar("_Function", bound=Callable[..., None])


def _formats() -> "dict[str, LabelFormat]":
    """The formats of labels that can be written."""
    from reassess.files import LABEL_FORMATS

    return {name: one for name, one in LABEL_FORMATS.items() if one.write is not None}


def _beside(output: Path, values: Mapping[str, object]) -> list[Path]:
    """What is written with labels in some formats."""
    from reassess.files.label_studio import configuration_file
    from reassess.files.label_writers import meta_file

    form = values["form"]
    found = [meta_file(output)] if form in {"real-json", "by-file", "label-studio"} else []
    return [*found, configuration_file(output)] if form == "label-studio" else found


def _is_folder(values: Mapping[str, object]) -> bool:
    form = values["form"]
    return form is not None and _formats()[str(form)].is_folder


def label_output_options(function: _Function) -> _Function:
    """``-o`` and ``--format`` of a command that writes labels."""
    function = click.option(
        "--format",
        "form",
        type=RegistryChoice(_formats),
        help="Format of the output.  [default: parquet for .parquet, cvat for .xml, else native]",
    )(function)
    return click.option(
        "-o",
        "--output",
        required=True,
        type=OutputFile(replaces=("labels",), files=_beside, is_folder=_is_folder),
        metavar="FILE|DIR",
        help="Where to write the labels; a new folder for the format hugging-face.",
    )(function)


def write_in_format(labels: "LabelSets", output: str, form: str) -> None:
    """Write labels, and say what the format does not hold of them."""
    from reassess.files import LABEL_FORMATS, write_labels

    write_labels(labels, output, form)
    lost = sorted(LABEL_FORMATS[form].lost - {"name", "n_classes"})
    held = {name: getattr(labels, name) for name in lost}
    known = [
        name for name, value in held.items()
        if value is not None and not (isinstance(value, tuple) and not value)
    ]  # fmt: skip
    if known:
        what = ", ".join(name.replace("_", " ") for name in known)
        inform(f"Note: {output}: the format {form} does not hold: {what}.")
