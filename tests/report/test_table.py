"""Every table is rendered by the same few functions: nothing is lost, and nothing gets out."""

import csv
import html
import io
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from reassess.errors import DataError, OptionError
from reassess.report import formatting as fmt
from reassess.report.console_table import shared_parts
from reassess.report.table import (
    RENDERERS,
    Column,
    Renderer,
    Table,
    format_of,
    render,
    to_rich,
    write_rendered,
)

words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
fractions = st.floats(0, 1) | st.none()
counts = st.integers(0, 10**9) | st.none()


rows = st.lists(st.tuples(words, fractions, counts, words), max_size=5)
"""Words, fractions with an aside, counts that only machines read, and words that they don't."""


def made(rows: list[tuple[str, float | None, int | None, str]], title: str) -> Table:
    """Made in the test, not in a strategy: type checks draw at random which item they look at."""
    columns = (
        Column("name", "who?"),
        Column("share", "in %", "percent", 2, aside="{n} of it"),
        Column("n", unit="count"),
        Column("shown", "shown", exported=False),
    )
    cells = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return Table.from_columns("a-table", title, zip(columns, cells, strict=True), about="model")


@pytest.mark.parametrize("value", [-0.0, -1e-9, -4e-6])
def test_what_is_rounded_to_zero_has_no_sign(value):
    texts = [
        fmt.percent(value, 2), fmt.bare(value, 2), fmt.points(value, 2), fmt.between(value, value),
        fmt.number(value, 2), fmt.signed(value, 2), fmt.cell(-0.0, "significant", 2),
        fmt.cell(-0.0, "value", 2), fmt.cell(value, "count"),
    ]  # fmt: skip
    assert not [text for text in texts if {"-", "−", "+"} & set(text)]
    assert (fmt.signed(-value, 2), fmt.signed(0.004, 2), fmt.signed(0.006, 2)) == (
        "0.00", "0.00", "+0.01",
    )  # fmt: skip
    assert fmt.points(-0.00123, 2) == "−0.12"
    table = Table.from_columns("t", "t", [(Column("a", "a", "number"), [-0.0])])
    assert render(table, "json").count("-") + render(table, "csv").count("-") == 0


@given(rows, words)
def test_json_and_csv_give_the_values_back(rows, title):
    table = made(rows, title)
    assert json.loads(render(table, "json")) == table.records()
    for form, delimiter in (("csv", ","), ("tsv", "\t")):
        records = list(csv.DictReader(io.StringIO(render(table, form)), delimiter=delimiter))
        read = [
            {
                "name": row["name"],
                "share": float(row["share"]) if row["share"] else None,
                "n": int(row["n"]) if row["n"] else None,
            }
            for row in records
        ]
        assert read == table.records()


class Cells(HTMLParser):
    """The texts of a table's cells, and every element that was met."""

    def __init__(self) -> None:
        super().__init__()
        self.met: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.met.add(tag)
        if tag in {"th", "td"}:
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data


def texts_of(table: Table) -> list[str]:
    """What people read, row by row, headings first."""
    found = [column.heading for column in table.shown]
    for row in range(len(table)):
        for column in table.shown:
            value, aside = table.cell(column, row)
            found.append(f"{value} {aside}" if aside else value)
    return found


@given(rows, words)
def test_html_says_each_cell_and_nothing_else(rows, title):
    table = made(rows, title)
    page = Cells()
    page.feed(render(table, "html"))
    page.close()
    assert page.met <= {"p", "table", "thead", "tbody", "tr", "th", "td", "small"}
    assert [text.rstrip("\n") for text in page.texts] == texts_of(table)


@given(rows, words)
def test_markdown_keeps_its_columns(rows, title):
    """A pipe, an emphasis or an element inside a cell is text."""
    table = made(rows, title)
    lines = render(table, "markdown").splitlines()
    assert len(lines) == len(table) + 2
    for line in lines:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == len(table.shown) + 1
        assert not re.search(r"(?<!\\)(?:\\\\)*[<`*\[]", line)


