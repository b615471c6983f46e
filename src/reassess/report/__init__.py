"""Findings to figures, one self-contained page, and tables for the terminal.

==============  ===================================================================
`contents`      `Report`, which goes in, and the `Section`, `Figure`, `Table` of a page
`words`         numbers as people read them; percentages exist here and below only
`figures`       one function a figure; `FIGURES` lists them; altair lives here
`verdict`       the first paragraph and the key numbers
`proxy`         the verdict on a metric, in sentences
`reassessments` several label sets of one benchmark: tables and columns
`sections`      one function a section; `SECTIONS` is the order of the page
`tables`        the tables of the page
`galleries`     which images are shown
`composing`     `report_on`: a `Report` from records
`page`          `write_report`: the page
`drawing`       charts as SVG, by vl-convert
`methods`       the paragraph on methods, with its references
`export`        `write_figures`: each figure as PNG, SVG and PDF; `write_recall_cost`: the curve
                of a choice of models
`terminal`      tables for the terminal; `class_tables`, those of classes and raters
==============  ===================================================================

To add a figure, write a function from `Report` to `Figure | None` and put it in a section.
Computes no finding: `reassess.analysis` does. Everything heavy is imported when a page or
a figure is made, so that importing this package loads neither altair nor Jinja.
"""

from reassess.report.contents import (
    Gallery,
    Input,
    Making,
    Picture,
    Report,
)
from reassess.report.export import write_figures, write_recall_cost
from reassess.report.page import write_report

__all__ = [
    "Gallery",
    "Input",
    "Making",
    "Picture",
    "Report",
    "write_figures",
    "write_recall_cost",
    "write_report",
]
