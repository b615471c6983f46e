"""How Sphinx makes the site of documentation: ``make site``, strict and without a network.

The pages are those of this folder, in MyST's Markdown. The API reference is made from the
docstrings: ``api.md`` lists the public modules, and one page each is written into ``api/``, which
git ignores. Stand-ins take the place of PyTorch and of what trains with it.
"""

import re
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from importlib.metadata import version as version_of
from types import ModuleType
from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

project = "reassess"
author = "The reassess developers"
project_copyright = "The reassess developers, Apache-2.0"
release = version = version_of("reassess")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
templates_path = ["_templates"]
exclude_patterns = ["_templates"]
default_role = "py:obj"  # one backtick, as the docstrings write names

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["reassess.css"]
html_title = f"reassess {release}"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

autosummary_generate = True
autosummary_generate_overwrite = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_mock_imports = ["safetensors", "timm", "torch", "torchvision"]
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = [("Source", "notes_style")]


def stand_in(module: str, base: str) -> None:
    """A module with one empty class; autodoc leaves out what is derived from its own stand-ins."""
    made = ModuleType(module)
    made.__spec__ = ModuleSpec(module, None, is_package=True)
    setattr(made, base, type(base, (), {"__module__": module}))
    sys.modules[module] = made


stand_in("torchmetrics", "Metric")
stand_in("lightning", "Trainer")
stand_in("lightning.pytorch", "Callback")


def find_by_last_name(
    app: Sphinx, env: BuildEnvironment, node: Any, content: nodes.TextElement
) -> nodes.Element | None:
    """A link to a name that a docstring writes without its module, where the site has it.

    Of several places the shortest is taken: a package before its modules.
    """
    if node.get("refdomain") != "py":
        return None
    python = env.domains["py"]
    wanted = node["reftarget"].removesuffix("()")
    ends = f".{wanted.removeprefix('reassess.')}"
    found = sorted((one for one in python.objects if one.endswith(ends)), key=len)
    if not found:
        return None
    return python.resolve_xref(env, node["refdoc"], app.builder, "obj", found[0], node, content)


LINK_OUT = re.compile(r"\[([^\]]*)\]\(\.\./[^)]*\)")


def keep_words_of_links_out(app: Sphinx, docname: str, source: list[str]) -> None:
    """The site holds this folder alone: of a link to a file elsewhere it shows the words."""
    source[0] = LINK_OUT.sub(r"\1", source[0])


BORDER = re.compile(r"=+ +=+")
ROW = re.compile(r"(`[^`]+`|\S+(?: \S+)*)? +(.*)")


def fitted(table: list[str]) -> Iterator[str]:
    """The rows of a table of two columns, the first as wide as its widest cell."""
    rows = [found.groups(default="") for line in table if (found := ROW.fullmatch(line))]
    if len(rows) != len(table):
        raise ValueError(f"a row of a docstring's table has no second column: {table}")
    width = max(len(first) for first, _ in rows)
    border = f"{'=' * width}  {'=' * max(len(second) for _, second in rows)}"
    yield border
    yield from (f"{first:{width}}  {second}" for first, second in rows)
    yield border


def fit_tables(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Widen the tables of a docstring: people may write past the marks above a column."""
    borders = [n for n, line in enumerate(lines) if BORDER.fullmatch(line)]
    for first, last in reversed(list(zip(borders[::2], borders[1::2], strict=True))):
        lines[first : last + 1] = fitted(lines[first + 1 : last])


def setup(app: Sphinx) -> None:
    """Register the above, and that a block of CSV is plain text."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", keep_words_of_links_out)
    app.connect("autodoc-process-docstring", fit_tables)
    app.connect("missing-reference", find_by_last_name)
