"""``reassess score``: models under original and reassessed labels."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.inputs import inputs_of
from reassess.cli.options import (
    Judge,
    Rows,
    console,
    labels_option,
    option,
    progress,
    read_judge,
    rows_options,
    sources_of,
)
from reassess.errors import OptionError, preview
from reassess.records import ModelScore, Predictions

if TYPE_CHECKING:
    from reassess.report import Input


@click.command(
    epilog="""\b
Examples:
  reassess score imagenet-torchvision --labels imagenet-real
  reassess score preds.npy --labels imagenet-real --order imagefolder --json
  reassess score CLASSES.npy:SCORES.npy vit=logits.npz --labels labels.json \\
    --original-labels labels.csv --ids ids.txt --csv -o scores.csv
"""
)
@click.argument("predictions", nargs=-1, required=True)
@labels_option
@rows_options
@option(
    "--top-k",
    old=("--top",),
    type=int,
    multiple=True,
    metavar="K",
    help="Also top-K accuracies; may be repeated.",
)
@option(
    "--ambiguous-labels",
    old=("--unclear",),
    metavar="FILE",
    help="Labels that multi-label accuracy counts as right.",
)
@option(
    "--confidence",
    old=("--level",),
    type=float,
    default=0.95,
    show_default=True,
    help="Of the intervals.",
)
@option(
    "--resamples",
    old=("--bootstrap",),
    type=int,
    metavar="B",
    help="Also intervals from B resamples of the images inside each original class.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the resamples.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV.")
@click.option("-o", "--output", metavar="FILE", help="Write to this file instead of the terminal.")
@click.option("--per-image", metavar="FILE", help="Also write a table of per-image results.")
@click.option("--report", metavar="FILE", help="Also write a report, one HTML page.")
@click.option("--figures", metavar="DIR", help="Also write each figure as PNG, SVG and PDF.")
def score(
    predictions: tuple[str, ...],
    labels: str,
    original_labels: str | None,
    classes: str | None,
    **options: Any,
) -> None:
    """Score models on PREDICTIONS: accuracy under the original labels, and ReaL accuracy.

    PREDICTIONS are files (.npy, .npz, CSV, parquet; CLASSES.npy:SCORES.npy; NAME=FILE names
    the model) or names of the catalogue. Which image a row is about is stated by ids in the
    file, --ids or --order. docs/file-formats.md shows every form.
    """
    from reassess.statistics import z_critical

    if options["as_json"] and options["as_csv"]:
        raise OptionError("--json and --csv exclude each other; -o FILE with one, then the other.")
    z_critical(options["confidence"])
    rows = Rows.from_options(options["order"], options["ids"], options["subset"], options["scale"])
    judge = read_judge(labels, original_labels, classes, rows)
    keep = any(options[name] is not None for name in ("per_image", "report", "figures"))
    scores, kept, origins = _scores(predictions, judge, rows, options, keep)
    if options["per_image"] is not None:
        from reassess.files.scores import write_image_table
        from reassess.scoring import image_table

        write_image_table(image_table(kept, judge.labels), options["per_image"])
    _write(scores, judge, options)
    _note_same_names(scores)
    if options["report"] is not None or options["figures"] is not None:
        inputs = _inputs(labels, original_labels, classes, options)
        for source in dict.fromkeys(origins):
            found = list(inputs_of("", source, "predictions"))
            of_source = [one.model for one, origin in zip(scores, origins, strict=True)
                         if origin == source]  # fmt: skip
            inputs += [replace(one, role=f"model {model}") for model in of_source for one in found]
        _report(scores, kept, judge, inputs, options)


def _scores(
    sources: tuple[str, ...], judge: Judge, rows: Rows, options: dict[str, Any], keep: bool
) -> tuple[list[ModelScore], list[Predictions], list[str]]:
    """Scores of all models, their predictions where something else needs them, their sources."""
    from reassess.scoring import Bootstrap, score_models

    bootstrap = None
    if options["resamples"] is not None:
        bootstrap = Bootstrap(options["resamples"], options["seed"], options["confidence"])
    unclear = None
    if options["ambiguous_labels"] is not None:
        from reassess.files import read_labels

        unclear = read_labels(
            options["ambiguous_labels"],
            classes=judge.benchmark.classes,
            image_ids=judge.benchmark.image_ids,
        ).align_to(judge.benchmark)
    listed = sources_of(sources)
    scores: list[ModelScore] = []
    kept: list[Predictions] = []
    origins: list[str] = []
    with progress("Scoring", len(listed)) as step:
        for source in listed:
            step(source)
            found = judge.read(source, rows, max((5, *options["top_k"])))
            scores += score_models(
                found,
                judge.labels,
                judge.benchmark,
                ks=options["top_k"],
                unclear=unclear,
                subset=True,
                bootstrap=bootstrap,
            )
            kept += found if keep else []
            origins += [source] * len(found)
    return scores, kept, origins


def _inputs(
    labels: str, original_labels: str | None, classes: str | None, options: dict[str, Any]
) -> "list[Input]":
    """The files of what models are judged by; labels of the catalogue bring their benchmark."""
    from reassess.catalog import knows
    from reassess.files.arrays import exists

    if original_labels is None and knows(labels, "labels") and not exists(Path(labels)):
        original_labels = "imagenet"
    return [
        *inputs_of("labels", labels, "labels"),
        *inputs_of("original labels", original_labels, "benchmark"),
        *inputs_of("classes", classes),
        *inputs_of("ids", options["ids"]),
        *inputs_of("subset", options["subset"]),
    ]


def _note_same_names(scores: list[ModelScore]) -> None:
    names = [one.model for one in scores]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        click.echo(
            f"Note: several models are called {preview(twice)}; name them apart, as NAME=FILE.",
            err=True,
        )


def _write(scores: list[ModelScore], judge: Judge, options: dict[str, Any]) -> None:
    from reassess.files.scores import score_columns, scores_as_json, write_scores

    name, confidence, output = judge.labels.name, options["confidence"], options["output"]
    if output is not None:
        as_csv = options["as_csv"] or (output.endswith(".csv") and not options["as_json"])
        write_scores(scores, name, output, confidence, "csv" if as_csv else "json")
        click.echo(f"{len(scores):,} model{'s' if len(scores) != 1 else ''}: {output}", err=True)
    elif options["as_json"]:
        click.echo(scores_as_json(scores, name, confidence), nl=False)
    elif options["as_csv"]:
        import csv
        import sys

        columns = score_columns(scores, confidence)
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    else:
        from reassess.report.terminal import score_table

        console().print(score_table(scores, name))


def _report(
    scores: list[ModelScore],
    predictions: list[Predictions],
    judge: Judge,
    inputs: "list[Input]",
    options: dict[str, Any],
) -> None:
    """The report and its figures, with the command and the files that they rest on."""
    import shlex
    import sys
    from datetime import UTC, datetime
    from importlib.metadata import version

    from reassess.report import write_figures, write_report
    from reassess.report.build import ReportInputs, assemble_report
    from reassess.report.formatting import count

    labels, benchmark = judge.labels, judge.benchmark
    provenance = [
        ("reassess", version("reassess")),
        ("made", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]
    if labels.votes_sha256 is not None:
        provenance.append(("votes behind the labels", f"SHA-256 {labels.votes_sha256}"))
    report = replace(
        assemble_report(
            ReportInputs(labels, benchmark, predictions, scores),
            f"{benchmark.name}: {count(len(scores), 'model')} under reassessed labels",
        ),
        command=shlex.join(["reassess", *sys.argv[1:]]),
        provenance=provenance,
        inputs=inputs,
    )
    if options["report"] is not None:
        write_report(report, options["report"])
        click.echo(f"report: {options['report']}", err=True)
    if options["figures"] is not None:
        write_figures(report, options["figures"])
        click.echo(f"figures: {options['figures']}", err=True)
