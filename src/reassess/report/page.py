"""The report as one page of HTML that needs nothing else.

Words, style, script and charts stand in one file; opening it asks nothing of any server.
Each chart is there twice: drawn, for readers without scripts and for print, and as a
specification that the script draws again in the width of the screen, with tooltips. What
is on the page is decided by `reassess.report.sections`; the template only places it.
"""

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from reassess.errors import MissingExtraError
from reassess.files import write_atomically
from reassess.report import words
from reassess.report.contents import Figure, Report, Spec
from reassess.report.export import (
    VEGA_LITE,
    converter,
    in_script,
    script,
    subtitle_of,
    with_own_ids,
)
from reassess.report.sections import sections
from reassess.report.theme import DARK, LIGHT, css_of_charts, css_variables
from reassess.report.verdict import key_numbers, verdict

_SENTENCES_IN_LEAD = 3
_DRAWN_WIDTH = 590
_SAID_OF_MARKS = re.compile(r' (?:aria-[a-z]+|role|font-family|pointer-events)="[^"]*"')
"""What a drawing repeats on every mark: the figure says it once, or the page's style does."""


def write_report(report: Report, path: str | Path) -> None:
    """Write the report as one page of HTML.

    Args:
        report: what to tell.
        path: where to, usually ``report.html``.

    Raises:
        MissingExtraError: altair, vl-convert or Jinja is not installed.
        FileError: the path cannot be written to.
    """
    text = page(report)
    with write_atomically(path) as beside:
        beside.write_text(text, encoding="utf-8")


def page(report: Report) -> str:
    """The page as text.

    Raises:
        MissingExtraError: altair, vl-convert or Jinja is not installed.
    """
    jinja2 = _jinja()
    convert = converter()
    from reassess.report.figures import FIGURES

    drawn = [figure for figure in (draw(report) for draw in FIGURES) if figure is not None]
    loader = jinja2.PackageLoader("reassess.report", "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["tidy"] = tidy
    environment.filters["brief"] = brief
    sentences = verdict(report)
    text: str = environment.get_template("report.html.j2").render(
        report=report,
        facts=_facts(report),
        lead=sentences[:_SENTENCES_IN_LEAD],
        more=sentences[_SENTENCES_IN_LEAD:],
        numbers=key_numbers(report),
        sections=sections(report, {figure.id: figure for figure in drawn}),
        subtitles={one.id: subtitle_of(one, simulated=report.simulated) for one in drawn},
        drawings={one.id: _drawing(one, convert) for one in drawn},
        specs=in_script(json.dumps({one.id: _on_page(one) for one in drawn})),
        bundle=script(convert.javascript_bundle(vl_version=VEGA_LITE)),
        models=sorted({score.model for score in report.scores}, key=str.lower),
        light=css_variables(LIGHT),
        dark=css_variables(DARK),
        chart_colours=css_of_charts(),
    )
    return text


def tidy(text: str) -> str:
    """The same words, with intervals and comparisons that no line end can break."""
    text = re.sub(r"(?<=\d)–(?=\d)", "–\u2060", text)
    return re.sub(r" ([<=]) (?=\d)", "\u00a0\\1\u00a0", text)


def brief(value: float | int | str) -> str:
    """What a row is sorted by, in as few characters as keep the order."""
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _facts(report: Report) -> str:
    """One line under the heading: what the page is about."""
    facts = [words.count(len(report.labels), "image")]
    if report.benchmark.n_classes is not None:
        facts.append(words.count(report.benchmark.n_classes, "class", "classes"))
    facts.append(words.count(len(report.scores), "model"))
    facts.append(f"labels: {report.labels.name}")
    return " · ".join(facts)


def _on_page(figure: Figure) -> Spec:
    """The chart in the width of its column; the background is the page's."""
    config: dict[str, Any] = {**figure.chart["config"]}
    config["padding"] = 4
    autosize = {"type": "fit-x", "contains": "padding"}
    return {**figure.chart, "width": "container", "autosize": autosize, "config": config}


def _drawing(figure: Figure, convert: ModuleType) -> str:
    """The chart as SVG, with ids that are its own on the page."""
    spec = {**figure.chart, "width": _DRAWN_WIDTH}
    svg: str = convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    svg = _SAID_OF_MARKS.sub("", with_own_ids(svg, figure.id))
    return svg.replace("<svg ", '<svg preserveAspectRatio="xMinYMin meet" ', 1)


def _jinja() -> ModuleType:
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("jinja2", "report", "Writing a report") from error
    module: ModuleType = jinja2
    return module
