"""Image ids: who is who, and the two row orders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import AlignmentError
from reassess.records import align, file_number_order, imagefolder_order, positions

FOLDERS = st.sampled_from(["cat", "images", "val", "..", ".", "a b", "été", "n01", "cat.jpg"])


@st.composite
def image_ids(draw: st.DrawFn) -> list[str]:
    """Distinct paths of any depth; every file name is there once."""
    folders = draw(st.lists(st.lists(FOLDERS, max_size=3), min_size=1, max_size=8))
    return ["/".join([*path, f"img_{n}.jpg"]) for n, path in enumerate(folders)]


@given(ids=image_ids(), data=st.data())
def test_ids_are_found_by_path_by_name_and_below_other_folders(
    ids: list[str], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(ids))))
    kept = order[: data.draw(st.integers(1, len(ids)))]
    spellings = [lambda i: i, lambda i: i.rpartition("/")[2], lambda i: "/data/val/" + i]
    asked = [data.draw(st.sampled_from(spellings))(ids[row]) for row in kept]
    found = positions(np.array(asked), np.array(ids), source="x")
    assert found.tolist() == kept


@pytest.mark.parametrize("folder", ["cat", "images", "..", "val", "jpg", "a b", "été"])
def test_no_part_of_an_id_is_stripped(folder: str) -> None:
    """`lstrip(folder)` would take any of its letters off the name as well."""
    name = folder[::-1] + "x.jpg"
    target = np.array([f"{folder}/{name}", f"other/{folder}.jpg"])
    asked = [f"{folder}{name}", name.lstrip(folder), f"{folder}/x{name}", f"x{folder}/{name}"]
    asked += [f"{folder[1:]}/{name}"] if len(folder) > 1 and folder != ".." else []
    unknown = positions(np.array([a for a in asked if a and a != name]), target, source="x")
    assert set(unknown.tolist()) == {-1}
    assert positions(np.array([name, f"{folder}.jpg"]), target, source="x").tolist() == [0, 1]


def test_ids_in_doubt_are_refused() -> None:
    target = np.array(["cat/1.jpg", "dog/1.jpg", "dog/2.jpg"])
    with pytest.raises(AlignmentError, match=r"'1\.jpg' fits 2 images"):
        positions(np.array(["2.jpg", "1.jpg"]), target, source="x")
    with pytest.raises(AlignmentError, match=r"'dog/2\.jpg' appears in rows 0, 2"):
        positions(np.array(["2.jpg", "cat/1.jpg", "dog/2.jpg"]), target, source="x")
    with pytest.raises(AlignmentError, match=r"x: image id\[1\] is '3\.jpg'.*1 of 2"):
        align(np.array(["2.jpg", "3.jpg"]), target, source="x")
    assert positions(np.array([""]), target, source="x").tolist() == [-1]


@given(
    numbers=st.lists(st.integers(0, 10**30), min_size=1, max_size=8, unique=True),
    width=st.sampled_from([0, 8, 40]),
)
def test_file_numbers_are_compared_as_numbers(numbers: list[int], width: int) -> None:
    ids = np.array([f"9 val/2012.v2/img_7_{n:0{width}d}.JPEG" for n in numbers])
    expected = sorted(range(len(numbers)), key=numbers.__getitem__)
    assert file_number_order(ids).tolist() == expected


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (["a/1.jpg", "b/01.jpg"], r"'a/1\.jpg' and 'b/01\.jpg' have the same"),
        (["1/cat.jpg", "2/dog.jpg"], r"'1/cat\.jpg' has no number"),
        (["img.mp4"], r"'img\.mp4' has no number"),
    ],
)
def test_file_numbers_in_doubt_are_refused(ids: list[str], says: str) -> None:
    with pytest.raises(AlignmentError, match=says):
        file_number_order(np.array(ids))


def test_the_number_is_the_last_one_before_the_extension() -> None:
    ids = np.array(["x_2_30.jpg", "v1.10.mp4", "9", "8.", ".7"])
    assert file_number_order(ids).tolist() == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("prefix", ["", "val/", "/data/images/val/", "../"])
def test_imagefolder_sorts_as_torchvision_does(prefix: str) -> None:
    """Class folders as strings, then every folder below them, then file names."""
    in_order = [
        "..b/1.jpg", "Cat/1.jpg", "a/2.jpg", "a/a/1.jpg", "a/a/b/1.jpg", "a/b/0.jpg", "a b/1.jpg",
        "cat/10.jpg", "cat/9.jpg", "cat-b/1.jpg", "cats/1.jpg", "été/1.jpg",
    ]  # fmt: skip
    ids = np.array([prefix + name for name in in_order])
    mixed = np.random.default_rng(0).permutation(len(ids))
    assert ids[mixed][imagefolder_order(ids[mixed])].tolist() == ids.tolist()


def test_imagefolder_order_of_bare_names_needs_the_classes() -> None:
    ids = np.array(["2.jpg", "1.jpg", "3.jpg"])
    assert imagefolder_order(ids, np.array(["b", "b", "a"])).tolist() == [2, 1, 0]
    shared = np.array(["val/2.jpg", "val/1.jpg", "val/3.jpg"])
    assert imagefolder_order(shared, np.array(["b", "b", "a"])).tolist() == [2, 1, 0]
    for names in (ids, shared):
        with pytest.raises(AlignmentError, match="no class folders"):
            imagefolder_order(names)
