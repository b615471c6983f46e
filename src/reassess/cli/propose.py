"""``reassess propose``: which labels are worth asking about, and what it costs."""

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.options import console, option, print_json, progress
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.proposals import Cost
    from reassess.report.table import Table
    from reassess.study import Proposed, Study

_SETTINGS = ("rule", "recall", "budget", "pairs_per_model", "per_task", "gold")
_COSTS = ("votes_per_question", "seconds_per_question", "wage_per_hour")


@click.command(
    epilog="""\b
Examples:
  reassess propose pets --dry-run
  reassess propose pets --recall 0.97 --gold gold.csv --curve curve.svg
  reassess propose pets --rule learned --recall 0.97 --json
"""
)
@click.argument("study")
@click.option(
    "--rule",
    type=click.Choice(["paper", "learned"]),
    help="paper: large scores of two models or more; learned: the pairs that are likely to be "
    "valid, learned from votes or gold.  [default: paper]",
)
@click.option(
    "--recall",
    type=click.FloatRange(0, 1, min_open=True),
    help="Wanted recall. paper: choose the models that reach it on gold with the fewest "
    "proposals; learned: the expected recall.  [default: all models; 0.97 of what the models name]",
)
@click.option("--budget", type=click.IntRange(1), help="At most so many proposals (learned only).")
@click.option("--gold", metavar="FILE", help="Gold questions: a table image,label,expert,answer.")
@option(
    "--pairs-per-model",
    old=("--top",),
    type=click.IntRange(1),
    help="Pairs of each list, ties with the last kept.  [default: 3 for each image]",
)
@click.option("--per-task", type=click.IntRange(1), help="Most questions a screen.  [default: 8]")
@click.option("--votes-per-question", type=click.IntRange(1), help="For the cost.  [default: 5]")
@click.option(
    "--seconds-per-question",
    type=click.FloatRange(0, min_open=True),
    help="Of a rater, for the cost.  [default: measured where votes tell, else an assumption]",
)
@click.option("--wage-per-hour", type=click.FloatRange(0), help="For the cost in money.")
@click.option(
    "--curve", metavar="FILE", help="Draw the recall-cost curve of the choice: .svg, .png, .html."
)
@click.option("--workers", type=int, help="Threads.  [default: one a core]")
@click.option("--dry-run", is_flag=True, help="Only say what would be asked, and what it costs.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def propose(study: str, dry_run: bool, as_json: bool, **options: Any) -> None:
    """Propose labels for the images of a STUDY, and bundle the questions into tasks.

    Options are remembered in study.toml, except in a dry run. Nothing that was answered is
    asked again: a model or images that are added later only add questions. Interrupted, it
    goes on where it was.
    """
    from reassess.study import change_settings, open_study, propose_study, write_proposed

    stored = open_study(study)
    typed = _typed(stored, options)
    settings = {
        section: {**stored.settings.get(section, {}), **typed[section]} for section in typed
    }
    opened = dataclasses.replace(stored, settings={**stored.settings, **settings})
    by_paper = opened.setting("propose", "rule", "paper") == "paper"
    chosen = by_paper and opened.setting("propose", "recall") is not None
    if options["curve"] is not None and not chosen:
        raise OptionError("--curve needs a choice of models (--recall R --gold FILE).")
    with progress("Proposing", None) as step:
        proposed = propose_study(opened, workers=options["workers"], on_step=step)
        costs = _costs(opened, proposed)
        if not dry_run:
            step("writing")
            for section, values in typed.items():
                stored = change_settings(stored, section, values)
            write_proposed(stored, proposed)
    if options["curve"] is not None and proposed.choice is not None:
        from reassess.report import write_recall_cost

        write_recall_cost(proposed.choice, options["curve"])
    summary = _summary(opened, proposed, costs)
    if as_json:
        print_json(summary)
    else:
        _print(study, summary, proposed, costs, dry_run=dry_run)


def _typed(study: "Study", options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The options that were typed, by the section of the manifest that holds them."""
    from reassess.study import as_named

    typed = {key: value for key, value in options.items() if value is not None}
    if "gold" in typed:
        typed["gold"] = as_named(typed["gold"], study.folder)
    asked: dict[str, Any] = {key: typed[key] for key in _SETTINGS if key in typed}
    if asked.keys() & {"rule", "recall", "budget"}:  # how much is wanted is one choice
        asked = {"recall": None, "budget": None} | asked
    return {"propose": asked, "cost": {key: typed[key] for key in _COSTS if key in typed}}


def _costs(study: "Study", proposed: "Proposed") -> list["Cost"]:
    """What each way of rating costs for the questions that are still to be asked."""
    from reassess.proposals import SAVINGS, rating_cost
    from reassess.study import seconds_of_votes

    open_questions = ~proposed.answered
    n_tasks = len(set(proposed.tasks.task[open_questions].tolist()))
    seconds = study.setting("cost", "seconds_per_question") or seconds_of_votes(study)
    wage = study.setting("cost", "wage_per_hour")
    return [
        rating_cost(
            int(open_questions.sum()),
            n_tasks,
            rating=rating,
            votes_per_question=study.setting("cost", "votes_per_question", 5),
            seconds_per_question=None if seconds is None else float(seconds),
            wage_per_hour=None if wage is None else float(wage),
            recall=proposed.expected_recall,
        )
        for rating in SAVINGS
    ]


def _summary(study: "Study", proposed: "Proposed", costs: list["Cost"]) -> dict[str, Any]:
    from reassess.proposals import default_pairs_per_model
    from reassess.study import PER_TASK

    proposals, rated = proposed.proposals, proposed.proposals.rated
    rule = study.setting("propose", "rule", "paper")
    choice, unseen = proposed.choice, proposed.unseen
    return {
        "rule": rule,
        "top": study.setting(
            "propose", "pairs_per_model", default_pairs_per_model(proposed.benchmark)
        )
        if rule == "paper"
        else None,
        "per_task": study.setting("propose", "per_task", PER_TASK),
        "n_models": len(study.models),
        "n_images": len(rated),
        "n_rated": int(rated.sum()),
        "n_unrated": int((~rated).sum()),
        "n_proposals": len(proposals),
        "n_questions": len(proposed.tasks.questions),
        "n_new_questions": int(proposed.new.sum()),
        "n_answered": int(proposed.answered.sum()),
        "n_tasks": proposed.tasks.n_tasks,
        "expected_recall": proposed.expected_recall,
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
        "unseen": None
        if unseen is None
        else {
            "n_unseen": unseen.n_missing,
            "low": unseen.interval[0],
            "high": unseen.interval[1],
            "method": unseen.method,
        },
        "learner": None if proposed.learned is None else proposed.learned.learner,
        "calibration": _calibration(proposed),
        "lost": proposed.lost,
        "n_resumed_shards": proposed.n_resumed,
        "costs": [dataclasses.asdict(one) for one in costs],
    }


def _calibration(proposed: "Proposed") -> dict[str, Any] | None:
    """How the learned probabilities compare with the truth that they did not see."""
    if proposed.learned is None:
        return None
    found = dataclasses.asdict(proposed.learned.calibration)
    for key, value in found.items():
        if hasattr(value, "tolist"):  # an empty bin has no mean: null, for JSON has no NaN
            found[key] = [None if one != one else one for one in value.tolist()]  # noqa: PLR0124
    return found


def _print(
    study: str, summary: dict[str, Any], proposed: "Proposed", costs: list["Cost"], *, dry_run: bool
) -> None:
    n_images = summary["n_images"]
    click.echo(
        f"{summary['n_models']:,} models on {n_images:,} images propose {summary['n_proposals']:,} "
        f"labels ({summary['n_proposals'] / n_images:.2f} an image). {summary['n_unrated']:,} "
        f"images keep their original label unrated."
    )
    click.echo(
        f"{summary['n_questions']:,} questions on {summary['n_rated']:,} images, in "
        f"{summary['n_tasks']:,} tasks of at most {summary['per_task']}; "
        f"{summary['n_new_questions']:,} are new, {summary['n_answered']:,} answered."
    )
    if summary["expected_recall"] is not None:
        where = "on gold" if proposed.choice is not None else "expected"
        click.echo(f"Recall {where}: {summary['expected_recall']:.3f} of the valid labels.")
    if proposed.choice is not None:
        chosen = proposed.choice.chosen
        click.echo(
            f"Chosen models: {', '.join(chosen.models) or 'none'}; precision "
            f"{chosen.precision:.3f} on gold. The curve has {len(proposed.choice.curve)} points "
            "(--curve FILE draws it)."
        )
    if proposed.learned is not None:
        held_out = proposed.learned.calibration
        click.echo(
            f"Calibration on images that were not learned from: expected error "
            f"{held_out.expected_error:.4f}, Brier score {held_out.brier:.4f}."
        )
    if proposed.unseen is not None:
        low, high = proposed.unseen.interval
        click.echo(
            "Valid labels that no model lists: "
            f"{'at least' if proposed.unseen.method == 'chao2' else 'about'} "
            f"{proposed.unseen.n_missing:,.0f} ({low:,.0f} to {high:,.0f})."
        )
    if proposed.learned is not None and proposed.learned.learner == "logistic":
        click.echo(
            "Note: there was little to learn from, and perhaps of contested images only: on the "
            "others such probabilities come out too high. A --budget is safer than a --recall."
        )
    for text in sorted(set(proposed.lost.values())):
        models = [name for name, reason in proposed.lost.items() if reason == text]
        shown = ", ".join(models[:3]) + (", …" if len(models) > 3 else "")
        click.echo(f"Note: {len(models)} of the models ({shown}) give {text}.")
    _print_costs(costs)
    click.echo("Nothing was written." if dry_run else f"Next: reassess status {study}")


def _print_costs(costs: list["Cost"]) -> None:
    from reassess.report.table import to_rich

    console().print(to_rich(_costs_table(costs)))
    if costs and costs[0].assumed:
        click.echo(f"Assumed values: {', '.join(costs[0].assumed)}.")


def _costs_table(costs: list["Cost"]) -> "Table":
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