@given(rows, words)
def test_latex_keeps_its_columns(rows, title):
    """No cell opens a command, a group, a comment or a column."""
    table = made(rows, title)
    lines = render(table, "latex").splitlines()[4:]
    cells = [line.removesuffix(" \\\\") for line in lines if line.endswith(" \\\\")]
    assert len(cells) == len(table)
    for row in cells:
        plain = re.sub(r"\\(?:text\w+|geq|dots)(?:\{\})?|\\[&%$#_{}]|\$-\$|\$\\geq\$", "", row)
        assert plain.count("&") == len(table.shown) - 1
        assert not set(plain) & set("\\%$#_{}~^")


@given(rows, words)
def test_a_terminal_shows_what_people_read(rows, title):
    table = made(rows, title)
    said = render(table, "terminal")
    for column in table.shown:
        assert column.heading in said


def small(**more: object) -> Table:
    columns = [
        (Column("model", "model"), ["a|b", "c_d & <e>"]),
        (Column("real", "ReaL", "percent", 1, "top-1", "{low}–{high}"), [0.875, None]),
        (Column("low", "", "percent"), [0.8, float("nan")]),
        (Column("high", "", "percent"), [0.9, None]),
        (Column("gap", "gap", "points"), [-0.012, None]),
        (Column("holds", "holds", "check"), [True, False]),
    ]
    return Table.from_columns("small", "Two models", columns, **more)


def test_by_hand():
    """Undefined is a dash for people, empty in CSV, null in JSON."""
    assert render(small(), "csv") == (
        "model,real,low,high,gap,holds\na|b,0.875,0.8,0.9,-0.012,True\nc_d & <e>,,,,,False\n"
    )
    assert small().records()[1] == {
        "model": "c_d & <e>", "real": None, "low": None, "high": None, "gap": None, "holds": False,
    }  # fmt: skip
    assert render(small(), "markdown") == (
        "| model | ReaL | gap | holds |\n| :-- | --: | --: | :-- |\n"
        "| a\\|b | 87.5 (80.0–90.0) | −1.2 | ✓ |\n| c_d \\& \\<e\\> | – | – | ✗ |\n"
    )
    assert "a\\textbar{}b & 87.5 (80.0--90.0) & $-$1.2 & yes \\\\" in render(small(), "latex")
    page = render(small(notes=("A note.",)), "html")
    assert '<p class="caption" id="caption-small">Two models. A note.</p>' in page
    assert '<td class="n" data-sort="0.875">87.5 <small>80.0–90.0</small></td>' in page
    assert '<th class="n" ' not in page
    assert html.escape("c_d & <e>") in page


def test_a_terminal_wraps_asides_below_their_values():
    console = Console(width=37, file=io.StringIO(), color_system=None)
    console.print(to_rich(small()))
    said = console.file.getvalue()
    value, aside = (line for line in said.splitlines() if "87.5" in line or "90.0" in line)
    assert value.split() == ["a|b", "87.5", "−1.2", "✓"]
    assert aside.split() == ["(80.0–90.0)"]


names = st.lists(st.from_regex(r"[a-z]{1,9}([_./-][a-z]{1,9}){0,4}", fullmatch=True), max_size=4)


