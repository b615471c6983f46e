"""``reassess mistakes``: the errors that models still make, and what people say of them."""

from typing import TYPE_CHECKING

import click

from reassess.cli.options import option, output_option
from reassess.cli.output import console, inform, print_json, spinner
from reassess.cli.outputs import OutputFolder
from reassess.cli.rating_options import database_option
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.analysis.mistakes import Mistakes
    from reassess.study import Study, StudyRecords


@click.command(
    epilog="""\b
Examples:
  reassess mistakes pets resnet50 vit
  reassess mistakes pets resnet50 vit -o mistakes.csv
\b
Let people judge 400 of them, then see what they say:
  reassess mistakes pets resnet50 vit --review --into pets-review --sample 400
  reassess serve pets-review
  reassess mistakes pets-review --result

\b
Kinds, the first that holds:
  missed label  probably another valid label that the labels miss: raters were asked and its
                posterior is at least a quarter of the threshold; or they were not, and more
                than half of the study's other models (two at least) say the same
  near class    at most 4 steps in the hierarchy from a label of the image, under a common
                ancestor that not all classes share
  co-occurring  it stands together with a label of the image far more often than by chance
                (reassess synonyms: inseparable, implies, overlap)
  far away      none of these
  unsorted      none of these, without a hierarchy: near and far cannot be told apart

\b
Severity, by the nearest label of the image; unknown without a hierarchy:
  slight        near, as above
  moderate      farther, under a common ancestor of at most half of all classes
  severe        nothing in common but what more than half of all classes have
"""
)
@click.argument("study")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@option("--rows", old=("--top",), type=click.IntRange(0), default=3, show_default=True, metavar="N",
              help="Number of mistakes of each kind to show.")  # fmt: skip
@output_option("a row for each mistake")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--review", is_flag=True, help="Make a rating study of a sample of the mistakes.")
@click.option(
    "--into",
    type=OutputFolder(),
    metavar="FOLDER",
    help="Folder of the review.  [default: STUDY-review]",
)
@click.option("--sample", type=int, default=400, show_default=True, metavar="N",
              help="Number of mistakes to review, of all models together.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Seed of the sample.")  # fmt: skip
@click.option("--result", is_flag=True, help="Show what people say of the mistakes of a review.")
@database_option
def mistakes(
    study: str,
    models: tuple[str, ...],
    rows: int,
    output: str | None,
    as_json: bool,
    review: bool,
    into: str | None,
    sample: int,
    seed: int,
    result: bool,
    database: str | None,
) -> None:
    """Sort the mistakes that MODELs (default: all) of STUDY still make into likely kinds.

    A mistake is an image with a reassessed label whose top prediction is not among its labels.
    --review makes a study for the rating site: two raters say of each whether it is a clear
    mistake, no mistake or undecidable, and an expert decides where they disagree. --result then
    tells how many clear mistakes each model makes, and how often the labels are wrong.
    """
    from reassess.study import open_study
    from reassess.study.artefacts import is_review

    if review and result:
        raise OptionError("--review and --result exclude each other: first one, then the other.")
    if result and models:
        raise OptionError(
            f"--result tells of all models of the review, but {models[0]!r} is named. Leave it out."
        )
    if into is not None and not review:
        raise OptionError("--into says where a review goes, so it needs --review.")
    if output is not None and (review or result):
        raise OptionError("-o writes the mistakes, so it goes without --review and --result.")
    if output is not None:
        from reassess.report.table import format_of

        format_of(output)
    if database is not None and not result:
        raise OptionError("--database says where a review's votes are, so it needs --result.")
    opened = open_study(study)
    if result:
        _show_result(opened, database, as_json=as_json)
        return
    if is_review(opened):
        raise OptionError(
            f"{study}: it is a review of mistakes, which has no labels of its own. See its result: "
            f"reassess mistakes {study} --result"
        )
    if not opened.models:
        raise OptionError(f"{study}: it has no models. Add some: reassess add {study} NAME=FILE")
    collected, found = _find(opened, models)
    if review:
        _make_review(collected, found, into, sample, seed, as_json=as_json)
    else:
        _show(collected, found, rows, output, as_json=as_json)


def _find(study: "Study", models: tuple[str, ...]) -> "tuple[StudyRecords, Mistakes]":
    from reassess.analysis.mistakes import find_mistakes
    from reassess.study import collect, select_models

    names = [one.name for one in select_models(study, list(models) if models else None)]
    with spinner("Reading the study"):
        collected = collect(study)
        by_name = {one.model: one for one in collected.predictions}
        found = find_mistakes(
            collected.labels,
            [by_name[name] for name in names],
            witnesses=collected.predictions,
            hierarchy=collected.hierarchy,
            posterior=collected.decided,
            votes=collected.votes,
            classes=collected.benchmark.classes,
        )
    return collected, found


