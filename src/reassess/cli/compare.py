"""``reassess compare``: two models on the same images."""

from pathlib import Path
from typing import Any

import click

from reassess.cli.options import (
    Rows,
    console,
    labels_option,
    option,
    print_json,
    read_judge,
    rows_options,
)
from reassess.errors import OptionError


@click.command(
    epilog="""\b
Examples:
  reassess compare a.npz b.npz --labels labels.json
  reassess compare new=a.npy old=b.npy --labels imagenet-real --order imagefolder --json
"""
)
@click.argument("a")
@click.argument("b")
@labels_option
@rows_options
@option(
    "--top-k",
    "k",
    old=("--top",),
    type=int,
    default=1,
    show_default=True,
    metavar="K",
    help="Predictions that count for an image.",
)
@option(
    "--confidence",
    old=("--level",),
    type=float,
    default=0.95,
    show_default=True,
    help="Of the interval.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with every image that flips.")
@click.option("-o", "--output", metavar="FILE", help="Write the images that flip to this CSV.")
def compare(
    a: str, b: str, labels: str, original_labels: str | None, classes: str | None, **options: Any
) -> None:
    """Compare the models A and B: the difference with its interval, and an exact test.

    The test is McNemar's, on the images that one has right and the other wrong.
    """
    from reassess.files.scores import comparison_as_dict
    from reassess.scoring import compare as compare_models

    rows = Rows.from_options(options["order"], options["ids"], options["subset"], options["scale"])
    judge = read_judge(labels, original_labels, classes, rows)
    found = [judge.read(source, rows, max(5, options["k"])) for source in (a, b)]
    for source, models in zip((a, b), found, strict=True):
        if len(models) != 1:
            raise OptionError(
                f"{source!r} holds {len(models)} models, but must hold one to be compared: name "
                f"it, as in {source}#{models[0].model}."
            )
    (model_a,), (model_b,) = found
    if model_a.model == model_b.model:
        raise OptionError(
            f"both models are called {model_a.model!r}, but must be told apart. Name them, as in "
            f"new={a} old={b}."
        )
    comparison = compare_models(
        model_a,
        model_b,
        judge.labels,
        k=options["k"],
        subset=True,
        confidence=options["confidence"],
    )
    if options["output"] is not None:
        _write_flips(comparison, options["output"])
    if options["as_json"]:
        print_json(comparison_as_dict(comparison))
        return

    from reassess.report.terminal import comparison_text

    console().print(comparison_text(comparison))


def _write_flips(comparison: Any, output: str) -> None:
    from reassess.files.tables import write_table

    right = ((comparison.model_a, comparison.only_a), (comparison.model_b, comparison.only_b))
    columns = {
        "image": [str(i) for _, ids in right for i in ids],
        "right": [model for model, ids in right for _ in ids],
    }
    write_table(Path(output), columns)
