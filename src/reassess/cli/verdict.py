"""``reassess verdict``: is the benchmark's accuracy still a proxy?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.figure_options import figure_options
from reassess.cli.options import LiteralChoice, option
from reassess.cli.output import console, inform, print_json, progress_bar, spinner
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.analysis.verdict import ClusterBy, ResultsVerdict, StudyVerdict
    from reassess.files.results import Results
    from reassess.report.paper import FigureStyle
    from reassess.report.rank_sentences import Sentences


@dataclass(frozen=True, slots=True)
class _Found:
    """A verdict, its numbers, its sentences, and the results that it was found in."""

    verdict: "StudyVerdict | ResultsVerdict"
    numbers: dict[str, Any]
    lines: "Sentences"
    results: "Results | None" = None


def _cluster_by() -> object:
    from reassess.analysis.verdict import ClusterBy

    return ClusterBy


@click.command(
    epilog="""\b
Examples:
  reassess verdict pets
  reassess verdict --results timm-results
  reassess verdict --results timm-results --x real --y v2 --json
  reassess verdict --results ~/timm/results --cluster-by none --top-share 0.05
  reassess verdict scores.json
  reassess verdict --results timm-results --figures paper --figure-width column
  reassess verdict --results old.csv --results new.csv --x old:real --y new:real

\b
METRIC is a column of the tables; in timm's and those of `reassess score`
  original  accuracy under the original labels
  real      ReaL accuracy
and in timm's alone
  v2        accuracy on ImageNetV2, matched frequency
  a r       accuracy on ImageNet-A, ImageNet-R
  sketch    accuracy on ImageNet-Sketch

\b
The rules, on 95 % intervals, in points and in probits together:
  order   kept: Kendall's tau inside the top is 0.5 or more (three of four pairs of
          models in the same order), all of its interval; lost: all of it below
  gain    slope above over slope below; holds: proven to lie in 0.8 to 1.25; less: all
          of its interval below 0.8; nothing: below 0.25; more: above 1.25
  answer  no: gain nothing, or order lost and gain less than half, or no order at all;
          weaker: else order lost or gain less; yes: gain holds or more, and tau 0.5 or
          more; open: what is left