def _show(
    collected: "StudyRecords", found: "Mistakes", rows: int, output: str | None, *, as_json: bool
) -> None:
    from reassess.report.mistake_tables import (
        every_mistake_table,
        examples_table,
        mistakes_summary,
        mistakes_table,
    )
    from reassess.report.table import to_rich, write_rendered

    classes = collected.benchmark.classes
    every = every_mistake_table(found, collected.labels, classes, collected.hierarchy)
    if output is not None:
        write_rendered(every, output)
        inform(f"{len(found):,} mistakes: {output}")
    if as_json:
        summary, listed = mistakes_summary(found), every.records()
        print_json({"study": collected.study.name, "models": summary, "mistakes": listed})
        return
    console().print(to_rich(mistakes_table(found)))
    if rows and len(found):
        console().print("\n", to_rich(examples_table(every, found, rows)))
    if collected.hierarchy is None:
        click.echo(
            "\nThe study has no hierarchy, so that near and far classes cannot be told apart and "
            "no severity is known. Name one in study.toml ([benchmark] hierarchy)."
        )
    if collected.posterior is None:
        click.echo("\nThe study has no posterior, so that no label can be said to be just missed.")


def _make_review(
    collected: "StudyRecords",
    found: "Mistakes",
    into: str | None,
    sample: int,
    seed: int,
    *,
    as_json: bool,
) -> None:
    from reassess.analysis.reviews import draw_review
    from reassess.report import formatting as fmt
    from reassess.study.reviewing import N_RATERS, new_review

    chosen = tuple(one for one in collected.predictions if one.model in found.models)
    review = draw_review(
        found, collected.labels, chosen, study=collected.study.name,
        n_sample=sample, seed=seed,
    )  # fmt: skip
    folder = collected.study.folder
    beside = folder if folder.name else folder.absolute()
    target = into or beside.with_name(f"{beside.name}-review")
    made = new_review(collected.study, review, collected.labels, target)
    n_all = int(review.n_population.sum())
    if as_json:
        print_json(
            {
                "review": str(made.folder), "n_questions": len(review), "n_mistakes": n_all,
                "n_raters": N_RATERS,
                "strata": [
                    {"name": name, "n_mistakes": n}
                    for name, n in zip(review.strata, review.n_population.tolist(), strict=True)
                ],
            }
        )  # fmt: skip
        return
    whose = fmt.count(len(review.models), "model")
    strata = fmt.count(len(review.strata), "stratum", "strata")
    click.echo(
        f"{made.folder}: {len(review):,} of {fmt.count(n_all, 'distinct mistake')} of {whose}, "
        f"from {strata}; {N_RATERS} raters each.\n"
        f"Next: reassess serve {made.folder}; reassess invite {made.folder} NAME; then reassess "
        f"mistakes {made.folder} --result"
    )


def _show_result(study: "Study", database: str | None, *, as_json: bool) -> None:
    import dataclasses

    from reassess.analysis.reviews import review_result
    from reassess.report.mistake_tables import (
        difference_lines,
        kinds_table,
        open_line,
        result_table,
    )
    from reassess.report.table import to_rich
    from reassess.site.store import read_verdicts
    from reassess.study.reviewing import read_study_review

    review = read_study_review(study)
    found = review_result(review, *read_verdicts(study, review, database))
    if as_json:
        fields = {
            field.name: getattr(found, field.name)
            for field in dataclasses.fields(found)
            if field.name != "review"
        }
        lists = {
            name: [dataclasses.asdict(one) for one in fields.pop(name)]
            for name in ("models", "kinds", "differences")
        }
        fields["n_by_verdict"] = fields.pop("n_by_label")
        shares = fields.pop("mistakes")
        rate = fields.pop("false_negatives")
        print_json(
            {
                "study": review.study, "n_drawn": len(review),
                "n_distinct_mistakes": int(review.n_population.sum()), **fields,
                "mistakes": None
                if shares is None
                else {name: dataclasses.asdict(one) for name, one in shares.items()},
                "false_negatives": None if rate is None else dataclasses.asdict(rate),
                **lists,
            }
        )  # fmt: skip
        return
    click.echo(open_line(found) + "\n")
    console().print(to_rich(result_table(found)))
    console().print("\n", to_rich(kinds_table(found)))
    lines = difference_lines(found)
    if lines:
        click.echo("\n" + "\n".join(lines))
