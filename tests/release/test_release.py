"""A release: all that its numbers rest on, nobody's name, and every number made again from it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reassess import sources
from reassess.errors import FileError, OptionError
from reassess.files import read_labels, read_votes, write_labels
from reassess.notes import NoteWarning
from reassess.records import Benchmark, Classes, LabelSets
from reassess.release import check_release, compare_releases, write_release
from reassess.study import Study, collect, new_study, open_study, run_study
from tests.release.conftest import ABOUT, NAMES


@pytest.fixture
def copy(released: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(released, tmp_path / "copy"))


def wrong(folder: Path) -> dict[str, str]:
    return {one.name: one.detail for one in check_release(folder) if not one.is_right}


def test_a_release_follows_from_itself_and_is_the_studys(study: Study, released: Path) -> None:
    assert wrong(released) == {}
    old, new = collect(study), collect(open_study(released))
    assert new.labels.lists() == old.labels.lists()
    assert new.labels.operating_point is not None
    assert old.labels.operating_point is not None
    assert new.labels.operating_point.rule == "precision-at-recall"
    assert new.labels.operating_point.threshold == pytest.approx(
        old.labels.operating_point.threshold, abs=1e-9
    )
    table = read_labels(released / "data" / "labels.parquet", classes=new.benchmark.classes)
    assert table.lists() == new.labels.lists()
    assert sources.evaluation_target(released).labels.lists() == new.labels.lists()
    done = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=released, check=False
    )
    assert done.returncode == 0


def test_nobodys_name_and_no_time_of_day_is_in_it(study: Study, released: Path) -> None:
    people = (*NAMES, "Expert Eve")
    for path in (one for one in released.rglob("*") if one.is_file()):
        content = path.read_bytes()
        assert not [name for name in people if name.encode() in content], path
        assert not [name for name in people if name.encode("utf-32-le") in content], path
    assert not (released / ".release-key").exists()
    old, new = collect(study).votes, read_votes(released / "votes.csv")
    assert old is not None
    assert old.given_at is not None
    assert new.given_at is None
    assert len(new) == len(old)
    assert all(name.startswith("rater-") for name in new.rater_ids.tolist())
    assert sorted(np.bincount(new.rater)) == sorted(np.bincount(old.rater))


def test_pseudonyms_stay_from_release_to_release_and_an_erased_rater_is_gone(
    study: Study, released: Path, tmp_path: Path
) -> None:
    later = Path(shutil.copytree(study.folder, tmp_path / "later"))
    lines = (later / "votes.csv").read_text().splitlines()
    kept = [line for line in lines if NAMES[1] not in line]
    (later / "votes.csv").write_text("\n".join(kept) + "\n")
    with pytest.raises(OptionError, match=r"posterior.npz is older than .* \(changed: votes\)"):
        write_release(open_study(later), tmp_path / "out", ABOUT)
    assert not (tmp_path / "out").exists()
    run_study(open_study(later))
    write_release(open_study(later), tmp_path / "out", ABOUT)
    before, after = read_votes(released / "votes.csv"), read_votes(tmp_path / "out" / "votes.csv")
    assert set(after.rater_ids) < set(before.rater_ids)
    (gone,) = set(before.rater_ids) - set(after.rater_ids)
    for path in (one for one in (tmp_path / "out").rglob("*") if one.is_file()):
        content = path.read_bytes()
        assert gone.encode() not in content
        assert gone.encode("utf-32-le") not in content
    changes = compare_releases(open_study(released), open_study(tmp_path / "out"))
    assert changes.numbers["raters"] == (5, 4)
    assert changes.n_same + len(changes.images) == 401


def test_texts_that_do_not_follow_are_named(copy: Path) -> None:
    changes = {
        "README.md": ("| votes | 1,875 |", "| votes | 1,876 |"),
        "CITATION.cff": ("Ada", "Eve"),
        "scores.json": ('"n_correct": 3', '"n_correct": 2'),
        "release.json": ('"votes": 1875', '"votes": 1876'),
        "croissant.json": ("5 on every question", "6 on every question"),
    }
    for name, (old, new) in changes.items():
        text = (copy / name).read_text()
        assert old in text
        (copy / name).write_text(text.replace(old, new, 1))
    found = wrong(copy)
    assert found.pop("checksums (SHA256SUMS)").startswith("5 files are changed")
    assert set(found) == set(changes)
    assert found["release.json"].endswith("at /numbers/votes (1876, but 1875 follows)")


def test_labels_that_the_votes_do_not_give_are_named_with_the_image(
    copy: Path, released: Path
) -> None:
    value = json.loads((copy / "labels.json").read_text())
    image = next(one for one, held in value["labels"].items() if len(held) == 1)
    value["labels"][image] = [(value["labels"][image][0] + 1) % 6]
    (copy / "labels.json").write_text(json.dumps(value))
    (copy / "more.txt").write_text("something else")
    votes = (copy / "votes.csv").read_text()
    (copy / "votes.csv").write_text(votes.replace(",no\n", ",yes\n", 4))
    found = wrong(copy)
    assert image in found["labels.json"]
    assert found["posterior"] == "the votes give other probabilities"
    assert found["checksums (SHA256SUMS)"].startswith("1 files are not listed: 'more.txt'")

    (copy / "more.txt").unlink()
    whole = (copy / "votes.csv").rename(copy.parent / "votes.csv")
    whole.write_text(votes)
    (copy / "votes.csv").symlink_to(whole)
    (copy / "labels.json").write_bytes((released / "labels.json").read_bytes())
    assert wrong(copy) == {"checksums (SHA256SUMS)": "1 files are links: 'votes.csv'"}
    stated = json.loads((copy / "release.json").read_text())
    (copy / "release.json").write_text(json.dumps(stated | {"authors": 3}))
    with pytest.raises(FileError, match=r"'authors' is '3', which `reassess release` does not"):
        check_release(copy)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")  # mlcroissant's own, of rdflib
def test_it_is_croissant_with_responsible_ai_fields(released: Path) -> None:
    mlc = pytest.importorskip("mlcroissant")
    data = mlc.Dataset(released / "croissant.json")
    assert data.metadata.ctx.issues.errors == set()
    meta = data.metadata
    assert meta.ctx.is_v1_1()
    assert meta.name == "Small pets"
    assert meta.annotations_per_item == "5 on every question"
    assert meta.machine_annotation_tools == ["m0", "m1", "m2"]
    rows = list(data.records("labels"))
    labels = read_labels(released / "data" / "labels.parquet")
    assert [row["labels/image"].decode() for row in rows] == labels.image_ids.tolist()
    assert [list(row["labels/labels"]) for row in rows] == labels.lists()
    assert len(list(data.records("votes"))) == 1875


def test_hugging_face_reads_the_features_of_its_table(released: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(released / "data" / "labels.parquet")
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == table.column_names or set(features) == set(table.column_names)
    assert features["original"] == {"names": [f"Class {k}" for k in range(6)],
                                    "_type": "ClassLabel"}  # fmt: skip
    head = (released / "README.md").read_text().split("---\n")[1]
    assert "license: cc-by-4.0" in head
    assert "path: data/labels.parquet" in head


def test_the_commands(study: Study, tmp_path: Path, cli: Any) -> None:
    out = tmp_path / "r"
    done = cli("release", study.folder, out, "--author", "Ada Lovelace")
    assert done.status == 0, done.err
    assert "1,875 votes" in done.out
    assert "no licence is stated" in done.err
    assert cli("status", out).status == 0  # which remembers hashes in the folder, as in any study
    assert (out / ".cache").is_dir()
    assert cli("check", out).status == 0
    (out / "CITATION.cff").write_text("")
    done = cli("check", out, "--json")
    assert done.status == 1
    assert json.loads(done.out)["is_right"] is False
    with pytest.raises(FileError, match=r"it has no release\.json"):
        check_release(study.folder)
    done = cli("diff", out, study.folder, "-o", tmp_path / "d.csv")
    assert done.status == 0, done.err
    assert (tmp_path / "d.csv").read_text() == "image,kind,old,new\n"
    with pytest.raises(FileError, match="it is there already"):
        write_release(study, out, ABOUT)


def test_studies_that_share_no_image_or_no_classes_are_noted(tmp_path: Path) -> None:
    """Without a word every image would be removed, added or labelled otherwise."""
    names = Classes.from_names(["cat", "dog"])
    studies = {}
    for name, classes, ids in (
        ("a", names, ["1.png", "2.png"]),
        ("b", None, ["1.png", "2.png"]),
        ("c", names, ["3.png", "4.png"]),
    ):
        about = Benchmark(name, np.array(ids), np.array([0, 1]), classes)
        studies[name] = new_study(tmp_path / name, labels=about)
        write_labels(LabelSets.from_lists(name, ids, [[0], [1]]), tmp_path / name / "labels.json")
    with pytest.warns(NoteWarning, match="only one of them names its classes"):
        found = compare_releases(studies["a"], studies["b"])
    assert (found.n_same, found.images) == (2, ())
    with pytest.warns(NoteWarning, match="no image in common"):
        assert compare_releases(studies["a"], studies["c"]).n_same == 0


def test_a_release_inside_its_study_is_refused(study: Study) -> None:
    with pytest.raises(FileError, match=r"is inside the study .*, but must be outside"):
        write_release(study, study.folder / "rel", ABOUT)
    assert not (study.folder / "rel").exists()
