"""``reassess compare-labels``: several reassessments of one benchmark, side by side."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.options import (
    Judge,
    Rows,
    console,
    option,
    print_json,
    progress,
    read_original,
    rows_options,
    sources_of,
    split_source,
)
from reassess.errors import OptionError
from reassess.records import Benchmark, Classes, LabelSets

if TYPE_CHECKING:
    from reassess.analysis.label_table import LabelTable
    from reassess.analysis.reassessments import ModelUnderSets
    from reassess.files.expert_mistakes import ExpertMistakes

Sets = list[tuple[LabelSets, Classes | None]]


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
  verdicts     imagenet-mistakes, or such a file: experts call single predictions wrong.
               That is no label set: the verdicts are held against each label set instead
NAME=SOURCE says what to call it.

\b
In the table of images an empty cell means that a source is not about the image, and 'none'
that it says no label holds.
"""
)
@click.argument("sources", nargs=-1, required=True)
@option("--original-labels", old=("--original",), metavar="NAME|FILE",
              help="Original labels: 'imagenet' or a table "
              "image,label.  [default: those of the first study or catalogue name]")  # fmt: skip
@click.option("--classes", metavar="FILE", help="Classes: index,id,name,synonyms,definition.")
@click.option("--models", multiple=True, metavar="PREDICTIONS",
              help="Also score these models under each; a file or a name, may be "
              "repeated.")  # fmt: skip
@rows_options
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Of the resamples behind intervals of alpha.")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="Write one row an image to this CSV file.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def compare_labels(
    sources: tuple[str, ...], original_labels: str | None, classes: str | None, **options: Any
) -> None:
    """Put several reassessments of one benchmark on one table: SOURCES, images aligned by id.

    Where they agree, which labels each would give, and what a model scores under each.
    """
    import numpy as np

    from reassess.analysis.label_table import among, build_label_table
    from reassess.analysis.reassessments import (
        expert_agreements,
        pair_agreements,
        set_summaries,
    )

    rows = Rows.from_options(options["order"], options["ids"], options["subset"], options["scale"])
    sets, verdicts, benchmark = _read(sources, original_labels, classes)
    if rows.images is not None:
        sets = [(among(one, rows.images), known) for one, known in sets]
    if len(sets) + len(verdicts) < 2 or not sets:
        raise OptionError(
            f"the sources hold {len(sets)} label sets and {len(verdicts)} lists of verdicts, but "
            "must hold two at least, and one of label sets. Name another source."
        )
    table = build_label_table(sets, benchmark)
    found = {
        "sets": set_summaries(table),
        "pairs": pair_agreements(table, rng=np.random.default_rng(options["seed"])),
        "verdicts": expert_agreements(table, verdicts),
        "models": _models(table, benchmark, rows, options["models"]),
    }
    if options["output"] is not None:
        from reassess.files.tables import write_table
        from reassess.report.reassessments import image_columns

        write_table(Path(options["output"]), image_columns(table))
        click.echo(f"{len(table.image_ids):,} images: {options['output']}", err=True)
    if options["as_json"]:
        print_json(_as_dict(table, found))
        return
    _print(table, found)


def _read(
    sources: tuple[str, ...], original_labels: str | None, classes: str | None
) -> tuple[Sets, list["ExpertMistakes"], Benchmark | None]:
    """Label sets, verdicts on predictions, and the benchmark that they are about."""
    from reassess.files import read_classes

    benchmark = None if original_labels is None else read_original(original_labels, classes)
    known = None if classes is None else read_classes(classes)
    if benchmark is None:
        benchmark = _benchmark_of(sources)
    if known is None and benchmark is not None:
        known = benchmark.classes
    sets: Sets = []
    verdicts: list[ExpertMistakes] = []
    for source in sources:
        found, own = _source(source, benchmark, known)
        if isinstance(found, list):
            verdicts += found
        else:
            sets.append((found, own))
    return sets, verdicts, benchmark


def _benchmark_of(sources: tuple[str, ...]) -> Benchmark | None:
    """What the first source that names its benchmark is about."""
    from reassess.catalog import Catalog
    from reassess.study import labels_of, open_study

    for source in sources:
        _, path, _ = split_source(source)
        if _is_study(path):
            return labels_of(open_study(path))[1]
        if _is_named(path):
            return Catalog.default().benchmark("imagenet")
    return None


def _source(
    source: str, benchmark: Benchmark | None, known: Classes | None
) -> tuple["LabelSets | list[ExpertMistakes]", Classes | None]:
    """One source: its label sets and the classes that it numbers, or verdicts."""
    from reassess.catalog import Catalog
    from reassess.files import read_labels
    from reassess.files.expert_mistakes import is_expert_mistakes, read_expert_mistakes
    from reassess.files.label_tables import read_label_table
    from reassess.study import labels_of, open_study

    name, path, _ = split_source(source)
    if _is_study(path):
        labels, about = labels_of(open_study(path))
        return replace(labels, name=name or Path(path).resolve().name), about.classes
    if _is_named(path):
        if path == "imagenet-mistakes":
            return Catalog.default().expert_mistakes(path), None
        catalog = Catalog.default()
        labels = catalog.labels(path)
        return replace(labels, name=name or path), catalog.benchmark("imagenet").classes
    if is_expert_mistakes(path):
        return [read_expert_mistakes(path, model=name, n_classes=_n(known))], None
    if Path(path).suffix.lower() in {".csv", ".tsv"}:
        return read_label_table(path, classes=known, name=name or Path(path).stem), known
    ids = None if benchmark is None else benchmark.image_ids
    labels = read_labels(path, classes=known, image_ids=ids)
    return replace(labels, name=name or Path(path).stem), known


def _n(classes: Classes | None) -> int | None:
    return None if classes is None else len(classes)


def _is_study(path: str) -> bool:
    return Path(path).is_dir()


def _is_named(path: str) -> bool:
    from reassess.catalog import entry, knows
    from reassess.files.arrays import exists

    if exists(Path(path)) or Path(path).suffix:
        return False
    if not knows(path, "labels", "checks"):
        entry(path, "labels", "checks")
    return True


def _models(
    table: "LabelTable", benchmark: Benchmark | None, rows: Rows, sources: tuple[str, ...]
) -> tuple["ModelUnderSets", ...]:
    """What each model scores under each reassessment."""
    from reassess.analysis.reassessments import model_under_sets

    about = benchmark or Benchmark("the images", table.image_ids, None, table.classes)
    judge = Judge(table.sets[0], about, table.image_ids)
    listed = sources_of(sources)
    found = []
    with progress("Scoring", len(listed)) as step:
        for source in listed:
            step(source)
            found += [model_under_sets(one, table) for one in judge.read(source, rows, 1)]
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
    from reassess.report.reassessments import models_table, pairs_table, sets_table, verdicts_table

    out = console()
    out.print(sets_table(found["sets"]))
    if found["pairs"]:
        out.print("\n", pairs_table(found["pairs"]))
    if len(table.sets) > 2:
        n_in_all, n_identical = all_identical(table)
        out.print(f"\nAll {len(table.sets)} are about {n_in_all:,} images, and give {n_identical:,}"
                  " of them the same set.")  # fmt: skip
    if found["verdicts"]:
        out.print("\n", verdicts_table(found["verdicts"]))
    if found["models"]:
        out.print("\n", models_table(found["models"], table.names))
