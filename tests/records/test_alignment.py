"""Which ids name which: written otherwise, they are found and noted; others are named by cause."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import AlignmentError
from reassess.notes import NoteWarning, collect_notes
from reassess.records import align, positions
from reassess.records.benchmark import plain_text

TARGET = np.array(["d/café 1.jpg", "d/i0.jpg", "e/i0.jpg", "00012"])


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("d\\i0.jpg", 1),
        (".\\e\\i0.jpg", 2),
        (" d/i0.jpg\t", 1),
        (unicodedata.normalize("NFD", "d/café 1.jpg"), 0),
        (unicodedata.normalize("NFD", "café 1.jpg"), 0),
        ("photos\\d\\i0.jpg", 1),
    ],
)
def test_ids_that_are_written_otherwise_are_found_and_noted(name: str, row: int) -> None:
    with pytest.warns(NoteWarning, match=r"p: 1 of 1 ids are written otherwise, such as '.* for"):
        assert align(np.array([name]), TARGET, source="p").tolist() == [row]
    with pytest.warns(NoteWarning):
        assert positions(TARGET[row : row + 1], np.array(["x", name]), source="p").tolist() == [1]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("d/I0.JPG", "upper and lower case, such as 'd/I0.JPG' for 'd/i0.jpg'"),
        ("CAFÉ 1.jpg", "upper and lower case"),
        ("d/i0", "the extension, such as 'd/i0' for 'd/i0.jpg'"),
        ("d/i0.png", "the extension"),
        ("d/I0.PNG", "case and the extension"),
        ("12", "the form of the number, such as '12' for '00012'"),
        ("12.0", "the form of the number"),
        ("d/other.jpg", "Use the path below the image folder"),
    ],
)
def test_ids_that_may_be_others_are_refused_by_their_cause(name: str, cause: str) -> None:
    with pytest.raises(AlignmentError, match=f"1 of 1 ids are unknown there.*{cause}"):
        align(np.array([name]), TARGET, source="p")
    assert positions(np.array([name]), TARGET, source="p").tolist() == [-1]


def test_what_two_ids_share_but_for_their_spelling_names_neither() -> None:
    two = np.array(["a\\b.jpg", "./a/b.jpg"])
    assert positions(np.array(["a/b.jpg "]), two, source="p").tolist() == [-1]
    with collect_notes(), pytest.raises(AlignmentError, match="appears in rows 0, 1"):
        positions(two, np.array(["a/b.jpg"]), source="p")


@given(
    ids=st.lists(
        st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=5)
        .map(plain_text)
        .filter(lambda text: text and not text.startswith(".") and "\\" not in text),
        min_size=1, max_size=6, unique=True,
    ),
    spell=st.lists(st.sampled_from(["{}", " {}", "./{}", ".\\{}", "{}\n"]), min_size=6, max_size=6),
    form=st.sampled_from(["NFC", "NFD"]),
)  # fmt: skip
def test_the_spelling_of_an_id_never_names_another_image(
    ids: list[str], spell: list[str], form: str
) -> None:
    """Each id finds its own row, or none where another id is the end of it."""
    other = [
        how.format(unicodedata.normalize(form, one)) for how, one in zip(spell, ids, strict=False)
    ]
    target = np.array([f"d/{one}" for one in ids])
    try:
        with collect_notes():
            rows = positions(np.array([f"d/{one}" for one in other]), target, source="p")
    except AlignmentError:
        return
    assert all(row in {place, -1} for place, row in enumerate(rows.tolist()))
