"""Findings to tables, figures and one self-contained page.

==============  ===================================================================
`table`         a table as data, and `RENDERERS`: terminal, HTML, CSV, JSON, Markdown, LaTeX
`formatting`    numbers as people read them; percentages exist here and below only
`score_tables`  tables of models and raters; `label_tables`, of classes and label sets;
                `mistake_tables`, of mistakes and their reviews; `recipe_page`, of recipes
`page_parts`    `Report`, which goes in, and the `Section`, `Figure` and `Gallery` of a page
`figures`       one function a figure; `FIGURES` lists them; altair lives here
`opening`       the first screen: the answer, six numbers, one figure, five questions
`verdict`       the verdict on a metric, in sentences; `rank_sentences`, what is known of ranks
`methods`       the paragraph on methods, with its references
`sections`      one function a section; `SECTIONS` is the order of the page
`build`         `assemble_report`: a `Report` from records
`page`          `write_report`: the page
`svg`           charts as SVG, by vl-convert, and their colours
`plot`          `plot`: one figure of models and labels, without a report
`export`        `write_figures`: each figure as PNG, SVG and PDF; `write_recall_cost`: the
                curve of a choice of models
==============  ===================================================================

To add a figure, write a function from `Report` to `Figure | None` and put it in a section; to
add a table's format, register a `Renderer`.
Computes no finding: `reassess.analysis` does. Everything heavy is imported when a page or
a figure is made, so that importing this package loads neither altair nor Jinja.
"""

from reassess.report.export import write_figures, write_recall_cost
from reassess.report.page import write_report
from reassess.report.page_parts import (
    Figure,
    Gallery,
    Input,
    LabelProvenance,
    Picture,
    Report,
)

__all__ = [
    "Figure",
    "Gallery",
    "Input",
    "LabelProvenance",
    "Picture",
    "Report",
    "write_figures",
    "write_recall_cost",
    "write_report",
]
