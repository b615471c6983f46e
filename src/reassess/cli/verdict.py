"""``reassess verdict``: is the metric still a proxy?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.options import console, option, print_json, progress
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.report.verdict import Sentences

METRICS = ["original", "real", "v2", "a", "r", "sketch"]


@click.command(
    epilog="""\b
Examples:
  reassess verdict pets
  reassess verdict --results timm-results
  reassess verdict --results timm-results --x real --y v2 --json
  reassess verdict --results ~/timm/results --cluster-by none --top-share 0.05

\b
METRIC is one of
  original  accuracy under ImageNet's original labels
  real      ReaL accuracy
  v2        accuracy on ImageNetV2, matched frequency
  a r       accuracy on ImageNet-A, ImageNet-R
  sketch    accuracy on ImageNet-Sketch

\b
The rules, on 95 % intervals:
  order   kept: Kendall's tau inside the top is 0.5 or more (three of four pairs of
          models in the same order), all of its interval; lost: all of it below
  gain    less: the slope changes (p < 0.05), and above over below the breakpoint is
          under 1, all of its interval; nothing: so, and the slope above may be 0;
          more: over 1; holds: no change, and the ratio at least 0.5
  answer  no: order lost, or gain nothing; weaker: else gain less;
          yes: order kept, and gain holds or more; open: what is left
docs/verdict.md gives methods and sources.
"""
)
@click.argument("study", required=False)
@click.option("--results", multiple=True, metavar="NAME|DIR|CSV",
              help="Published accuracies instead of a study: 'timm-results', a folder, or tables "
              "named as timm names them; may be repeated.")  # fmt: skip
@click.option("--x", type=click.Choice(METRICS), default="original", show_default=True,
              metavar="METRIC", help="The accuracy that people chase.")  # fmt: skip
@click.option("--y", type=click.Choice(METRICS), default="real", show_default=True,
              metavar="METRIC", help="The accuracy that it should stand for.")  # fmt: skip
@option("--top-share", old=("--top",), type=float, default=0.1, show_default=True, metavar="SHARE",
              help="Share of the models with the highest x that is called the top; 8 models "
              "at least.")  # fmt: skip
@option("--bins", old=("--edges",), metavar="X,X,…",
              help="Where the ranges of x begin, as 0.7,0.8,0.88.  [default: "
              "0.7,0.8,0.84,0.86,0.88 for 60 models and more; halves below]")  # fmt: skip
@option("--cluster-by", old=("--cluster",), type=click.Choice(["family", "none"]),
              help="What intervals draw: families of models (the name up to the first _ or .), or "
              "models.  [default: family with --results, none for a study]")  # fmt: skip
@click.option("--resamples", type=click.IntRange(100), default=1000, show_default=True,
              metavar="B", help="Of every interval; for ranks, draws of images, of raters and of "
              "votes each, which take half a minute on all of ImageNet.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Of the resamples.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with every number.")
def verdict(
    study: str | None, results: tuple[str, ...], x: str, y: str, as_json: bool, **options: Any
) -> None:
    """Say whether a metric is still a proxy: for a STUDY, or for published --results.

    How much one accuracy still gains when the other does, range by range; where the slope
    changes; whether the best models stand in the same order; how far models are above the
    original labels' own score. For a study also how many labels changed, and which ranks are
    decided.
    """
    import numpy as np

    if (study is None) == (not results):
        given = "neither is" if study is None else "both are"
        raise OptionError(
            f"a STUDY or --results must be given, but {given} there. Type: reassess verdict "
            "STUDY, or reassess verdict --results timm-results"
        )
    shared = {
        "edges": _edges(options["bins"]),
        "top": options["top_share"],
        "n_resamples": options["resamples"],
    }
    seed = options["seed"]
    if study is not None:
        if (x, y) != ("original", "real"):
            raise OptionError("--x and --y choose among published --results; leave them out.")
        value, told = _of_study(study, options["cluster_by"] or "none", shared | {"seed": seed})
    else:
        rng = np.random.default_rng(seed)
        cluster = options["cluster_by"] or "family"
        value, told = _of_results(results, x, y, cluster, shared | {"rng": rng})
    if as_json:
        print_json(value | {"sentences": [sentence for _, sentence in told]})
        return
    _print(told)


def _of_results(
    sources: tuple[str, ...], x: str, y: str, cluster: Any, shared: dict[str, Any]
) -> tuple[dict[str, Any], "Sentences"]:
    from reassess.analysis.verdict import results_verdict
    from reassess.analysis.verdict_json import results_as_dict
    from reassess.catalog import IMAGENET_ORIGINAL
    from reassess.report.verdict import results_sentences

    found = results_verdict(
        _results(sources), x=x, y=y, original_labels=IMAGENET_ORIGINAL, cluster=cluster, **shared
    )
    return {"results": list(sources)} | results_as_dict(found), results_sentences(found)


def _of_study(
    study: str, cluster: Any, shared: dict[str, Any]
) -> tuple[dict[str, Any], "Sentences"]:
    from reassess.analysis.verdict_json import study_as_dict
    from reassess.report.verdict import study_sentences
    from reassess.study import collect, open_study
    from reassess.study.telling import verdict_of

    with console().status("Reading the study"):
        collected = collect(open_study(study))
    resamples = shared["n_resamples"]
    with progress("Drawing again", resamples) as step:
        found = verdict_of(collected, cluster=cluster, progress=step, **shared)
    return {"study": study} | study_as_dict(found), study_sentences(found)


def _results(sources: tuple[str, ...]) -> Any:
    """Tables by the catalogue's name, from folders, or one by one."""
    from reassess.catalog import Catalog, entry, knows
    from reassess.files.arrays import exists
    from reassess.files.results import read_results, results_in

    (first, *others) = sources
    if not exists(Path(first)) and not others:
        if knows(first, "results"):
            return Catalog.default().results(first)
        if not Path(first).suffix:
            entry(first, "results")
    return read_results([path for source in sources for path in results_in(source)])


def _edges(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise OptionError(
            f"--bins is {text!r}, but must be fractions with commas between, as 0.7,0.8,0.88."
        ) from error


def _print(told: "Sentences") -> None:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for about, sentence in told:
        grid.add_row(about, Text(sentence, style="bold" if about == "verdict" else ""))
    console().print(grid)