docs/verdict.md gives methods and sources.
"""
)
@click.argument("study", required=False)
@click.option("--results", multiple=True, metavar="NAME|DIR|FILE",
              help="Accuracies of models instead of a study: 'timm-results', a folder of timm's "
              "tables, what `reassess score` wrote, or any table with one row a model; may be "
              "repeated.")  # fmt: skip
@click.option("--x", default="original", show_default=True,
              metavar="METRIC", help="Accuracy that people optimize.")  # fmt: skip
@click.option("--y", default="real", show_default=True,
              metavar="METRIC", help="Accuracy that it should stand for.")  # fmt: skip
@option("--top-share", old=("--top",), type=float, default=0.1, show_default=True, metavar="SHARE",
              help="Share of the models that is called the top: those of highest x, 8 at "
              "least.")  # fmt: skip
@option("--bins", old=("--edges",), metavar="X,X,…",
              help="Lower ends of the ranges of x, as 0.7,0.8,0.88.  [default: "
              "0.7,0.8,0.84,0.86,0.88 for 60 models and more; halves below]")  # fmt: skip
@option("--cluster-by", old=("--cluster",), type=LiteralChoice(_cluster_by),
              help="What intervals resample: families of models (the name up to the first _ or "
              "., without a size), or models.  [default: family with timm's tables, else "
              "none]")  # fmt: skip
@click.option("--resamples", type=click.IntRange(100), default=1000, show_default=True,
              metavar="B", help="Number of resamples of every interval; for ranks, of images, of "
              "raters and of votes each (half a minute on all of ImageNet).")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Seed of the resamples.")  # fmt: skip
@figure_options(named=False)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with every number.")
def verdict(
    study: str | None,
    results: tuple[str, ...],
    x: str,
    y: str,
    top_share: float,
    bins: str | None,
    cluster_by: "ClusterBy | None",
    resamples: int,
    seed: int,
    figures: str | None,
    figure_style: "FigureStyle",
    as_json: bool,
) -> None:
    """Say whether a metric is still a proxy: for a STUDY, or for published --results.

    How much one accuracy still gains when the other does, range by range; where the slope
    changes; whether the best models stand in the same order; how far models are above the
    original labels' ReaL accuracy. For a study also how many labels changed, and which ranks are
    decided.
    """
    if study is not None and not results and Path(study).is_file():
        results, study = (study,), None
    if (study is None) == (not results):
        given = "neither is" if study is None else "both are"
        raise OptionError(
            f"a STUDY or --results must be given, but {given} there. Type: reassess verdict "
            "STUDY, or reassess verdict --results timm-results"
        )
    ranges = _numbers(bins)
    if study is not None:
        if (x, y) != ("original", "real"):
            raise OptionError("--x and --y choose among published --results; leave them out.")
        found = _study_verdict(study, top_share, ranges, cluster_by or "none", resamples, seed)
    else:
        found = _results_verdict(results, x, y, top_share, ranges, cluster_by, resamples, seed)
    if figures is not None:
        from reassess.report.export import write_verdict

        write_verdict(found.verdict, figures, results=found.results, style=figure_style)
        inform(f"figures: {figures}")
    value, lines = found.numbers, found.lines
    if as_json:
        print_json(value | {"sentences": [sentence for _, sentence in lines]})
        return
    _print(lines)


def _results_verdict(
    listed: tuple[str, ...],
    x: str,
    y: str,
    top_share: float,
    bins: Sequence[float] | None,
    cluster_by: "ClusterBy | None",
    resamples: int,
    seed: int,
) -> _Found:
    import numpy as np

    from reassess import sources
    from reassess.analysis.verdict import results_verdict
    from reassess.analysis.verdict_json import results_as_dict
    from reassess.catalog import IMAGENET_ORIGINAL
    from reassess.report.verdict import results_sentences

    read = sources.results(listed, (x, y))
    timm = read.img_size is not None
    found = results_verdict(
        read,
        x=x,
        y=y,
        original_labels=IMAGENET_ORIGINAL if timm else None,
        cluster_by=cluster_by or ("family" if timm else "none"),
        bins=bins,
        top_share=top_share,
        n_resamples=resamples,
        rng=np.random.default_rng(seed),
    )
    numbers = {"results": list(listed)} | results_as_dict(found)
    return _Found(found, numbers, results_sentences(found), read)


def _study_verdict(
    folder: str,
    top_share: float,
    bins: Sequence[float] | None,
    cluster_by: "ClusterBy",
    resamples: int,
    seed: int,
) -> _Found:
    from reassess.analysis.verdict_json import study_as_dict
    from reassess.report.verdict import study_sentences
    from reassess.study import collect, open_study
    from reassess.study.report_inputs import build_verdict

    with spinner("Reading the study"):
        collected = collect(open_study(folder))
    with progress_bar("Resampling") as step:
        found = build_verdict(
            collected,
            cluster_by=cluster_by,
            bins=bins,
            top_share=top_share,
            n_resamples=resamples,
            seed=seed,
            progress=step,
        )
    numbers = {"study": folder} | study_as_dict(found)
    return _Found(found, numbers, study_sentences(found))


def _numbers(bins: str | None) -> tuple[float, ...] | None:
    if bins is None:
        return None
    try:
        return tuple(float(part) for part in bins.split(","))
    except ValueError as error:
        raise OptionError(
            f"--bins is {bins!r}, but must be fractions with commas between, as 0.7,0.8,0.88."
        ) from error


def _print(lines: "Sentences") -> None:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for about, sentence in lines:
        grid.add_row(about, Text(sentence, style="bold" if about == "verdict" else ""))
    console().print(grid)
