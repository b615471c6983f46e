"""``reassess aggregate``: votes to posteriors."""

import re
from typing import Any

import click
import numpy as np
from click.core import ParameterSource

from reassess.cli.options import (
    known_classes,
    option,
    print_json,
    progress,
    read_gold_named,
    read_original,
    read_votes_named,
    warn_of_unasked_gold,
)
from reassess.errors import OptionError
from reassess.records import Benchmark, Gold, Posterior, Votes

METHODS_OF = {
    "gold": ("dawid-skene", "calibrated"),
    "gold_votes": ("calibrated",),
    "gold_mode": ("dawid-skene",),
    "min_expert_yes": ("dawid-skene", "calibrated"),
    "states": ("dawid-skene",),
    "pseudocount": ("dawid-skene", "calibrated"),
    "original_labels": ("calibrated",),
    "original_classes": ("calibrated",),
    "original_min_expert_yes": ("calibrated",),
    "iterations": ("dawid-skene",),
    "tolerance": ("dawid-skene",),
    "workers": ("dawid-skene",),
}
"""The methods that an option means something to."""


@click.command(
    epilog="""\b
Examples:
  reassess aggregate votes.csv -o posterior.npz
  reassess aggregate votes.parquet --gold gold.csv -o posterior.npz
\b
The published scores, to the last digit:
  reassess aggregate imagenet-votes --gold imagenet-gold --gold-votes imagenet-gold-votes \\
    --original-labels imagenet --original-classes 0-397 --original-min-expert-yes 2 -o posterior.npz
"""
)
@click.argument("votes")
@click.option("--gold", metavar="NAME|FILE", help="Gold: image,label,expert,answer, or .npz.")
@click.option(
    "--gold-votes",
    metavar="NAME|FILE",
    help="The raters' answers to gold questions, where they are in a file of their own.",
)
@click.option(
    "--method",
    type=click.Choice(["majority", "dawid-skene", "calibrated"]),
    help="Default: calibrated where there is gold, else dawid-skene.",
)
@option(
    "--states",
    old=("--truths",),
    type=int,
    help="Number of true states.  [default: 2 for no, maybe, yes]",
)
@option(
    "--pseudocount",
    old=("--smoothing",),
    type=float,
    default=1.0,
    show_default=True,
    help="Added to counts.",
)
@option(
    "--gold-mode",
    old=("--gold-use",),
    type=click.Choice(["clamp", "initialise"]),
    default="clamp",
    show_default=True,
    help="dawid-skene: hold known truths fixed, or only start from them.",
)
@option(
    "--min-expert-yes",
    old=("--n-yes",),
    type=int,
    help="Experts that must say yes.  [default: more than half]",
)
@option(
    "--original-labels",
    old=("--original",),
    metavar="NAME|FILE",
    help="calibrated: let the original label vote as one more rater.",
)
@click.option(
    "--original-classes", metavar="A-B", help="... on questions about classes A to B only."
)
@option(
    "--original-min-expert-yes",
    old=("--original-n-yes",),
    type=int,
    help="... counted against gold with this many yes.",
)
@click.option("--iterations", type=int, default=500, show_default=True, help="At the most.")
@click.option(
    "--tolerance",
    type=float,
    default=1e-9,
    show_default=True,
    help="Stop when the objective rises by less than this share.",
)
@click.option("--answers", metavar="A,B,…", help="Names of the answer codes 0, 1, …")
@click.option("--classes", metavar="FILE", help="Classes, where votes name them by id or name.")
@click.option("--workers", type=int, help="Threads.  [default: one a core]")
@click.option("-o", "--output", required=True, metavar="FILE", help="The posterior, .npz.")
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
def aggregate(votes: str, output: str, as_json: bool, **options: Any) -> None:
    """Aggregate VOTES into the posterior probability of each question.

    VOTES is a table `task,worker,label` or `image,label,rater,answer` (CSV, parquet), the
    published dense .npz, or a name of the catalogue.
    """
    from reassess.aggregation import majority
    from reassess.files import write_posterior

    if not output.endswith(".npz"):
        raise OptionError(f"the output is {output!r}, but must end in .npz (-o posterior.npz).")
    method = options["method"] or ("dawid-skene" if options["gold"] is None else "calibrated")
    _check_options(method, options)
    original = None
    if options["original_labels"] is not None:
        original = read_original(options["original_labels"], options["classes"])
    classes = known_classes(options["classes"], original)
    read = read_votes_named(votes, classes, options["answers"])
    gold, gold_votes = None, None
    if options["gold_votes"] is not None:
        gold_votes = read_votes_named(options["gold_votes"], classes, options["answers"])
    if options["gold"] is not None:
        gold = read_gold_named(options["gold"], classes)
        warn_of_unasked_gold(gold, (gold_votes or read).questions, "the questions of the votes")
    if method == "majority":
        posterior = majority(read)
    elif method == "dawid-skene":
        posterior = _dawid_skene(read, gold, options)
    else:
        posterior = _calibrated(read, gold, gold_votes, original, options)
    write_posterior(posterior, output)
    summary = _summary(read, posterior, output)
    if as_json:
        print_json(summary)
        return
    click.echo(
        f"{summary['n_votes']:,} votes of {summary['n_raters']:,} raters on "
        f"{summary['n_questions']:,} questions, by {posterior.method}"
        + _convergence(posterior)
        + f": {output}"
    )


