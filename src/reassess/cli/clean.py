"""``reassess clean``: filter noisy training labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reassess.cli.options import RegistryChoice, labels_are_option
from reassess.cli.output import inform
from reassess.cli.outputs import OutputFile
from reassess.cli.training_options import cleaning_rules
from reassess.errors import OptionError


def _removed(output: Path) -> Path:
    return output.with_name("removed.csv")


def _beside(output: Path, values: Mapping[str, object]) -> list[Path]:
    """What is written where --removed is not given."""
    return [_removed(output)] if values["removed"] is None else []


@click.command(
    epilog="""\b
Examples:
  reassess clean oof.npz --labels labels.csv -o keep.txt
  reassess clean oof.npz --labels labels.csv --rule confident -o keep.txt
  reassess clean oof.npz --labels photos/ -o keep.txt

\b
keep.txt holds one image id per line. removed.csv, beside it, gives the reason for every other
image: image, label, predicted, p_label, p_predicted, reason.
"""
)
@click.argument("predictions", metavar="OOF")
@click.option("--labels", required=True, metavar="STUDY|DATA|FILE", help="The labels, as `train` "
              "takes them: a study, images with labels (a folder, parquet, shards), a table "
              "image,label, a list as val.txt, or label sets.")  # fmt: skip
@labels_are_option
@click.option("--classes", metavar="FILE", help="Classes, where OOF does not name them: "
              "index,id,name,synonyms,definition.")  # fmt: skip
@click.option("--rule", type=RegistryChoice(cleaning_rules), default="disagree",
              show_default=True, help="Remove where the prediction is another class; or only where "
              "the model is confident of another one.")  # fmt: skip
@click.option(
    "--removed",
    type=OutputFile(".csv"),
    metavar="FILE",
    help="[default: removed.csv beside the output]",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=OutputFile(".txt", files=_beside),
    metavar="FILE",
    help="Ids of the kept images.",
)
def clean(
    predictions: str,
    labels: str,
    classes: str | None,
    rule: str,
    removed: str | None,
    output: str,
) -> None:
    """Filter noisy training labels: keep the images whose label agrees with a model (OOF).

    OOF are out-of-fold predictions, as `reassess folds` writes them. Labels are never changed:
    images are left out. Number and order of the classes stay.
    """
    from reassess.errors import DataError
    from reassess.files.keep_list import read_predicted_labels, write_keep_list, write_removed
    from reassess.files.model_outputs import read_out_of_fold
    from reassess.training import clean as clean_labels

    found = read_out_of_fold(predictions)
    given = read_predicted_labels(found, *_labels_of(labels, classes))
    result = clean_labels(found.probabilities, given.label, rule)
    if not result.kept.any():
        raise DataError(
            f"{predictions}: no image would be kept of {len(result.kept):,}, but at least one "
            "must. Check that labels and predictions have the same classes in the same order."
        )
    beside = _removed(Path(output)) if removed is None else Path(removed)
    write_removed(
        beside, found.image_ids, given, result.kept, result.predicted, result.p_label,
        result.p_predicted,
    )  # fmt: skip
    write_keep_list(found.image_ids[result.kept], output)
    for text in given.notes(result.kept):
        inform(text)
    n_kept, n_images = int(result.kept.sum()), len(result.kept)
    click.echo(
        f"{n_kept:,} of {n_images:,} images kept ({100 * n_kept / n_images:.1f}%): {output}; "
        f"{n_images - n_kept:,} removed: {beside}"
    )


def _labels_of(labels: str, classes: str | None) -> tuple[Any, Any]:
    """Labels and classes: of a study those in use, else as they are named."""
    from reassess.sources import is_study

    if not is_study(labels):
        return labels, classes
    from reassess.study import open_study
    from reassess.study.training import labels_in_use

    if classes is not None:
        raise OptionError("a study has classes of its own: leave --classes out.")
    found = labels_in_use(open_study(labels))
    inform(f"Note: {found.about}.")
    return found.labels, found.classes
