"""The report as one page of HTML that needs nothing else.

Words, style, script and charts stand in one file; opening it asks nothing of any server.
Charts are drawn beforehand, so that they are there at once, also without scripts and on
paper; the script says what a mark is, follows a model, sifts and sorts. What is on the page is
decided by `reassess.report.sections`; the template only places it.
"""

import base64
import gzip
import json
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from os import PathLike
from types import ModuleType

from reassess.analysis.proxy import model_family
from reassess.errors import MissingExtraError
from reassess.files import write_atomically
from reassess.report import formatting as fmt
from reassess.report.export import with_titles
from reassess.report.opening import answer, first_figure, key_numbers, questions
from reassess.report.page_parts import Figure, Report, Section
from reassess.report.sections import sections
from reassess.report.svg import (
    DARK,
    LIGHT,
    WIDTHS,
    as_pdf,
    converter,
    css_of_charts,
    css_variables,
    file_drawing,
    in_script,
    page_drawing,
)
from reassess.report.table import html_table, render

_N_NAMED = 2
"""Inputs of one kind that are named below a section; of more only the number is told."""


def write_report(report: Report, path: str | PathLike[str]) -> None:
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
    converter()
    from reassess.report.figures import FIGURES

    drawn = [figure for figure in (draw(report) for draw in FIGURES) if figure is not None]
    loader = jinja2.PackageLoader("reassess.report", "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["tidy"] = tidy
    environment.filters["as_html"] = html_table
    environment.filters["quoted"] = shlex.quote
    by_id = {figure.id: figure for figure in drawn}
    first = first_figure(report, by_id)
    made = sections(report, {name: one for name, one in by_id.items() if one is not first})
    there = {section.id for section in made}
    models = sorted({score.model for score in report.scores}, key=str.lower)
    text: str = environment.get_template("report.html.j2").render(
        report=report,
        facts=_facts(report),
        answer=answer(report),
        numbers=key_numbers(report),
        first=first,
        questions=questions(report),
        there=there,
        sections=made,
        sources={section.id: source_line(report, section) for section in made},
        subtitles={one.id: one.subtitle_for(simulated=report.simulated) for one in drawn},
        drawings={one.id: [page_drawing(one, size) for size in WIDTHS] for one in drawn},
        marks=in_script(_marks(models, drawn)),
        files=in_script(json.dumps(page_files(drawn, made, simulated=report.simulated))),
        families=_families(models),
        searchable=any(table.about == "class" for section in made for table in section.tables),
        light=css_variables(LIGHT),
        dark=css_variables(DARK),
        chart_colours=css_of_charts(),
        style=_static("report.css"),
        script=_static("report.js"),
    )
    return text


def tidy(text: str) -> str:
    """The same words, with intervals and comparisons that no line end can break."""
    text = re.sub(r"(?<=\d)–(?=\d)", "–\u2060", text)
    return re.sub(r" ([<=]) (?=\d)", "\u00a0\\1\u00a0", text)


def _facts(report: Report) -> str:
    """One line under the heading: what the page is about."""
    facts = [fmt.count(len(report.labels), "image")]
    if report.benchmark.n_classes is not None:
        facts.append(fmt.count(report.benchmark.n_classes, "class", "classes"))
    facts.append(fmt.count(len(report.scores), "model"))
    facts.append(f"labels: {report.labels.name}")
    return " · ".join(facts)


def source_line(report: Report, section: Section) -> str:
    """What the numbers of a section rest on, and the command that makes them again."""
    parts = []
    for role in section.rests_on:
        found = [
            one for one in report.inputs if one.role == role or one.role.startswith(f"{role} ")
        ]
        files = list(dict.fromkeys((one.file, one.sha256) for one in found))
        if len(found) > _N_NAMED and len(files) > 1:
            parts.append(f"{len(found):,} files of {role}s, hashes below")
        else:
            parts += [f"{file} ({sha256[:12]})" for file, sha256 in files]
    if not parts:
        return ""
    made = f" Made by: {report.command}" if report.command else ""
    return f"From {fmt.listed(parts)}.{made}"


def _families(models: Sequence[str]) -> list[tuple[str, int]]:
    """Families of at least two models, and how many; none where that would part nothing."""
    found = sorted(Counter(map(model_family, models)).items())
    several = [(name, n) for name, n in found if n > 1]
    return several if len(found) > 1 else []


def _marks(models: Sequence[str], drawn: Sequence[Figure]) -> str:
    """What the script knows: models, their families, and the tips of each figure."""
    number = {model: n for n, model in enumerate(models)}
    tips = {one.id: [(number.get(who, who), text) for who, text in one.tips] for one in drawn}
    families = [model_family(model) for model in models]
    known = {"models": models, "families": families, "tips": tips}
    return json.dumps(known, ensure_ascii=False, separators=(",", ":"))


def page_files(
    drawn: Sequence[Figure], made: Sequence[Section], *, simulated: bool
) -> dict[str, str]:
    """What the page lets its reader save, by name, in base64: PDFs; tables and data compressed."""
    found = {}
    for figure in drawn:
        svg = file_drawing(figure, with_titles(figure, simulated=simulated))
        found[f"{figure.id}.pdf"] = base64.b64encode(as_pdf(svg)).decode()
        if figure.data is not None:
            found[f"{figure.id}.csv"] = _packed(render(figure.data, "csv"))
    for table in (table for section in made for table in section.tables):
        found[f"table-{table.name}.csv"] = _packed(render(table, "csv"))
        found[f"table-{table.name}.tex"] = _packed(render(table, "latex"))
    return found


def _packed(text: str) -> str:
    """Compressed; the same bytes whenever it is made."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _static(name: str) -> str:
    """A file beside the template that goes into the page as it is."""
    return (files("reassess.report") / "templates" / name).read_text(encoding="utf-8")


def _jinja() -> ModuleType:
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("jinja2", "report", "Writing a report") from error
    module: ModuleType = jinja2
    return module