def _check_options(method: str, options: dict[str, Any]) -> None:
    """Refuse options that were typed and that the method does not take."""
    context = click.get_current_context()
    for name, methods in METHODS_OF.items():
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if typed and method not in methods:
            raise OptionError(
                f"--{name.replace('_', '-')} goes with --method {' or '.join(methods)}, not with "
                f"{method}. Leave it out, or take another method."
            )
    for name in ("original_classes", "original_min_expert_yes"):
        if options[name] is not None and options["original_labels"] is None:
            raise OptionError(f"--{name.replace('_', '-')} needs --original-labels NAME|FILE.")


def _dawid_skene(votes: Votes, gold: Gold | None, options: dict[str, Any]) -> Posterior:
    from reassess.aggregation import dawid_skene
    from reassess.engines import ThreadEngine

    with progress("Fitting", None) as step, ThreadEngine(options["workers"]) as engine:
        return dawid_skene(
            votes,
            n_states=options["states"],
            pseudocount=options["pseudocount"],
            gold=gold,
            gold_mode=options["gold_mode"],
            min_expert_yes=options["min_expert_yes"],
            max_iterations=options["iterations"],
            tolerance=options["tolerance"],
            engine=engine,
            progress=lambda what, **_: step(what),
        )


def _calibrated(
    votes: Votes,
    gold: Gold | None,
    gold_votes: Votes | None,
    original: Benchmark | None,
    options: dict[str, Any],
) -> Posterior:
    from reassess.aggregation import calibrated, original_label_rater

    if gold is None:
        raise OptionError("--method calibrated needs gold (--gold FILE).")
    virtual = []
    if original is not None:
        first, last = _class_range(options["original_classes"])
        rater = original_label_rater(
            original,
            votes.questions,
            gold,
            first_class=first,
            last_class=last,
            min_expert_yes=options["original_min_expert_yes"],
        )
        virtual.append(rater)
    return calibrated(
        votes,
        gold,
        gold_votes=gold_votes,
        pseudocount=options["pseudocount"],
        min_expert_yes=options["min_expert_yes"],
        virtual_raters=virtual,
    )


def _class_range(text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 0, None
    match = re.fullmatch(r"(\d+)-(\d+)", text)
    if match is None or int(match[1]) > int(match[2]):
        raise OptionError(
            f"--original-classes is {text!r}, but must be two class indices, as 0-397."
        )
    return int(match[1]), int(match[2])


def _convergence(posterior: Posterior) -> str:
    if posterior.converged is None:
        return ""
    n_iterations = len(posterior.log_likelihood) - 1
    verb = "converged" if posterior.converged else "NOT converged"
    return f" ({verb} after {n_iterations} iterations)"


def _summary(votes: Votes, posterior: Posterior, output: str) -> dict[str, object]:
    iterates = posterior.converged is not None
    share = posterior.probability.mean(axis=0)
    return {
        "output": output,
        "method": posterior.method,
        "n_votes": len(votes),
        "n_raters": len(votes.rater_ids),
        "n_questions": len(votes.questions),
        "answers": list(votes.answers),
        "states": list(posterior.states),
        "mean_posterior": dict(zip(posterior.states, np.round(share, 6).tolist(), strict=True)),
        "n_iterations": len(posterior.log_likelihood) - 1 if iterates else None,
        "converged": posterior.converged,
        "log_likelihood": posterior.log_likelihood[-1] if iterates else None,
        "votes_sha256": posterior.votes_sha256,
        "gold_sha256": posterior.gold_sha256,
    }
