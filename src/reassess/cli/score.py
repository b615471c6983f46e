"""``reassess score``: models under original and reassessed labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.family_scores import (
    FamilyScore,
    Rescore,
    refuse_single_labels,
    rescore_without_families,
)
from reassess.cli.figure_options import figure_options
from reassess.cli.options import labels_option, option, rows_options
from reassess.cli.output import console, inform, print_json, progress_bar
from reassess.cli.outputs import OutputFile, OutputFolder
from reassess.errors import OptionError, preview
from reassess.notes import note
from reassess.records import LabelSets, ModelScore, Predictions, ScoreType, align
from reassess.records.benchmark import MOST_CLASSES

if TYPE_CHECKING:
    from reassess.files import RowOrder
    from reassess.report import Input, Report
    from reassess.report.paper import FigureStyle
    from reassess.report.table import Table
    from reassess.scoring import Bootstrap, SetRule
    from reassess.sources import EvaluationTarget


@dataclass
class _Scored:
    """Scores of models, the source of each, and their predictions where these are needed.

    `families` has which family each score's labels leave out of their context; None where all are
    scored by the same labels.
    """

    scores: list[ModelScore]
    origins: list[str]
    predictions: list[Predictions]
    families: list[FamilyScore] | None = None


@click.command(
    epilog="""\b
