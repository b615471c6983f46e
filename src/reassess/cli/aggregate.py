"""``reassess aggregate``: votes to posteriors."""

import re
from typing import Any

import click
import numpy as np

from reassess.cli.options import (
    print_json,
    progress,
    read_gold_named,
    read_original,
    read_votes_named,
)
from reassess.errors import OptionError
from reassess.records import Gold, Posterior, Votes


@click.command(
    epilog="""\b
Examples:
  reassess aggregate votes.csv -o posterior.npz
  reassess aggregate votes.parquet --gold gold.csv -o posterior.npz
\b
The published scores, to the last digit:
  reassess aggregate imagenet-votes --gold imagenet-gold --gold-votes imagenet-gold-votes \\
    --original imagenet --original-classes 0-397 --original-n-yes 2 -o posterior.npz
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
@click.option("--truths", type=int, help="Number of true states.  [default: 2 for no, maybe, yes]")
@click.option("--smoothing", type=float, default=1.0, show_default=True, help="Added to counts.")
@click.option(
    "--gold-use",
    type=click.Choice(["clamp", "initialise"]),
    default="clamp",
    show_default=True,
    help="dawid-skene: hold known truths fixed, or only start from them.",
)
@click.option("--n-yes", type=int, help="Experts that must say yes.  [default: more than half]")
@click.option(
    "--original",
    metavar="NAME|FILE",
    help="calibrated: let the original label vote as one more rater.",
)
@click.option(
    "--original-classes", metavar="A-B", help="... on questions about classes A to B only."
)
@click.option("--original-n-yes", type=int, help="... counted against gold with this many yes.")
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
    from reassess.files import write_posterior

    if not output.endswith(".npz"):
        raise OptionError(f"the output is {output!r}, but must end in .npz (-o posterior.npz).")
    read = read_votes_named(votes, options["classes"], options["answers"])
    gold = None
    if options["gold"] is not None:
        gold = read_gold_named(options["gold"], options["classes"])
    posterior = _posterior(read, gold, options)
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


def _posterior(votes: Votes, gold: Gold | None, options: dict[str, Any]) -> Posterior:
    from reassess.aggregation import calibrated, dawid_skene, majority, original_label_rater
    from reassess.engines import LocalEngine

    method = options["method"] or ("dawid-skene" if gold is None else "calibrated")
    only_calibrated = [o for o in ("gold_votes", "original") if options[o] is not None]
    if method != "calibrated" and only_calibrated:
        name = only_calibrated[0].replace("_", "-")
        raise OptionError(f"--{name} goes with --method calibrated, not with {method}.")
    if method == "majority":
        return majority(votes)
    if method == "dawid-skene":
        with progress("Fitting", None) as step, LocalEngine(options["workers"]) as engine:
            return dawid_skene(
                votes,
                n_truths=options["truths"],
                smoothing=options["smoothing"],
                gold=gold,
                gold_use=options["gold_use"],
                max_iterations=options["iterations"],
                tolerance=options["tolerance"],
                engine=engine,
                on_iteration=lambda i, value: step(f"iteration {i}, objective {value:,.1f}"),
            )
    if gold is None:
        raise OptionError("--method calibrated needs gold (--gold FILE).")
    virtual = []
    if options["original"] is not None:
        first, last = _class_range(options["original_classes"])
        virtual.append(
            original_label_rater(
                read_original(options["original"], options["classes"]),
                votes.questions,
                gold,
                first_class=first,
                last_class=last,
                n_yes=options["original_n_yes"],
            )
        )
    gold_votes = None
    if options["gold_votes"] is not None:
        gold_votes = read_votes_named(options["gold_votes"], options["classes"], options["answers"])
    return calibrated(
        votes,
        gold,
        gold_votes=gold_votes,
        smoothing=options["smoothing"],
        n_yes=options["n_yes"],
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
        "truths": list(posterior.truths),
        "mean_posterior": dict(zip(posterior.truths, np.round(share, 6).tolist(), strict=True)),
        "n_iterations": len(posterior.log_likelihood) - 1 if iterates else None,
        "converged": posterior.converged,
        "log_likelihood": posterior.log_likelihood[-1] if iterates else None,
        "votes_sha256": posterior.votes_sha256,
        "gold_sha256": posterior.gold_sha256,
    }
