"""``reassess propose``: which labels are worth asking about, and what it costs."""

import dataclasses
import math
import shlex
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.engine_options import EngineChoice, engine_options
from reassess.cli.options import RegistryChoice, RegistryOption, labels_are_option, option
from reassess.cli.output import console, print_json, progress_bar
from reassess.cli.outputs import OutputFile
from reassess.cli.shards import check_shard_options, shard_options
from reassess.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reassess.engines import JobShare
    from reassess.proposals import Cost, LearningCurve, MissingLabelRange, ProposalRule
    from reassess.report.table import Table
    from reassess.study import Proposed, Study

_DISAGREEMENTS = (0.05, 0.1, 0.2)
"""Shares of the images on which one of two models is right and the other wrong."""


def _rules() -> "Mapping[str, ProposalRule]":
    from reassess.proposals import RULES

    return RULES


@click.command(
    epilog="""\b
Examples:
  reassess propose pets --dry-run
  reassess propose pets --recall 0.97 --gold gold.csv --curve curve.svg
  reassess propose pets --rule learned --recall 0.97 --json
  reassess propose pets --remarks remarks.csv

\b
Full scores scanned by an array of 16 jobs, then one that joins (docs/job-arrays.md):
  sbatch --array=1-16 --wrap 'reassess propose pets
      --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT'
  reassess propose pets --join
"""
)
@click.argument("study")
@click.option(
    "--rule",
    cls=RegistryOption,
    type=RegistryChoice(_rules),
    help="{names}.  [default: paper]",
)
@click.option(
    "--recall",
    type=click.FloatRange(0, 1, min_open=True),
    help="Wanted recall. paper: choose the models that reach it on gold with the fewest "
    "proposals; learned: the expected recall.  [default: all models; 0.97 of what the models name]",
)
@click.option("--budget", type=click.IntRange(1), help="At most so many proposals (learned only).")
@labels_are_option
@click.option("--gold", metavar="FILE", help="Gold questions: a table image,label,expert,answer.")
@click.option(
    "--remarks",
    metavar="FILE",
    help="Ask about the classes that raters wrote, too: a table image,label, as `votes export "
    "--remarks` writes it; rows without a label are passed over.",
)
@option(
    "--pairs-per-model",
    old=("--top",),
    type=click.IntRange(1),
    help="Pairs of each list, ties with the last kept.  [default: 3 for each image]",
)
@click.option("--per-task", type=click.IntRange(1), help="Most questions a screen.  [default: 8]")
@click.option(
    "--audit",
    type=click.IntRange(0),
    metavar="N",
    help="Number of skipped images to draw at random and ask about all the same, so that levels "
    "and intervals count how many are mislabelled; 0 for none.  [default: a fifth, at most 150]",
)
@click.option("--audit-seed", type=click.IntRange(0), help="Seed of that draw.  [default: 0]")
@click.option("--votes-per-question", type=click.IntRange(1), help="For the cost.  [default: 5]")
@click.option(
    "--seconds-per-question",
    type=click.FloatRange(0, min_open=True),
    help="Seconds of a rater, for the cost.  [default: measured where votes tell, else an "
    "assumption]",
)
@click.option("--wage-per-hour", type=click.FloatRange(0), help="For the cost in money.")
@click.option(
    "--curve",
    type=OutputFile(),
    metavar="FILE",
    help="Draw the recall-cost curve of the choice: .svg, .png, .html.",
)
@shard_options
@engine_options
@click.option("--dry-run", is_flag=True, help="Only say what would be asked, and what it costs.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def propose(
    study: str,
    rule: str | None,
    recall: float | None,
    budget: int | None,
    gold: str | None,
    remarks: str | None,
    pairs_per_model: int | None,
    per_task: int | None,
    audit: int | None,
    audit_seed: int | None,
    votes_per_question: int | None,
    seconds_per_question: float | None,
    wage_per_hour: float | None,
    curve: str | None,
    shard: "JobShare | None",
    join: bool,
    runs_on: EngineChoice,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Propose labels for the images of a STUDY, and bundle the questions into tasks.

    Options are remembered in study.toml, and gold and remarks are copied into the study, except
    in a dry run. Nothing that was answered is asked again: a model or images that are added
    later only add questions. Interrupted, it goes on where it was.

    With --shard nothing is proposed or remembered: the job scans its share of the full scores
    for a later --join, with the same options.
    """
    from reassess.study import (
        as_named,
        change_settings,
        kept_in_study,
        open_study,
        propose_study,
    )

    check_shard_options(shard, join=join)
    stored = open_study(study)
    typed = {
        "propose": _given(
            rule=rule, recall=recall, budget=budget, pairs_per_model=pairs_per_model,
            per_task=per_task, audit=audit, audit_seed=audit_seed,
            gold=None if gold is None else as_named(gold, stored.folder),
            remarks=None if remarks is None else as_named(remarks, stored.folder),
        ),
        "cost": _given(
            votes_per_question=votes_per_question, seconds_per_question=seconds_per_question,
            wage_per_hour=wage_per_hour,
        ),
    }  # fmt: skip
    if typed["propose"].keys() & {"rule", "recall", "budget"}:  # how much is wanted is one choice
        typed["propose"] = {"recall": None, "budget": None} | typed["propose"]
    if rule is not None:
        typed["propose"] = {"pairs_per_model": None} | typed["propose"]
    opened = stored.with_settings(typed)
    if shard is not None:
        _scan(opened, shard, runs_on, as_json=as_json)
        return
    if curve is not None:
        _check_curve(
            opened.setting("propose", "rule", "paper"), opened.setting("propose", "recall")
        )
    with progress_bar("Proposing") as step, runs_on.start() as running:
        proposed = propose_study(
            opened, write=not dry_run, join=join, engine=running, progress=step
        )
    if not dry_run:
        if gold is not None:
            typed["propose"]["gold"] = kept_in_study(stored, gold, "gold")
        if remarks is not None:
            typed["propose"]["remarks"] = kept_in_study(stored, remarks, "remarks")
        for section, values in typed.items():
            stored = change_settings(stored, section, values)
    if curve is not None and proposed.result.choice is not None:
        from reassess.report import write_recall_cost

        write_recall_cost(proposed.result.choice, curve)
    summary = _summary(proposed, len(opened.models))
    if as_json:
        print_json(summary)
    else:
        _print(study, summary, proposed, dry_run=dry_run)


def _scan(study: "Study", shard: "JobShare", runs_on: EngineChoice, *, as_json: bool) -> None:
    """Scan a job's share of the full scores, and say what comes next."""
    from reassess.study import scan_study

    with progress_bar("Scanning") as step, runs_on.start() as running:
        found = scan_study(study, shard, engine=running, progress=step)
    if as_json:
        print_json({"shard": str(shard), **dataclasses.asdict(found)})
        return
    click.echo(
        f"Job {shard}: its {found.n_done:,} of {found.n_shards:,} shards of full scores are "
        f"scanned, {found.n_resumed:,} of them before. Join them when every job has ended (--join)."
    )


def _given(**options: object) -> dict[str, Any]:
    """The options that were typed."""
    return {name: value for name, value in options.items() if value is not None}


def _check_curve(rule: str, recall: float | None) -> None:
    if rule != "paper" or recall is None:
        raise OptionError("--curve needs a choice of models (--recall R --gold FILE).")


def _summary(proposed: "Proposed", n_models: int) -> dict[str, Any]:
    import numpy as np

    from reassess.proposals import default_pairs_per_model
    from reassess.proposals.audits import n_skipped_drawn
    from reassess.statistics.power import detectable_difference

    proposals, rated, options = (
        proposed.result.proposals,
        proposed.result.proposals.rated,
        proposed.options,
    )
    choice, missing, learned = (
        proposed.result.choice, proposed.result.missing,
        proposed.result.learned
    )  # fmt: skip
    listed = options.pairs_per_model or default_pairs_per_model(proposed.benchmark)
    return {
        "rule": options.rule,
        "pairs_per_model": None if learned is not None else listed,
        "per_task": options.per_task,
        "n_models": n_models,
        "n_images": len(rated),
        "n_rated": int(rated.sum()),
        "n_unrated": int((~rated).sum()),
        "n_audited": n_skipped_drawn(proposed.audit),
        "n_proposals": len(proposals),
        "n_questions": len(proposed.tasks.questions),
        "n_new_questions": int(proposed.changes.new.sum()),
        "n_answered": int(proposed.changes.answered.sum()),
        "n_asked_images": len(np.unique(proposed.tasks.pairs.image)),
        "n_tasks": proposed.tasks.n_tasks,
        "expected_recall": proposed.result.expected_recall,
        "chosen_models": None if choice is None else list(choice.chosen.models),
        "curve": None
        if choice is None
        else [
            {
                "models": list(one.models),
                "recall": one.recall,
                "precision": one.precision,
                "n_proposals": one.n_proposals,
            }
            for one in choice.curve
        ],
        "unseen": None if missing is None else _missing_as_dict(missing),
        "learning_curve": None
        if proposed.result.learning is None
        else dataclasses.asdict(proposed.result.learning),
        "learner": None if learned is None else learned.learner,
        "calibration": _calibration(proposed),
        "lost": proposed.result.missing_lists,
        "n_resumed_shards": proposed.n_resumed,
        "costs": [dataclasses.asdict(one) for one in proposed.costs],
        "power": [
            {"disagreement": share, "difference": detectable_difference(len(rated), share)}
            for share in _DISAGREEMENTS
        ],
    }


def _missing_as_dict(missing: "MissingLabelRange") -> dict[str, Any]:
    """The range of the labels that no model lists, and what each estimator says."""
    return {
        "low": missing.low,
        "high": _finite(missing.high),
        "estimates": [
            {
                "method": one.method,
                "n_unseen": one.n_missing,
                "low": one.interval[0],
                "high": _finite(one.interval[1]),
            }
            for one in missing.estimates
        ],
        "left_out": missing.left_out,
    }


def _finite(value: float) -> float | None:
    """The number; None where it is infinite, for JSON knows no such number."""
    return value if math.isfinite(value) else None


def _missing_sentence(missing: "MissingLabelRange") -> str:
    """Between what, by which estimators."""
    high = f"{missing.high:,.0f}" if math.isfinite(missing.high) else "an unknown number"
    named = ", ".join(f"{one.method} {one.n_missing:,.0f}" for one in missing.estimates)
    text = (
        f"Valid labels that no model lists: {missing.low:,.0f} to {high}, by estimators that "
        f"disagree ({named}) and their 95% intervals."
    )
    return text + "".join(
        f" No estimate by {name}: {why}" for name, why in missing.left_out.items()
    )


def _calibration(proposed: "Proposed") -> dict[str, Any] | None:
    """How the learned probabilities compare with the truth that they did not see."""
    if proposed.result.learned is None:
        return None
    found = dataclasses.asdict(proposed.result.learned.calibration)
    for key, value in found.items():
        if hasattr(value, "tolist"):  # an empty bin has no mean: null, for JSON has no NaN
            found[key] = [None if one != one else one for one in value.tolist()]  # noqa: PLR0124
    return found


def _print(study: str, summary: dict[str, Any], proposed: "Proposed", *, dry_run: bool) -> None:
    n_images = summary["n_images"]
    if proposed.result.learning is not None:
        _print_learning(proposed.result.learning)
    click.echo(
        f"{summary['n_models']:,} models on {n_images:,} images propose {summary['n_proposals']:,} "
        f"labels ({summary['n_proposals'] / n_images:.2f} an image). {summary['n_unrated']:,} "
        f"images keep their original label unrated."
    )
    if summary["n_audited"]:
        click.echo(
            f"{summary['n_audited']:,} of these are asked about all the same, drawn at random: the "
            "audit tells how many are mislabelled (--audit N; --audit 0 for none)."
        )
    elif summary["n_unrated"]:
        click.echo(
            "None of these is audited: intervals will be conditional on their original labels "
            "being right (--audit N)."
        )
    click.echo(
        f"{summary['n_questions']:,} questions on {summary['n_asked_images']:,} images, in "
        f"{summary['n_tasks']:,} tasks of at most {summary['per_task']}; "
        f"{summary['n_new_questions']:,} are new, {summary['n_answered']:,} answered."
    )
    if summary["expected_recall"] is not None:
        where = "on gold" if proposed.result.choice is not None else "expected"
        click.echo(f"Recall {where}: {summary['expected_recall']:.3f} of the valid labels.")
    if proposed.result.choice is not None:
        chosen, curve = proposed.result.choice.chosen, proposed.result.choice.curve
        click.echo(
            f"Chosen models: {', '.join(chosen.models) or 'none'}; precision "
            f"{chosen.precision:.3f} on gold. The curve has {len(curve)} points "
            "(--curve FILE draws it)."
        )
    if proposed.result.learned is not None:
        held_out = proposed.result.learned.calibration
        click.echo(
            f"Calibration on images that were not learned from: expected error "
            f"{held_out.expected_error:.4f}, Brier score {held_out.brier:.4f}."
        )
    if proposed.result.missing is not None:
        click.echo(_missing_sentence(proposed.result.missing))
    if proposed.result.learned is not None and proposed.result.learned.learner == "logistic":
        click.echo(
            "Note: there was little to learn from, and perhaps of contested images only: on the "
            "others such probabilities come out too high. A --budget is safer than a --recall."
        )
    lost = summary["lost"]
    for text in sorted(set(lost.values())):
        models = [name for name, reason in lost.items() if reason == text]
        shown = ", ".join(models[:3]) + (", …" if len(models) > 3 else "")
        click.echo(f"Note: {len(models)} of the models ({shown}) give {text}.")
    _print_costs(proposed.costs)
    click.echo(_power_sentence(n_images, summary["power"]))
    click.echo("Nothing was written." if dry_run else f"Next: reassess status {shlex.quote(study)}")


def _power_sentence(n_images: int, power: list[dict[str, float | None]]) -> str:
    """What differences of two models so many images will show."""
    told = [
        f"{100 * difference:.2f} points where two models disagree on {100 * share:.0f}%"
        for one in power
        if (difference := one["difference"]) is not None and (share := one["disagreement"])
    ]
    if not told:
        return f"{n_images:,} images are too few to tell two models apart."
    return (
        f"With {n_images:,} images a paired test finds a difference of {', '.join(told)} of them "
        "(80% power)."
    )


def _print_learning(curve: "LearningCurve") -> None:
    """What the learned rule is worth with so much to learn from, before anything else."""
    from reassess.report.table import Column, Columns, Table, to_rich

    points = curve.points
    at_cost = f"recall at {curve.pairs_per_image:.2f} proposals an image"
    at_recall = f"proposals an image for a recall of {curve.recall:.3f}"
    columns: Columns = [
        (Column("n_images", "images learned from", "count"), [one.n_images for one in points]),
        (Column("recall", at_cost, "number", 3), [one.recall for one in points]),
        (Column("pairs_per_image", at_recall, "number", 2),
         [one.pairs_per_image for one in points]),
    ]  # fmt: skip
    title = "Learning curve: recall of the known valid labels of other images"
    console().print(to_rich(Table.from_columns("learning", title, columns)))


def _print_costs(costs: "tuple[Cost, ...]") -> None:
    from reassess.report.table import to_rich

    console().print(to_rich(_costs_table(costs)))
    if costs and costs[0].assumed:
        click.echo(f"Assumed values: {', '.join(costs[0].assumed)}.")


def _costs_table(costs: "tuple[Cost, ...]") -> "Table":
    """One row a way of rating: what the open questions cost."""
    from reassess.report.table import Column, Columns, Table

    columns: Columns = [
        (Column("rating", "rating"), [one.rating for one in costs]),
        (Column("n_votes", "votes", "count"), [one.n_votes for one in costs]),
        (Column("n_screens", "screens", "count"), [one.n_screens for one in costs]),
        (Column("hours", "rater hours", "number"), [one.hours for one in costs]),
        (
            Column("same_decisions", "% decided as by all votes", "percent", 0),
            [one.same_decisions for one in costs],
        ),
    ]
    if costs[0].recall is not None:
        columns.append((Column("recall", "recall", "number", 3), [one.recall for one in costs]))
    if any(one.money is not None for one in costs):
        columns.append((Column("money", "money", "count"), [one.money for one in costs]))
    return Table.from_columns("costs", "What rating costs", columns)