Examples:
  reassess score imagenet-torchvision --labels imagenet-real
  reassess score better.npz --labels pets
  reassess score better.npz --labels pets --multilabel top-2
  reassess score pets --labels pets --leave-family-out
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
    metavar="NAME|FILE|STUDY",
    help="Labels that multi-label accuracy also counts as right: NAME, FILE or STUDY.",
)
@click.option(
    "--multilabel",
    metavar="top-K|SCORE",
    help="Also precision, recall, F1, mAP and subset accuracy of predicted sets: the K best "
    "classes, or those that score at least SCORE.",
)
@click.option(
    "--leave-family-out",
    is_flag=True,
    help="Score each model by labels whose context leaves the model's own family out; for a study "
    "whose labels lean on models (docs/context.md).",
)
@option(
    "--confidence",
    old=("--level",),
    type=float,
    default=0.95,
    show_default=True,
    help="Confidence level of the intervals.",
)
@option(
    "--resamples",
    old=("--bootstrap",),
    type=int,
    metavar="B",
    help="Also intervals from B resamples of the images inside each original class.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the resamples."
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV.")
@click.option(
    "-o",
    "--output",
    type=OutputFile(),
    metavar="FILE",
    help="Write to this file instead of the terminal.",
)
@click.option(
    "--per-image",
    type=OutputFile(".csv", ".parquet", ".pq"),
    metavar="FILE",
    help="Also write per-image results, as a table.",
)
@click.option(
    "--every-eval-ever",
    type=OutputFolder((".json",)),
    metavar="DIR",
    help="Also write a record of Every Eval Ever (schema 0.3.0) a model.",
)
@click.option(
    "--timm-results",
    type=OutputFolder((".csv",)),
    metavar="DIR",
    help="Also write tables with the columns of timm's results, best first.",
)
@click.option(
    "--report",
    type=OutputFile(".html", ".htm"),
    metavar="FILE",
    help="Also write a report, one HTML page.",
)
@figure_options(named=True)
def score(
    predictions: tuple[str, ...],
    labels: str,
    original_labels: str | None,
    classes: str | None,
    model_classes: str | None,
    order: "RowOrder | None",
    ids: str | None,
    subset: str | None,
    scale: ScoreType | None,
    top_k: tuple[int, ...],
    ambiguous_labels: str | None,
    multilabel: str | None,
    leave_family_out: bool,
    confidence: float,
    resamples: int | None,
    seed: int,
    as_json: bool,
    as_csv: bool,
    output: str | None,
    per_image: str | None,
    every_eval_ever: str | None,
    timm_results: str | None,
    report: str | None,
    figures: str | None,
    figure_style: "FigureStyle",
    figure_names: tuple[str, ...],
) -> None:
    """Score models on PREDICTIONS: accuracy under the original labels, and ReaL accuracy.

    PREDICTIONS are files (.npy, .npz, CSV, parquet; CLASSES.npy:SCORES.npy), names of the
    catalogue, or studies; NAME=FILE names the model, FILE#MODEL takes one of several. Which
    image a row is about is stated by ids in the file, --ids or --order. docs/file-formats.md
    shows every form.
    """
    from reassess import sources
    from reassess.files.places import check_extension
    from reassess.report.table import format_of
    from reassess.scoring import Bootstrap, SetRule
    from reassess.statistics import z_critical

    if as_json and as_csv:
        raise OptionError("--json and --csv exclude each other; -o FILE with one, then the other.")
    form = "json" if as_json else "csv" if as_csv else "terminal"
    if output is not None and form == "terminal":
        form = format_of(output)
    elif output is not None:
        check_extension(output, (f".{form}",), f"Rename it, or leave --{form} out")
    if leave_family_out:
        refuse_single_labels(
            per_image=per_image, report=report, figures=figures,
            every_eval_ever=every_eval_ever, timm_results=timm_results,
        )  # fmt: skip
    z_critical(confidence)  # what is out of range is refused before anything is read
    sets = None if multilabel is None else SetRule.read(multilabel)
    bootstrap = None if resamples is None else Bootstrap(resamples, seed, confidence)
    rows = sources.RowMapping.read(order=order, ids=ids, subset=subset, scale=scale)
    target = sources.evaluation_target(
        labels,
        original_labels,
        classes=classes,
        model_classes=model_classes,
        rows=rows,
        models=predictions,
    )
    keep = leave_family_out or any(one is not None for one in (per_image, report, figures))
    rescore = _scorer(target, top_k, ambiguous_labels, bootstrap, sets)
    scored = _score(predictions, target, rescore, _depth(top_k, sets), keep=keep)
    if leave_family_out:
        scored.families = rescore_without_families(
            labels, target, scored.scores, scored.predictions, rescore
        )
    if per_image is not None:
        _write_per_image(scored, target, per_image)
    if output is not None:
        _write(scored, target.labels.name, output, confidence, form)
    else:
        _print(scored, target.labels.name, confidence, as_json, as_csv)
    _note_same_names(scored.scores)
    inputs: list[Input] = []
    if any(one is not None for one in (report, figures, every_eval_ever)):
        others = {"classes": classes, "ids": ids, "subset": subset}
        inputs = _inputs(labels, original_labels, model_classes, others, scored)
    _write_records(scored, target, inputs, every_eval_ever, timm_results, confidence)
    if report is not None or figures is not None:
        from reassess.report import write_figures, write_report

        told = _report(scored, target, inputs)
        if report is not None:
            write_report(told, report)
            inform(f"report: {report}")
        if figures is not None:
            write_figures(told, figures, names=figure_names, style=figure_style)
            inform(f"figures: {figures}")


def _write_per_image(scored: _Scored, target: "EvaluationTarget", path: str) -> None:
    """What each model says of each image, as a table."""
    from reassess.files.artefacts import write_image_table
    from reassess.scoring import image_table

    results = image_table(scored.predictions, target.labels)
    about, original = target.benchmark, target.benchmark.original
    if original is not None:
        original = original[align(target.image_ids, about.image_ids, source="labels")]
    write_image_table(results, path, about.classes, labels=target.labels, original=original)


def _scorer(
    target: "EvaluationTarget",
    top_k: tuple[int, ...],
    ambiguous_labels: str | None,
    bootstrap: "Bootstrap | None",
    sets: "SetRule | None",
) -> Rescore:
    """How models are scored, by whichever labels."""
    from reassess import sources
    from reassess.scoring import score_models

    unclear = None
    if ambiguous_labels is not None:
        about = target.benchmark
        unclear = sources.labels(ambiguous_labels, about=about).align_to(about)

    def scores(found: Sequence[Predictions], labels: LabelSets) -> list[ModelScore]:
        return list(
            score_models(
                found,
                labels,
                target.benchmark,
                ks=top_k,
                unclear=unclear,
                subset=True,
                bootstrap=bootstrap,
                sets=sets,
            )
        )

    return scores


def _depth(top_k: tuple[int, ...], sets: "SetRule | None") -> int:
    """How many classes of an image are read of each model."""
    # Average precision, and a threshold, need the scores of all classes.
    return max((5, *top_k)) if sets is None else MOST_CLASSES


def _score(
    listed: tuple[str, ...],
    target: "EvaluationTarget",
    score_by: Rescore,
    depth: int,
    *,
    keep: bool,
) -> _Scored:
    """Score the models of every source, one source after the other: one fits into memory."""
    from reassess import sources

    listed = tuple(sources.prediction_sources(listed))
    scored = _Scored([], [], [])
    with progress_bar("Scoring") as step:
        for place, source in enumerate(listed):
            step(source, done=place, total=len(listed))
            found = target.predictions(source, top_k=depth)
            scored.scores += score_by(found, target.labels)
            scored.predictions += found if keep else []
            scored.origins += [source] * len(found)
            del found  # or it would be held while the next source is read
    return scored


def _inputs(
    labels: str,
    original_labels: str | None,
    model_classes: str | None,
    others: dict[str, str | None],
    scored: _Scored,
) -> "list[Input]":
    """The files behind the scores, with their hashes, as a report lists them."""
    from reassess import sources
    from reassess.report import Input

    behind = [("labels", one) for one in sources.files_behind(labels, "labels")]
    behind += [
        ("original labels", one) for one in sources.files_behind_benchmark(labels, original_labels)
    ]
    if model_classes is not None:
        files = sources.files_behind(model_classes, "benchmark")
        behind += [("models' classes", one) for one in files]
    for role, file in others.items():
        behind += [(role, one) for one in sources.hashed([] if file is None else [file])]
    for source in dict.fromkeys(scored.origins):
        files = sources.files_behind(source, "predictions")
        pairs = zip(scored.scores, scored.origins, strict=True)
        models = [score.model for score, origin in pairs if origin == source]
        behind += [(f"model {model}", one) for model in models for one in files]
    return [Input(role, one.name, one.sha256) for role, one in behind]


def _note_same_names(scores: Sequence[ModelScore]) -> None:
    names = [one.model for one in scores]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        note(f"several models are called {preview(twice)}; name them apart, as NAME=FILE.")


def _write(scored: _Scored, name: str, output: str, confidence: float, form: str) -> None:
    """Write the scores to a file."""
    from reassess.files.artefacts import write_json
    from reassess.report.table import write_rendered

    scores = scored.scores
    if form == "json":
        write_json(_as_json(scored, name, confidence), output)
    else:
        # As in JSON, rows that a script reads stand in the order in which models were named.
        for_people = form not in {"csv", "tsv"}
        write_rendered(_table(scored, name, confidence, best_first=for_people), output, form)
    inform(f"{len(scores):,} model{'s' if len(scores) != 1 else ''}: {output}")


def _as_json(scored: _Scored, name: str, confidence: float) -> dict[str, Any]:
    from reassess.files.artefacts import scores_as_dict

    value = scores_as_dict(scored.scores, name, confidence)
    for model, one in zip(value["models"], scored.families or (), strict=False):
        model |= {"context_without": one.without, "real_with_family": one.with_family}
    return value


def _table(scored: _Scored, name: str, confidence: float, *, best_first: bool) -> "Table":
    from reassess.report.score_tables import score_table

    families = None
    if scored.families is not None:
        families = {
            score.model: (one.without, one.with_family)
            for score, one in zip(scored.scores, scored.families, strict=True)
        }
    return score_table(
        scored.scores, name, confidence=confidence, best_first=best_first, families=families
    )


def _print(scored: _Scored, name: str, confidence: float, as_json: bool, as_csv: bool) -> None:
    from reassess.report.score_tables import sets_table
    from reassess.report.table import render, to_rich

    scores = scored.scores
    if as_json:
        print_json(_as_json(scored, name, confidence))
        return
    table = _table(scored, name, confidence, best_first=not as_csv)
    if as_csv:
        click.echo(render(table, "csv"), nl=False)
    else:
        console().print(to_rich(table))
        if any(one.sets is not None for one in scores):
            console().print(to_rich(sets_table(scores, name)))


def _write_records(
    scored: _Scored,
    target: "EvaluationTarget",
    inputs: "list[Input]",
    every_eval_ever: str | None,
    timm_results: str | None,
    confidence: float,
) -> None:
    """The scores in the forms in which others exchange them."""
    from datetime import UTC, datetime

    from reassess.files.score_records import write_every_eval_ever, write_timm_results

    written = []
    if every_eval_ever is not None:
        written += write_every_eval_ever(
            scored.scores, every_eval_ever, labels=target.labels.name,
            benchmark=target.benchmark.name, at=datetime.now(UTC), confidence=confidence,
            inputs={f"{one.role}: {one.file}": one.sha256 for one in inputs},
        )  # fmt: skip
    if timm_results is not None:
        written += write_timm_results(scored.scores, timm_results, benchmark=target.benchmark.name)
    for path in written:
        inform(f"written: {path}")


def _report(scored: _Scored, target: "EvaluationTarget", inputs: "list[Input]") -> "Report":
    """The report, with the command and the files that it rests on."""
    import shlex
    import sys
    from dataclasses import replace
    from datetime import UTC, datetime
    from importlib.metadata import version

    from reassess.report.build import ReportInputs, assemble_report
    from reassess.report.formatting import count

    labels, benchmark = target.labels, target.benchmark
    provenance = [
        ("reassess", version("reassess")),
        ("made", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]
    if labels.votes_sha256 is not None:
        provenance.append(("votes behind the labels", f"SHA-256 {labels.votes_sha256}"))
    return replace(
        assemble_report(
            ReportInputs(labels, benchmark, scored.predictions, scored.scores),
            f"{benchmark.name}: {count(len(scored.scores), 'model')} under reassessed labels",
        ),
        command=shlex.join(["reassess", *sys.argv[1:]]),
        provenance=provenance,
        inputs=inputs,
    )