@settings(max_examples=15)  # each lays out a table by rich, which takes half a second
@given(names, st.data(), st.sampled_from([80, 60, 40]))
def test_no_width_breaks_a_number(names, data, width):
    """Names are folded, columns move below each other; every number stands whole on a line."""
    console = Console(width=width, file=io.StringIO(), color_system=None)
    columns = [(Column("name", "model"), [f"{one}_on_imagenet_top5preds" for one in names])]
    units = data.draw(st.lists(st.sampled_from(["count", "percent", "points"]), max_size=9))
    for place, unit in enumerate(units):
        values = data.draw(st.lists(st.floats(0, 1), min_size=len(names), max_size=len(names)))
        lows = values
        if unit == "count":
            values = [round(one * 10**9) for one in values]
        ends = f"{{low{place}}}–{{low{place}}} of {{n{place}}}"
        columns += [
            (Column(f"c{place}", "multi-label accuracy", unit, 3, aside=ends), values),
            (Column(f"low{place}", "", "percent", 2), lows),
            (Column(f"n{place}", "", "count"), [12_345] * len(values)),
        ]
    table = Table.from_columns("t", "T", columns)
    console.print(to_rich(table))
    shown = console.file.getvalue()
    assert "…" not in shown.partition("Left out")[0]
    assert all(cell_len(line) <= width for line in shown.splitlines())
    found = Counter(re.findall(r"[^\s()]+", shown))
    for column in table.shown[1:]:
        for row in range(len(table)):
            value, aside = table.cell(column, row)
            found.subtract(Counter([value, *aside.split()]))
    assert all(n >= 0 for n in found.values())


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["resnet50_pytorch_top5preds", "vgg_bn_pytorch_top5preds"], ("", "_pytorch_top5preds")),
        (["val/n01/1.JPEG", "val/n02/2.JPEG"], ("val/", ".JPEG")),
        (["net-0.25", "net-1.25"], ("net-", "")),
        (["a_same", "b_same_same"], ("", "_same")),
        (["_same", "b_same"], ("", "")),
        (["one_and_only"], ("", "")),
        (["a_same", "a_same"], ("", "")),
    ],
)
def test_what_names_share_ends_at_a_separator(names, parts):
    start, end = shared_parts(names)
    assert (start, end) == parts
    short = {one.removeprefix(start).removesuffix(end) for one in names}
    assert all(short)
    assert len(short) == len(set(names))


def test_a_table_that_fits_is_left_as_it_is():
    long = ["resnet50_pytorch_imagenet_top5preds", "vgg16_pytorch_imagenet_top5preds"]
    table = Table.from_columns("t", "T", [(Column("m", "model"), long)])
    for width, is_whole in ((35, True), (34, False)):
        console = Console(width=width, file=io.StringIO(), color_system=None)
        console.print(to_rich(table))
        shown = console.file.getvalue()
        assert (long[0] in shown) is is_whole
        assert ("Left out of each name: …_pytorch" in " ".join(shown.split())) is not is_whole


def test_an_interval_of_one_place_is_one_number():
    rank = Column("rank", "rank", "count", aside="{best}–{worst}")
    ends = [(Column("best"), [1, 2]), (Column("worst"), [1, 3])]
    table = Table.from_columns("r", "Ranks", [(rank, [1, 2]), *ends])
    assert [table.cell(rank, row) for row in (0, 1)] == [("1", "1"), ("2", "2–3")]


def test_the_first_rows_say_how_many_follow():
    assert small().head(2) == small()
    first = small().head(1)
    assert (len(first), first.notes) == (1, ("… 1 more",))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ([(Column("a"), [1]), (Column("a"), [2])], "one key"),
        ([(Column("a"), [1]), (Column("b"), [2, 3])], "equally long"),
        ([(Column("a", aside="{c}"), [1])], "asides name"),
    ],
)
def test_a_table_that_does_not_hold_together_is_refused(columns, says):
    with pytest.raises(DataError, match=says):
        Table.from_columns("x", "X", columns)


def test_an_unknown_unit_is_refused():
    with pytest.raises(OptionError, match="'percent'"):
        Column("a", unit="per-cent")  # type: ignore[arg-type]


def test_a_new_format_is_one_registration(tmp_path: Path):
    toy = Renderer("toy", lambda table: f"{len(table)} rows\n", (".toy",), "counts rows")
    with pytest.raises(OptionError, match=re.escape(".csv, .tsv, .json, .md, .tex")):
        format_of("x.toy")
    with pytest.raises(OptionError, match="'latex'"):
        render(small(), "latec")
    RENDERERS.register(toy)
    try:
        assert format_of("x.TOY") == "toy"
        write_rendered(small(), tmp_path / "x.toy")
        assert (tmp_path / "x.toy").read_text() == "2 rows\n"
    finally:
        RENDERERS.unregister("toy")


def test_help_names_every_format_of_a_file():
    from reassess.cli.ranks import ranks

    option = next(one for one in ranks.params if one.name == "output")
    named = re.findall(r"\.[a-z]+", option.help)
    assert named == [suffix for one in RENDERERS.values() for suffix in one.suffixes]
