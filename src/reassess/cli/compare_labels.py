"""``reassess compare-labels``: several reassessments of one benchmark, side by side."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.options import labels_are_option, option, output_option, rows_options
from reassess.cli.output import console, inform, print_json, progress_bar
from reassess.errors import OptionError
from reassess.records import Benchmark, ScoreType

if TYPE_CHECKING:
    from reassess.analysis.label_table import LabelTable
    from reassess.analysis.reassessments import ModelUnderSets
    from reassess.files import RowOrder
    from reassess.sources import RowMapping


@click.command(
    epilog="""\b
Examples:
  reassess compare-labels imagenet-real imagenet-mturk
  reassess compare-labels first=a/labels.json second=b/labels.json --original-labels labels.csv
  reassess compare-labels pets pets-again -o table.csv
  reassess compare-labels imagenet-real imagenet-mturk imagenet-mistakes \\
    --models imagenet-v2-repo --json

\b
A source is
  a file       anything that --labels takes: what `reassess label` wrote, a real.json, a
               table image,label (several rows an image, or none) or image,labels; or a
               published check of suspected label errors (given / guessed / both /
               neither): what most workers chose
  a study      its folder
  a name       imagenet-real; imagenet-mturk (a check of 5,440 images, 4,842 decided)
  reviews      imagenet-mistakes, or such a file: experts call single predictions wrong.
               That is no label set: it is held against each label set instead
NAME=SOURCE says what to call it.

\b
In the table of images an empty cell means that a source is not about the image, and 'none'
that it says no label holds.
"""
)
@click.argument("sources", nargs=-1, required=True)
@option("--original-labels", old=("--original",), metavar="NAME|FILE|STUDY",
              help="Original labels: 'imagenet', a table image,label, or a study.  "
              "[default: those of the first study or catalogue name]")  # fmt: skip
@labels_are_option
@click.option(
    "--classes", metavar="FILE", help="Table of the classes: index,id,name,synonyms,definition."
)
@click.option("--models", multiple=True, metavar="PREDICTIONS",
              help="Also score these models under each reassessment; may be repeated.")  # fmt: skip
@rows_options
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Seed of the resamples behind intervals of alpha.")  # fmt: skip
@output_option("a row for each image")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def compare_labels(
    sources: tuple[str, ...],
    original_labels: str | None,
    classes: str | None,
    models: tuple[str, ...],
    order: "RowOrder | None",
    ids: str | None,
    subset: str | None,
    scale: ScoreType | None,
    seed: int,
    output: str | None,
    as_json: bool,
) -> None:
    """Put several reassessments of one benchmark on one table: SOURCES, images aligned by id.

    Where they agree, which labels each would give, and what a model scores under each.
    """
    import numpy as np

    from reassess.analysis.label_table import build_label_table, select_images
    from reassess.analysis.reassessments import (
        expert_agreements,
        pair_agreements,
        set_summaries,
    )
    from reassess.sources import RowMapping, reassessments

    rows = RowMapping.read(order=order, ids=ids, subset=subset, scale=scale)
    read = reassessments(sources, original_labels, classes=classes)
    benchmark, verdicts, sets = read.benchmark, read.verdicts, read.sets
    if rows.subset is not None:
        sets = tuple((select_images(one, rows.subset), known) for one, known in sets)
    if len(sets) + len(verdicts) < 2 or not sets:
        raise OptionError(
            f"the sources hold {len(sets)} label sets and {len(verdicts)} lists of verdicts, but "
            "must hold two at least, and one of label sets. Name another source."
        )
    table = build_label_table(sets, benchmark)
    found = {
        "sets": set_summaries(table),
        "pairs": pair_agreements(table, rng=np.random.default_rng(seed)),
        "verdicts": expert_agreements(table, verdicts),
        "models": _models(table, benchmark, rows, models),
    }
    if output is not None:
        from reassess.report.label_tables import images_table
        from reassess.report.table import write_rendered

        write_rendered(images_table(table), output)
        inform(f"{len(table.image_ids):,} images: {output}")
    if as_json:
        print_json(_as_dict(table, found))
        return
    _print(table, found)


def _models(
    table: "LabelTable", benchmark: Benchmark | None, rows: "RowMapping", listed: tuple[str, ...]
) -> tuple["ModelUnderSets", ...]:
    """What each model scores under each reassessment."""
    from reassess.analysis.reassessments import model_under_sets
    from reassess.sources import EvaluationTarget, prediction_sources

    about = benchmark or Benchmark("the images", table.image_ids, None, table.classes)
    target = EvaluationTarget(table.sets[0], about, rows)
    sources = prediction_sources(listed)
    found = []
    with progress_bar("Scoring") as step:
        for place, source in enumerate(sources):
            step(source, done=place, total=len(sources))
            read = target.predictions(source, top_k=1)
            found += [model_under_sets(one, table) for one in read]
    return tuple(found)


def _as_dict(table: "LabelTable", found: dict[str, Any]) -> dict[str, Any]:
    from reassess.analysis.reassessments import all_identical

    n_in_all, n_identical = all_identical(table)
    value: dict[str, Any] = {
        "n_images": len(table.image_ids),
        "n_images_in_all": n_in_all,
        "n_identical_in_all": n_identical,
        "share_identical_in_all": n_identical / n_in_all if n_in_all else None,
    }
    for name in ("sets", "pairs", "verdicts", "models"):
        value[name] = [asdict(one) for one in found[name]]
    for one in value["verdicts"]:
        one["n_verdicts"] = one.pop("n_judged")
    for pair in value["pairs"]:
        n = pair["n_shared"]
        pair["share_identical"] = pair["n_identical"] / n if n else None
    for model in value["models"]:
        for over in ("own", "shared"):
            model[over] = {
                name: _accuracy(one) for name, one in zip(table.names, model[over], strict=True)
            }
    for one in value["sets"]:
        if one["original_holds"] is not None:
            one["original_holds"] = _accuracy(one["original_holds"])
    return value


def _accuracy(counts: dict[str, Any]) -> dict[str, Any]:
    """Counts with the share that they come to and its 95% interval; None where nothing counts."""
    from reassess.statistics import wilson_interval

    n, right = counts["n_scored"], counts["n_correct"]
    interval = wilson_interval(right, n) if n else None
    return counts | {"value": right / n if n else None, "interval": interval}


def _print(table: "LabelTable", found: dict[str, Any]) -> None:
    from reassess.analysis.reassessments import all_identical
    from reassess.report.label_tables import (
        expert_checks_table,
        models_under_sets_table,
        set_pairs_table,
        sets_table,
    )
    from reassess.report.table import to_rich

    out = console()
    out.print(to_rich(sets_table(found["sets"])))
    if found["pairs"]:
        out.print("\n", to_rich(set_pairs_table(found["pairs"])))
    if len(table.sets) > 2:
        n_in_all, n_identical = all_identical(table)
        out.print(f"\nAll {len(table.sets)} are about {n_in_all:,} images, and give {n_identical:,}"
                  " of them the same set.")  # fmt: skip
    if found["verdicts"]:
        out.print("\n", to_rich(expert_checks_table(found["verdicts"])))
    if found["models"]:
        out.print("\n", to_rich(models_under_sets_table(found["models"], table.names)))
