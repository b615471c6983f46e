"""Words that name classes: ids, names and indices, in every file that holds such words."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess import read_benchmark
from reassess.errors import DataError
from reassess.files import read_classes, read_votes
from reassess.files.class_words import integers_are
from reassess.files.other_labels import read_label_table
from reassess.notes import NoteWarning, collect_notes
from reassess.records import Classes

FOLDERS = ["1", "10", "11", "2", "3"]  # as torchvision's ImageFolder sorts them


def _labels(folder: Path, words: list[str], head: str = "image,label") -> Path:
    path = folder / "labels.csv"
    path.write_text(head + "\n" + "".join(f"{n}.jpg,{word}\n" for n, word in enumerate(words)))
    return path


def _classes(ids: list[str]) -> Classes:
    return Classes.from_names(ids)


@given(
    ids=st.lists(
        st.one_of(st.integers(0, 12).map(str), st.sampled_from(["cat", "dog", "owl"])),
        min_size=2, max_size=6, unique=True,
    ),
    picked=st.lists(st.integers(0, 5), min_size=1, max_size=8),
    written=st.sampled_from(["id", "index"]),
)  # fmt: skip
def test_a_label_is_the_class_that_was_meant_or_the_file_is_refused(
    ids: list[str], picked: list[int], written: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    meant = [n % len(ids) for n in picked]
    words = [ids[n] if written == "id" else str(n) for n in meant]
    path = _labels(tmp_path_factory.getbasetemp(), words)
    with collect_notes() as notes:
        stated = read_benchmark(path, classes=_classes(ids), labels_are=written)
        assert stated.original.tolist() == meant
        try:
            found = read_benchmark(path, classes=_classes(ids)).original
        except DataError:
            both = [word for word in words if word in ids and word.isdecimal()]
            assert any(int(word) != ids.index(word) for word in both), "it was in no doubt"
            return
    # What can be read one way only is read that way, and that is said where it is in doubt.
    assert found.tolist() == meant or (notes.texts and all(word.isdecimal() for word in words))


def test_integers_that_are_ids_and_indices_of_other_classes_are_refused(tmp_path: Path) -> None:
    path = _labels(tmp_path, ["1", "2", "3"])
    with pytest.raises(DataError, match=r"row 2 is 1, which is ambiguous.*--labels-are id"):
        read_benchmark(path, classes=_classes(FOLDERS))
    for reading, meant in (("id", [0, 3, 4]), ("index", [1, 2, 3])):
        original = read_benchmark(path, classes=_classes(FOLDERS), labels_are=reading).original
        assert original.tolist() == meant
        with integers_are(reading):
            again = read_benchmark(path, classes=_classes(FOLDERS)).original
        assert again.tolist() == meant
    path = _labels(tmp_path, ["1", "2", "3"], "image,class_id")
    assert read_benchmark(path, classes=_classes(FOLDERS)).original.tolist() == [0, 3, 4]
    path = _labels(tmp_path, ["1", "2", "3"], "image,class_index")
    assert read_benchmark(path, classes=_classes(FOLDERS)).original.tolist() == [1, 2, 3]


def test_the_only_reading_is_taken_and_named(tmp_path: Path) -> None:
    with collect_notes() as notes:
        path = _labels(tmp_path, ["11", "2", "1"])
        original = read_benchmark(path, classes=_classes(FOLDERS)).original
        assert original.tolist() == [2, 3, 0]
        assert "row 2 is 11" in notes.texts[0]
        assert "read as class ids" in notes.texts[0]
    with collect_notes() as notes:
        path = _labels(tmp_path, ["0", "2", "1"])
        original = read_benchmark(path, classes=_classes(FOLDERS)).original
        assert original.tolist() == [0, 2, 1]
        assert "read as indices" in notes.texts[0]
    with collect_notes() as notes:
        assert read_benchmark(path, classes=_classes(["a", "b", "c"])).original is not None
        assert not notes.texts, "there is no doubt"
    with pytest.raises(DataError, match=r"row 2 is 0, which is no id.*row 3 is 11"):
        read_benchmark(_labels(tmp_path, ["0", "11"]), classes=_classes(FOLDERS))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("?", r"row 4 is '\?', but must be an integer"),
        ("3e0", "row 4 is '3e0'"),
        ('"1,000"', "row 4 is '1,000'"),
        ("1.5", "row 4 is '1.5'"),
        ("cat", "row 4 is 'cat'"),
        ("NaN", "row 4, column 'label' is 'NaN'.*empty cell"),
        ("-1", "row 4 is -1.*no label"),
    ],
)
def test_one_cell_never_makes_names_of_integers(tmp_path: Path, cell: str, message: str) -> None:
    path = _labels(tmp_path, ["0", "10", cell, "2"])
    with pytest.raises(DataError, match=message):
        read_benchmark(path)


def test_the_odd_cell_among_indices_is_named_beside_classes(tmp_path: Path) -> None:
    path = _labels(tmp_path, ["0", "2.5", "1", "1"])
    odd = r"row 3 is '2\.5', but a class index must be in \[0, 2\); 1 of 4"
    with pytest.raises(DataError, match=odd):
        read_benchmark(path, classes=_classes(["ant", "bee"]))


def test_an_integer_among_names_is_refused_without_classes(tmp_path: Path) -> None:
    words = ["cat", "owl", "7", "cat", "none"]
    with pytest.raises(DataError, match="row 6 is 'none', which stands for an empty cell"):
        read_benchmark(_labels(tmp_path, words))
    with pytest.raises(DataError, match=r"row 4 is 7.*--labels-are id"):
        read_benchmark(_labels(tmp_path, words[:4]))
    found = read_benchmark(_labels(tmp_path, words[:4]), labels_are="id")
    assert found.classes.ids == ("7", "cat", "owl")
    found = read_benchmark(_labels(tmp_path, words), classes=_classes(["7", "cat", "none", "owl"]))
    assert found.original.tolist() == [1, 3, 0, 1, 2]


def test_a_class_called_nan_is_no_class_among_ids(tmp_path: Path) -> None:
    """In a column of ids it is more likely an empty cell, as pandas writes it."""
    known = Classes(("n01", "n02", "n03"), ("beetle", "none", "NaN"), ("",) * 3, ("",) * 3)
    for others in (["n01", "n02"], ["n01", "0"]):
        path = _labels(tmp_path, [*others, "NaN"])
        with pytest.raises(DataError, match=r"row 4 is 'NaN', which is the name of class 2.*'n03'"):
            read_benchmark(path, classes=known)
    path = _labels(tmp_path, ["beetle", "none", "NaN", "n01"])
    assert read_benchmark(path, classes=known).original.tolist() == [0, 1, 2, 0]


def test_labels_that_count_from_one_are_told_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="count from 1"):
        read_benchmark(_labels(tmp_path, ["1", "2", "3"]), classes=_classes(["a", "b", "c"]))


def test_blanks_and_unicode_forms_make_no_other_class(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "café")
    with collect_notes() as notes:
        found = read_benchmark(_labels(tmp_path, ["cat", "cat ", "café", decomposed]))
        assert found.classes.ids == ("café", "cat")
        assert notes.texts
        found = read_benchmark(_labels(tmp_path, [decomposed]), classes=_classes(["cat ", "café"]))
    assert found.class_folders.tolist() == ["café"]
    with pytest.raises(DataError, match="but for blanks and Unicode forms"):
        _classes(["cat", "cat "])


def test_ids_that_are_numbers_out_of_order_need_an_index(tmp_path: Path) -> None:
    path = tmp_path / "classes.csv"
    path.write_text("class_id,class_name\n2,owl\n0,cat\n1,dog\n")
    with pytest.raises(DataError, match=r"row 2 is 2.*Add a column 'index'"):
        read_classes(path)
    path.write_text("index,class_id,class_name\n2,2,owl\n0,0,cat\n1,1,dog\n")
    assert read_classes(path).names == ("cat", "dog", "owl")
    path.write_text("class_id,wnid\n2,n9\n0,n7\n1,n8\n")
    assert read_classes(path).ids == ("n7", "n8", "n9")
    path.write_text("id\n" + "\n".join(str(n) for n in sorted(map(str, range(12)))) + "\n")
    with collect_notes() as notes:
        assert read_classes(path).ids[2] == "10"
    assert "order of texts" in notes.texts[0]


def test_columns_that_name_the_class_twice_agree_or_are_refused(tmp_path: Path) -> None:
    known = _classes(["owl", "cat", "dog"])
    path = _labels(tmp_path, ["owl,0", "dog,2"], "image,class_id,label")
    assert read_benchmark(path, classes=known).original.tolist() == [0, 2]
    path = _labels(tmp_path, ["owl,2", "dog,1", "cat,0"], "image,class_id,label")
    with collect_notes() as notes:
        found = read_benchmark(path, classes=known).original
    assert found.tolist() == [0, 2, 1], "the file's indices are of another order of classes"
    assert "different orders" in notes.texts[0]
    path = _labels(tmp_path, ["owl,0", "dog,0"], "image,class_id,label")
    with pytest.raises(DataError, match=r"row 3 is 'dog'"):
        read_benchmark(path, classes=known)
    path = _labels(tmp_path, ["ant,7", "bee,8"], "image,class_id,label")
    with pytest.raises(DataError, match=r"2 classes with indices from 7 to 8, but must name every"):
        read_benchmark(path)
    path = _labels(tmp_path, ["007,008", "008,1e3"], "image,class_id,label")
    with pytest.raises(DataError, match=r"'label' and 'class_id' both name classes"):
        read_benchmark(path)
    path = _labels(tmp_path, ["owl,0", "cat,2", "dog,1"], "image,label,class_id")
    with collect_notes() as notes:
        found = read_benchmark(path)
    assert found.classes.ids == ("owl", "dog", "cat")
    assert "order of their numbers" in notes.texts[0]


def test_votes_and_tables_of_sets_follow_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("image,label,rater,answer\na,2,r,yes\na,3,r,no\n")
    with pytest.raises(DataError, match=r"row 2 is 2, which is ambiguous"):
        read_votes(path, classes=_classes(FOLDERS))
    with integers_are("id"):
        pairs = read_votes(path, classes=_classes(FOLDERS)).questions.pairs
    assert pairs.label.tolist() == [3, 4]
    path.write_text("image,label\na,none\nb,cat\na,cat\nc,\n")
    sets = read_label_table(path, classes=_classes(["cat", "none"]), name="x")
    assert sets.lists() == [[0, 1], [0], []]
    sets = read_label_table(path, classes=_classes(["cat"]), name="x")
    assert sets.lists() == [[0], [0], []]
    path.write_text("image,labels\na,2 3\nb,1\n")
    with pytest.raises(DataError, match=r"row 2 is 2, which is ambiguous"):
        read_label_table(path, classes=_classes(FOLDERS), name="x")


@pytest.mark.parametrize(
    "cells",
    [
        ["cat", "dog", "cat;dog"],
        ["cat|dog", "dog|owl", "owl"],
        ["cat", "dog", '"cat, dog"'],
        ["[0]", "[2]", '"[0, 2]"'],
        ["0", "2", "0 2"],
    ],
)
def test_several_labels_in_a_cell_are_no_class(cells: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row \d is '.*', which holds several labels"):
        read_benchmark(_labels(tmp_path, cells))


def test_several_rows_of_an_image_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("image,label\na,cat\nb,dog\na,dog\n")
    with pytest.raises(DataError, match=r"row 4: image 'a'.*one original label.*--labels"):
        read_benchmark(path)


def test_names_with_signs_are_classes(tmp_path: Path) -> None:
    names = ["crane, bird", "crane, machine", "salt & pepper", "a/b"]
    found = read_benchmark(_labels(tmp_path, [f'"{name}"' for name in names]))
    assert set(found.classes.ids) == set(names)


def test_names_that_differ_by_case_are_two_classes_and_it_is_noted(tmp_path: Path) -> None:
    with pytest.warns(NoteWarning, match=r"'cat' and 'Cat' differ by case only"):
        found = read_benchmark(_labels(tmp_path, ["cat", "Cat", "dog"]))
    assert found.classes.names == ("Cat", "cat", "dog")


def test_signs_are_classes_where_nothing_else_is_or_somebody_says_so(tmp_path: Path) -> None:
    only = read_benchmark(_labels(tmp_path, ["+", "-", "="]))
    assert only.classes.names == ("+", "-", "=")
    mixed = _labels(tmp_path, ["cat", "-", "dog"])
    assert read_benchmark(mixed, labels_are="id").classes.names == ("-", "cat", "dog")
    assert read_benchmark(mixed, classes=_classes(["cat", "dog", "-"])).original.tolist() == [
        0, 2, 1,
    ]  # fmt: skip
    assert read_benchmark(_labels(tmp_path, ["🐱", "dog"])).classes.names == ("dog", "🐱")


def test_what_integers_of_labels_are_is_not_said_of_columns_of_indices(tmp_path: Path) -> None:
    table = tmp_path / "classes.csv"
    table.write_text("index,id\n1,1\n0,2\n")
    votes = tmp_path / "votes.csv"
    votes.write_text("image,class_index,class_id,rater,answer\na,0,2,x,yes\na,1,1,x,no\n")
    labels = _labels(tmp_path, ["2", "1"])
    with integers_are("id"):
        classes = read_classes(table)
        assert classes.ids == ("2", "1")
        assert read_benchmark(labels, classes=classes).original.tolist() == [0, 1]
        assert read_votes(votes).questions.pairs.label.tolist() == [0, 1]
