"""Made-up tables of votes mean the same through Arrow and cell by cell, whatever holds them.

Drawn are the layout, the columns beside it, and now and then a cell that is refused or noted.
"""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reassess.files import arrow_votes, wide_votes
from tests.files.test_arrow_votes import Columns, meaning

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("numba")

ODD_CELLS = (None, "", " x", "NA", "jes", "1.0", "\u00e9")


def wide(random: Random) -> Columns:
    """A row a question, a column a rater, gaps."""
    n = random.randint(1, 9)
    image, label = [f"d/{i // 2}.jpg" for i in range(n)], [i % 3 for i in range(n)]
    table: Columns = dict(random.choice([
        {"task": [f"t{i}" for i in range(n)]},
        {"task": list(range(n))},
        {"question": [f"a{i}.jpg:{i % 3}" for i in range(n)]},
        {"image": image, "label": label},
        {"image": image, "label": label, "class_id": [f"n{i % 3}" for i in range(n)]},
    ]))  # fmt: skip
    words = random.choice([["no", "yes", "maybe"], ["cat", "dog"], ["Yes", "no", " no "], [0, 1],
                           [0.0, 1.0, 2.0], [True, False]])  # fmt: skip
    for rater in range(random.randint(2, 5)):
        cells = [random.choice(words) if random.random() < 0.6 else None for _ in range(n)]
        table[f"ann{rater}"] = cells
    if random.random() < 0.2:
        table[random.choice(["ann0", "comment"])] = [None] * n
    return table


TIMES = (
    "2026-01-{0}T12:00:00Z", "2026-01-{0}T12:00:{0}.5Z", "2026-01-{0}", "2026-01-{0} 12:{0}",
    "2026-01-{0}T12:00:00+02:00", "2026-01-{0} 14:00 -0530", "2026-01-{0}t12:00:00,1234567 utc",
    "2026-01-{0}T01:00+05", "", "NA",
)  # fmt: skip
NUMBERS = ("17698608{0}", "17698608{0}.25", "1.7698608{0}e9", "", "17698608{0}.")
NO_TIMES = ("2026-13-{0}", "1999-01-{0}", "yesterday", "2026-01-{0}T12:00.5Z", "17698608{0}",
            "2026-01-{0}T10:00+15:00", "2026-02-30")  # fmt: skip


def times(random: Random, n: int) -> list[Any]:
    """Times that are written in several ways, now and then with one that is none."""
    forms = random.sample(random.choice([TIMES, NUMBERS]), 3)
    cells: list[Any] = [random.choice(forms).format(10 + i) for i in range(n)]
    if random.random() < 0.2:
        cells[-1] = random.choice(NO_TIMES).format(10)
    stored = random.choice([None, None, "ints", "dates"])
    if stored == "ints":
        return [1_769_860_800 + i if random.random() < 0.9 else None for i in range(n)]
    return [date(2026, 1, 1 + i) for i in range(n)] if stored else cells


def long(random: Random) -> Columns:
    """A row a vote: on images with classes, or on tasks with something beside."""
    n = random.randint(1, 9)
    pairs = sorted((f"d{i % 2}/{random.choice('ab')}.jpg", random.randint(0, 2)) for i in range(n))
    if random.random() < 0.4:
        random.shuffle(pairs)
    image, label = [one for one, _ in pairs], [one for _, one in pairs]
    task = random.choice([
        [f"{one}:{k}" for one, k in pairs], [f"{one}{k}" for one, k in pairs], list(range(n)),
    ])  # fmt: skip
    table: Columns = dict(random.choice([
        {"image": image, "label": label},
        {"image": image, "label": label, "task": task},
        {"task": task, "image": image},
        {"task": task, "class_id": [f"n{k}" for k in label]},
        {"task": task, "label": label},
        {"task": task, "id": list(range(n))},
    ]))  # fmt: skip
    answers = random.choice([["no", "maybe", "yes"], ["cat", "dog"]])
    table["worker"] = [f"r{i % 5}" for i in range(n)]
    table["answer"] = [random.choice(answers) for _ in range(n)]
    if "image" in table and random.random() < 0.1:
        table["image"] = list(table["answer"])
    if random.random() < 0.5:
        table["given_at"] = times(random, n)
    if random.random() < 0.3:
        table["counted"] = [random.random() < 0.8 for _ in range(n)]
    return table


def check_alike(table: Columns, folder: Path) -> int:
    """Compare both readers on a table in every form that holds it; how many Arrow's read."""
    parquet, text = folder / "votes.parquet", folder / "votes.csv"
    with text.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table)
        filled = zip(*[["" if one is None else one for one in c] for c in table.values()],
                     strict=True)  # fmt: skip
        writer.writerows(filled)
    forms: list[Any] = [text]
    for make in (pa.table, pd.DataFrame, pl.DataFrame):
        try:
            forms.append(make(table))
        except (pa.ArrowException, TypeError, pl.exceptions.PolarsError):
            continue  # it does not hold cells of several types
        if make is pa.table:
            pq.write_table(forms[-1], parquet, row_group_size=4)
            forms.append(parquet)
    expected = [meaning(form) for form in forms]
    read: list[Any] = []
    through_arrow: Callable[..., Any] = arrow_votes.read_arrow_votes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrow_votes, "SMALLEST", 0)
        patch.setattr(wide_votes, "SMALLEST", 0)
        patch.setattr("reassess.files.parquet._ROWS_A_BATCH", 7)
        patch.setattr("reassess.files.frames._ROWS_A_BATCH", 5)
        patch.setattr(
            "reassess.files.votes.read_arrow_votes",
            lambda *asked: read.append(through_arrow(*asked)) or read[-1],
        )
        for form, cell_by_cell in zip(forms, expected, strict=True):
            assert meaning(form) == cell_by_cell, type(form)
    return sum(one is not None for one in read)


@settings(max_examples=20, deadline=None)
@given(random=st.randoms(use_true_random=True))
def test_made_up_tables_mean_the_same_in_every_form(
    tmp_path_factory: pytest.TempPathFactory, random: Random
) -> None:
    table = random.choice([wide, long])(random)
    if random.random() < 0.3:
        column = table[random.choice(list(table))]
        column[random.randrange(len(column))] = random.choice(ODD_CELLS)
    if random.random() < 0.1:
        for column in table.values():
            column[-1] = None
    check_alike(table, tmp_path_factory.mktemp("votes"))


def test_a_large_wide_frame_is_its_long_one() -> None:
    n = 6_000
    rng = np.random.default_rng(0)
    cells = np.array(["no", "maybe", "yes"])[rng.integers(0, 3, (n, 10))].astype(object)
    cells[rng.random((n, 10)) < 0.4] = None
    held: Columns = {"task": [f"{i // 5}.jpg:{i % 5}" for i in range(n)]}
    raters = [f"ann{i}" for i in range(10)]
    table = pa.table(held | dict(zip(raters, cells.T.tolist(), strict=True)))
    long = {
        "task": np.repeat(held["task"], 10), "rater": raters * n, "answer": cells.reshape(-1),
    }  # fmt: skip
    views = pa.table([table["task"].cast(pa.string_view()), *table.columns[1:]], table.column_names)
    assert meaning(views) == meaning(table)
    one, other = meaning(table), meaning(pd.DataFrame(long).dropna())
    assert one[:7] == other[:7]
    assert len(one[6]) < wide_votes.SMALLEST < 10 * n
