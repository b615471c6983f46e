"""Options of the commands that write figures: where to, which, and how they are set."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.outputs import FIGURES
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.report.paper import FigureStyle


def figure_options(*, named: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add ``--figures`` and how they are set, and ``--figure`` where there are several.

    The command takes ``figures``, ``figure_style`` and, where ``named``, ``figure_names``.

    Args:
        named: whether one of several figures can be asked for by name.
    """
    options = [
        click.option("--figures", type=FIGURES, metavar="DIR",
                     help="Also write figures as PNG, SVG and PDF with their data as CSV, and "
                     "tables as CSV and LaTeX."),
        click.option("--figure-width", metavar="WIDTH",
                     help="Width of figures for a paper, with fonts at their size: column, text, "
                     "page, or a length such as 84mm or 3.3in.  [default: for a screen]"),
        click.option("--figure-font", type=float, default=8.0, show_default=True, metavar="PT",
                     help="Points of the text of figures, where a width is given."),
        click.option("--figure-titles/--no-figure-titles", default=None,
                     help="Titles above figures.  [default: where no width is given]"),
    ]  # fmt: skip
    if named:
        options.append(
            click.option("--figure", "figure_names", multiple=True, metavar="NAME",
                         help="Only this figure, such as progress or accuracies; may be repeated.")
        )  # fmt: skip

    def add(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def styled(*, figure_width: str | None, figure_font: float, figure_titles: bool | None,
                   **values: Any) -> None:  # fmt: skip
            names = values.get("figure_names", ())
            asked = {"--figure-width": figure_width, "--figure": names or None,
                     "--figure-titles": figure_titles}  # fmt: skip
            for option, value in asked.items():
                if value is not None and values["figures"] is None:
                    raise OptionError(
                        f"{option} is given, but no figures are written. Add --figures DIR."
                    )
            style = _style(figure_width, figure_font, figure_titles)
            command(**values, figure_style=style)

        made: Callable[..., None] = styled
        for one in reversed(options):
            made = one(made)
        return made

    return add


def _style(width: str | None, font: float, titles: bool | None) -> "FigureStyle":
    from reassess.report.paper import FigureStyle

    style = FigureStyle(font_size=font, titles=titles)
    return style if width is None else style.with_width(width)
