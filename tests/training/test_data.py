"""Images with labels: the same from every source; what is wrong is named."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reassess.errors import AlignmentError, DataError, FileError
from reassess.files.images import open_images
from reassess.records import Classes
from reassess.training import ImageTransform, load_pixels, open_labelled
from reassess.training.images import decode
from tests.training.small import (
    NAMES,
    SIDE,
    encoded,
    squares,
    write_folder,
    write_parquet,
    write_shards,
)

TRANSFORM = ImageTransform(SIDE)


def test_folder_parquet_and_shards_are_the_same_images(tmp_path):
    write_folder(tmp_path / "folder")
    write_parquet(tmp_path / "table.parquet")
    write_shards(tmp_path / "shards")
    pixels, label = squares(48)
    for source in ("folder", "table.parquet", "shards"):
        found = open_labelled(tmp_path / source, transform=TRANSFORM)
        order = np.argsort([one[-7:] for one in found.labels.image_ids.tolist()])
        assert (found.pixels.pixels.numpy()[order] == pixels).all(), source
        assert (found.first_label[order] == label).all(), source
        assert found.classes is not None
        assert list(found.classes.names) == NAMES


def test_what_does_not_fit_into_memory_is_decoded_when_it_is_needed(tmp_path):
    write_folder(tmp_path)
    files = open_images(tmp_path)
    kept, _, _ = load_pixels(files, TRANSFORM)
    streamed, _, _ = load_pixels(files, TRANSFORM, max_bytes_in_memory=0)
    assert type(kept) is not type(streamed)
    rows = [torch.tensor([5, 3]), torch.tensor([40]), torch.tensor([3, 4]), torch.tensor([0])]
    for one, other in zip(kept.batches(rows), streamed.batches(rows), strict=True):
        assert torch.equal(one, other)
    first = [torch.tensor([0])]
    part, other = (one.take(np.array([7])) for one in (kept, streamed))
    assert torch.equal(next(part.batches(first)), next(other.batches(first)))


def test_hashes_show_which_images_are_one_in_memory_or_not(tmp_path):
    ids = write_folder(tmp_path)
    (tmp_path / ids[3]).write_bytes((tmp_path / ids[9]).read_bytes())
    (tmp_path / ids[0]).write_bytes(b"no image")
    for max_bytes_in_memory in (10**9, 0):
        found, rows, _ = load_pixels(
            open_images(tmp_path),
            TRANSFORM,
            skip_unreadable=True,
            max_bytes_in_memory=max_bytes_in_memory,
        )
        names = open_images(tmp_path).image_ids[rows].tolist()
        digests = found.digests()
        assert len(names) == len(digests) == 47
        values, counts = np.unique(digests, return_counts=True)
        twice = np.array(names)[digests == values[counts == 2]]
        assert set(twice.tolist()) == {ids[3], ids[9]}
        some = np.array([40, 2])
        assert found.take(some).digests().tolist() == digests[some].tolist()


def test_the_number_of_classes_is_that_of_the_labels_not_of_what_is_kept(tmp_path):
    ids = write_folder(tmp_path)
    notes: list[str] = []
    kept = np.array([one for one in ids if not one.startswith("doe")])
    found = open_labelled(tmp_path, keep_list=kept, transform=TRANSFORM, on_warning=notes.append)
    assert (found.n_classes, len(found)) == (4, 36)
    assert any("'doe'" in note and "1 of 4 classes" in note for note in notes)
    labels = {one: [NAMES.index(one.partition("/")[0])] for one in kept}
    (tmp_path / "sets.json").write_text(json.dumps(labels))
    (tmp_path / "classes.csv").write_text(
        "index,id,name\n" + "".join(f"{k},{name},{name}\n" for k, name in enumerate(NAMES))
    )
    found = open_labelled(
        tmp_path,
        labels=tmp_path / "sets.json",
        classes=tmp_path / "classes.csv",
        transform=TRANSFORM,
    )
    assert (found.n_classes, len(found)) == (4, 36)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_of_16_bits_keeps_its_shades(kind):
    """By hand: 0x4080 of 16 bits is 0x40 of 8; cut off at 255 it would be white."""
    content = io.BytesIO()
    Image.fromarray(np.full((SIDE, SIDE), 0x4080, np.uint16)).save(content, kind)
    assert (decode(content.getvalue(), TRANSFORM) == 0x40).all()


def test_models_see_the_shades_of_floats_that_raters_see():
    """By hand: the smallest value is black, the largest white, what lies between is between."""
    content = io.BytesIO()
    levels = np.repeat(np.array([[-1.0, 0.0, 1.0, 3.0]], np.float32), SIDE, axis=0)
    Image.fromarray(np.repeat(levels, SIDE // 4, axis=1)).save(content, "TIFF")
    seen = decode(content.getvalue(), TRANSFORM)[0, :: SIDE // 4, 0]
    assert seen.tolist() == [0, 64, 128, 255]


def test_an_image_is_turned_as_its_camera_was_held():
    """Orientation 6: what is stored at the top is seen at the right."""
    stored = Image.new("RGB", (SIDE, SIDE))
    stored.paste((255, 255, 255), (0, 0, SIDE, SIDE // 2))
    exif = Image.Exif()
    exif[0x112] = 6
    content = io.BytesIO()
    stored.save(content, "PNG", exif=exif)
    seen = decode(content.getvalue(), TRANSFORM)
    assert (seen[:, SIDE // 2 :] == 255).all()
    assert (seen[:, : SIDE // 2] == 0).all()


def test_unreadable_images_are_named_and_counted(tmp_path):
    ids = write_folder(tmp_path)
    for one in ids[:2]:
        (tmp_path / one).write_bytes(b"no image")
    with pytest.raises(
        DataError, match=r"'ant/000.png', 'bee/001.png' .*\(it has no format .*2 of 48"
    ):
        open_labelled(tmp_path, transform=TRANSFORM)
    notes: list[str] = []
    found = open_labelled(tmp_path, transform=TRANSFORM, skip_unreadable=True, on_note=notes.append)
    assert len(found) == 46
    assert any("2 of 48" in note and "ant/000.png" in note for note in notes)
    for one in ids:
        (tmp_path / one).write_bytes(b"no image")
    with pytest.raises(DataError, match="48 of 48"):
        open_labelled(tmp_path, transform=TRANSFORM, skip_unreadable=True)


def test_what_cannot_be_learned_is_refused(tmp_path):
    ids = write_folder(tmp_path / "four")
    write_folder(tmp_path / "one", 1)
    with pytest.raises(DataError, match="there is 1 class"):
        open_labelled(tmp_path / "one", transform=TRANSFORM)
    with pytest.raises(AlignmentError, match=r"'nowhere.png' is not in"):
        open_labelled(tmp_path / "four", keep_list=np.array(["nowhere.png"]), transform=TRANSFORM)
    table = tmp_path / "labels.csv"
    table.write_text(f"image,label\n{ids[0]},ant\n{ids[1]},bee\n")
    with pytest.raises(DataError, match="0 images left of 48"):
        open_labelled(
            tmp_path / "four", labels=table, keep_list=np.array(ids[2:4]), transform=TRANSFORM
        )
    table.write_text("image,label\nother.png,ant\nb.png,bee\n")
    with pytest.raises(AlignmentError, match=r"'other.png', 'b.png'.* 2 of 2"):
        open_labelled(tmp_path / "four", labels=table, transform=TRANSFORM)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="0 images"):
        open_labelled(tmp_path / "empty", transform=TRANSFORM)
    (tmp_path / "cut.tar").write_bytes(b"no tar at all")
    with pytest.raises(FileError, match="not a complete tar"):
        open_labelled(tmp_path / "cut.tar", transform=TRANSFORM)
    with pytest.raises(FileError, match="no such file"):
        open_labelled(tmp_path / "absent.parquet", transform=TRANSFORM)
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "a.png").write_bytes(Path(tmp_path / "four" / ids[0]).read_bytes())
    with pytest.raises(DataError, match="it has no labels"):
        open_labelled(flat, transform=TRANSFORM)


def test_names_of_folders_are_never_indices(tmp_path: Path) -> None:
    for n, content in enumerate(encoded(squares(6)[0])):
        folder = tmp_path / ("1", "2", "10")[n % 3]
        folder.mkdir(exist_ok=True)
        (folder / f"{n}.png").write_bytes(content)
    for classes in (None, Classes.from_names(["1", "10", "2"])):
        found = open_labelled(tmp_path, classes=classes)
        assert found.classes.ids == ("1", "10", "2")
        assert np.bincount(found.first_label).tolist() == [2, 2, 2]
    with pytest.raises(DataError, match=r"class folders.* is 2, but must be the id"):
        open_labelled(tmp_path, classes=Classes.from_names(["1", "10", "11"]))
