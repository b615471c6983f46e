"""Studies that were moved, copied alone, or made by an earlier version."""

import csv
import json
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float

from reassess.errors import DataError, FileError, OptionError
from reassess.files import sha256_of
from reassess.notes import NoteWarning
from reassess.proposals import ProposeOptions
from reassess.study import (
    Hashes,
    Study,
    add_models,
    change_settings,
    images_folder,
    kept_in_study,
    locate,
    missing_files,
    new_study,
    open_study,
    read_study_benchmark,
)
from reassess.web.serve import ServeConfig, serve_study
from tests.conftest import Ran
from tests.study.small import rated_study

Cli = Callable[..., Ran]
KEPT = Path(__file__).parent / "kept_0_1_0"
"""A study that version 0.1.0 made: its files outside, its own, and its store as statements."""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(KEPT, "kept")
    folder = Path("kept/study")
    with sqlite3.connect(folder / "rating.db") as database:
        database.executescript((KEPT / "rating.sql").read_text())
    return folder


def test_a_study_of_0_1_0_opens_and_goes_on(kept: Path, cli: Cli) -> None:
    study = open_study(kept)
    assert [one.name for one in study.models] == ["m0", "other"]
    assert study.setting("propose", "pairs_per_model") == 40
    for command in (
        ("status", kept, "--json"),
        ("votes", "export", kept),
        ("run", kept),
        ("propose", kept, "--dry-run"),
    ):
        ran = cli(*map(str, command))
        assert ran.status == 0, ran.err
    assert (kept / "study.toml").read_text() == (KEPT / "study" / "study.toml").read_text()
    with (kept / "votes.csv").open() as now, (KEPT / "study" / "votes.csv").open() as before:
        rows = list(csv.DictReader(now))
        ids = read_study_benchmark(study).classes.ids
        assert [row.pop("class_id") for row in rows] == [ids[int(row["label"])] for row in rows]
        assert rows == list(csv.DictReader(before))


def test_a_change_brings_the_manifest_to_the_present_format_and_keeps_the_rest(kept: Path) -> None:
    before = (kept / "study.toml").read_text()
    change_settings(open_study(kept), "cost", {"votes_per_question": 4})
    after = before.replace("format = 1", "format = 2").replace("top = 40", "pairs_per_model = 40")
    after = after.replace("votes_per_question = 3", "votes_per_question = 4")
    assert (kept / "study.toml").read_text() == after
    assert open_study(kept).settings["propose"]["pairs_per_model"] == 40
    change_settings(open_study(kept), "propose", {"pairs_per_model": None, "per_task": 2})
    assert "pairs_per_model" not in (kept / "study.toml").read_text()


def test_what_0_1_0_kept_and_did_not_look_at_does_not_close_its_study(kept: Path) -> None:
    """There `propose --rule learned` left the length of the paper's lists in the manifest."""
    manifest = kept / "study.toml"
    manifest.write_text(manifest.read_text().replace("top = 40", 'top = 40\nrule = "learned"'))
    assert open_study(kept).options(ProposeOptions).rule == "learned"
    change_settings(open_study(kept), "cost", {"votes_per_question": 4})
    assert "= 40" not in manifest.read_text()
    assert open_study(kept).settings["propose"]["rule"] == "learned"


def test_a_study_of_0_1_0_that_was_moved_alone_says_what_is_missing_and_takes_it(
    kept: Path, cli: Cli
) -> None:
    moved = kept.rename("alone")
    ran = cli("status", "alone")
    assert ran.status == 2
    assert ran.err == (
        "Error: alone/study.toml, line 13: [[models]] predictions names m0.npz, but there is no "
        "such file. Say where it is: reassess locate alone --predictions m0=FILE\n"
    )
    listed = cli("locate", "alone").out
    assert listed.count("missing: ") == 5
    assert "line 24: [propose] gold names gold.csv" in listed
    tables = "--labels", "kept/labels.csv", "--classes", "kept/classes.csv"
    models = "--predictions", "m0=kept/m0.npz", "--predictions", "other=kept/m1.npz"
    assert cli("locate", "alone", *tables, *models).out.count("missing: ") == 1
    gold = kept_in_study(open_study(moved), "kept/gold.csv", "gold")
    change_settings(open_study(moved), "propose", {"gold": gold})
    assert not missing_files(open_study(moved))
    shutil.rmtree("kept")
    stages = cli("status", "alone", "--json").out
    assert '"model m0"' not in stages  # neither model is another one by having moved
    assert cli("votes", "export", "alone").status == 0


def holds(folder: Path, text: str) -> list[str]:
    """The files below a folder in which a text stands."""
    return [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def test_a_study_that_is_copied_alone_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here").mkdir()
    study = rated_study(tmp_path / "here")
    study = change_settings(study, "site", {"database": "sqlite:///rating.db"})
    assert cli("votes", "import", study.folder, "here/s/votes.csv").status == 0
    assert cli("votes", "export", study.folder, "--overwrite").status == 0
    assert cli("run", study.folder).status == 0
    shutil.copytree(study.folder, "there/pets")
    shutil.rmtree("here")
    # Only where the folder was, by which a copy is told from one that moved (`site.belonging`).
    assert holds(Path("there/pets"), str(tmp_path)) == [".rating/study.json"]
    status = cli("status", "there/pets", "--json")
    assert status.status == 0, status.err
    assert status.out.count('"done"') == 6
    assert cli("run", "there/pets").out == "there/pets: nothing is stale.\n"
    assert cli("votes", "export", "there/pets").status == 0
    report = cli("report", "there/pets", "--resamples", "40")
    assert report.status == 0, report.err
    assert "no pictures, as there/pets/study.toml, line 9: [benchmark] images names" in report.err
    assert cli("locate", "there/pets").out == (
        "missing: there/pets/study.toml, line 9: [benchmark] images names there/photos. Say where "
        "it is: reassess locate there/pets --images DIR\n"
    )
    with pytest.raises(FileError, match=r"study.toml, line 9: \[benchmark\] images names"):
        images_folder(open_study("there/pets"))
    with pytest.raises(FileError, match="there is no such folder"):
        serve_study(ServeConfig("there/pets", database="sqlite:///new.db"))
    assert not Path("new.db").exists()
    Path("pictures").mkdir()
    assert cli("locate", "there/pets", "--images", "pictures").out.startswith("outside: ")
    assert images_folder(open_study("there/pets")).samefile("pictures")


@pytest.fixture
def hashed(small: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Study, Path]:
    """A study with a file whose hash is remembered, wrongly, so that one sees when it is served."""
    monkeypatch.setattr("reassess.study.inputs._SETTLED_NS", -1)  # as if it were hashed later
    small = add_models(small, {"m": source(tmp_path, "m.npy", 1)}, scale="logit", ids="ids.txt")
    cache = small.folder / ".cache" / "hashes.json"
    found = json.loads(cache.read_text())
    assert str(tmp_path) not in cache.read_text()
    found["predictions/m.npy"]["sha256"] = "remembered"
    cache.write_text(json.dumps(found))
    return small, small.folder / "predictions" / "m.npy"


def test_a_hash_is_remembered_where_the_study_was_moved(hashed: tuple[Study, Path]) -> None:
    study, path = hashed
    assert Hashes(study).of_file(path) == "remembered"
    moved = open_study(study.folder.rename("moved"))
    assert Hashes(moved).of_file(Path("moved/predictions/m.npy")) == "remembered"


def test_a_hash_is_never_one_of_a_copy_or_of_a_file_that_changed(
    hashed: tuple[Study, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    study, path = hashed
    copy = Path(shutil.copytree(study.folder, "copy"), "predictions", "m.npy")
    assert copy.stat().st_mtime_ns == path.stat().st_mtime_ns
    assert Hashes(open_study("copy")).of_file(copy) == sha256_of(copy)
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=times)
    assert Hashes(study).of_file(path) == sha256_of(path)
    monkeypatch.setattr("reassess.study.inputs._SETTLED_NS", 2_000_000_000)
    path.write_bytes(path.read_bytes()[::-1])
    assert Hashes(study).of_file(path) == sha256_of(path)
    cache = study.folder / ".cache" / "hashes.json"
    cache.write_text(cache.read_text().replace(sha256_of(path), "too soon"))
    assert Hashes(study).of_file(path) == sha256_of(path)


def scores(seed: int) -> Float[np.ndarray, "4 3"]:
    """Full scores of the small benchmark of `small_study`."""
    return np.random.default_rng(seed).normal(size=(4, 3)).astype(np.float32)


def source(folder: Path, name: str, seed: int) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    np.save(path, scores(seed))
    return path


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    Path("labels.csv").write_text("image,label\n" + "".join(f"{n}.jpg,{n % 3}\n" for n in range(4)))
    Path("classes.csv").write_text(
        "index,id,name\n" + "".join(f"{k},c{k},C{k}\n" for k in range(3))
    )
    Path("ids.txt").write_text("".join(f"{n}.jpg\n" for n in range(4)))
    return new_study("s", labels="labels.csv", classes="classes.csv")


def predictions_of(study: Study) -> dict[str, str]:
    return {one.name: one.predictions for one in study.models}


def test_files_of_predictions_are_copied_in_their_form(small: Study, tmp_path: Path) -> None:
    np.savez("both.npz", a=scores(0), b=scores(1))
    for folder in ("x", "y"):
        Path(folder).mkdir()
        np.save(f"{folder}/preds.npy", np.tile(np.arange(2), (4, 1)) + (folder == "y"))
    np.save("x/probs.npy", np.full((4, 2), 0.5, np.float32))
    ids = {"scale": "logit", "ids": "ids.txt"}
    small = add_models(small, ["both.npz#a"], **ids)
    small = add_models(small, [("c", "both.npz#b")], **ids)
    with pytest.warns(NoteWarning, match=r"read with probs\.npy, which lies beside it"):
        small = add_models(small, ["x/preds.npy"], ids="ids.txt")
    small = add_models(small, {"y": "y/preds.npy"}, ids="ids.txt")
    small = add_models(
        small, {"pair": "y/preds.npy:x/probs.npy"}, scale="probability", ids="ids.txt"
    )
    small = add_models(small, {"out": source(tmp_path, "out.npy", 0)}, copy=False, **ids)
    assert predictions_of(small) == {
        "a": "predictions/both.npz#a",
        "c": "predictions/both.npz#b",
        "preds": "predictions/preds.npy",
        "y": "predictions/2/preds.npy",
        "pair": "predictions/3/preds.npy:predictions/3/probs.npy",
        "out": "../out.npy",
    }
    assert {one.ids for one in small.models} == {"predictions/ids.txt"}
    copies = sorted(p.relative_to("s").as_posix() for p in Path("s/predictions").rglob("*.np*"))
    assert copies == [
        "predictions/2/preds.npy", "predictions/3/preds.npy", "predictions/3/probs.npy",
        "predictions/both.npz", "predictions/preds.npy", "predictions/probs.npy",
    ]  # fmt: skip
    before = {one.name: Hashes(small).of_model(one) for one in small.models if one.name != "out"}
    shutil.copytree("s", "t")
    copied = open_study("t")
    assert before == {one.name: Hashes(copied).of_model(one) for one in copied.models[:-1]}
    Path("out.npy").unlink()
    with pytest.raises(FileError, match="reassess locate t --predictions out=FILE"):
        Hashes(copied).of_model(copied.models[-1])


def test_large_files_stay_and_one_command_names_their_new_place(
    small: Study, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setattr("reassess.study.copies.COPIED_BELOW", 100)
    np.savez("all.npz", a=scores(0), b=scores(1))
    small = add_models(small, ["all.npz"], scale="logit", ids="ids.txt")
    assert predictions_of(small) == {"a": "../all.npz#a", "b": "../all.npz#b"}
    Path("far").mkdir()
    Path("all.npz").rename("far/all.npz")
    assert [one.path.name for one in missing_files(small)] == ["all.npz", "all.npz"]
    ran = cli("locate", "s", "--predictions", "b=far/all.npz")
    assert ran.out.count("outside: ") == 2, ran
    assert predictions_of(open_study("s")) == {"a": "../far/all.npz#a", "b": "../far/all.npz#b"}
    with pytest.raises(OptionError, match="model 'c' is not in the study"):
        locate(small, predictions={"c": "far/all.npz"})
    assert cli("locate", "s", "--predictions", "a=far/all.npz", "--copy").out == (
        "s: all files that it names are in the study.\n"
    )


def test_a_copy_never_takes_the_place_of_what_it_is_no_copy_of(small: Study) -> None:
    Path("gold.csv").write_text("image,label,expert,answer\n0.jpg,0,x,yes\n")
    assert kept_in_study(small, "gold.csv", "gold") == "gold.csv"
    Path("gold.csv").write_text("image,label,expert,answer\n0.jpg,0,x,no\n")
    assert kept_in_study(small, "gold.csv", "gold") == "gold.csv"
    assert Path("s/gold.csv").read_text().endswith("no\n")
    Path("s/gold.csv").write_text("image,label,expert,answer\n1.jpg,0,x,no\n")
    assert kept_in_study(small, "gold.csv", "gold") == "gold-2.csv"
    Path("t").mkdir()
    Path("t/labels.csv").write_text("image,label\n7.jpg,0\n")
    with pytest.raises(FileError, match="not a copy that reassess made"):
        new_study("t", labels="labels.csv")
    assert kept_in_study(small, "s/gold.csv", "gold") == "gold.csv"


def test_what_is_written_is_what_is_read(small: Study, tmp_path: Path) -> None:
    small = add_models(small, {"m": source(tmp_path, "m.npy", 1)}, scale="logit", ids="ids.txt")
    wanted = {
        "propose": {"rule": "learned", "budget": 7, "per_task": 4},
        "cost": {"wage_per_hour": 12.5},
        "aggregate": {"method": "calibrated", "original_rater": True},
        "label": {"rule": "precision-at-recall", "target": 0.9},
        "ask": {"question": 'Is it "mistaken"?\n# no'},
        "site": {"database": "postgresql://me@host/pets"},
    }
    for section, options in wanted.items():
        small = change_settings(small, section, options)
    assert small.settings == wanted
    assert open_study("s") == small
    with pytest.raises(DataError, match=r"\[label\] target is 2"):
        change_settings(small, "label", {"target": 2})
    assert open_study("s") == small


def test_a_new_study_is_checked_before_anything_is_made(small: Study) -> None:
    for options in ({"images": "nowhere"}, {"hierarchy": "labels.csv"}, {"classes": "none.csv"}):
        with pytest.raises(DataError):
            new_study("t", labels="labels.csv", **options)
        assert not Path("t").exists()
    assert len(read_study_benchmark(small).image_ids) == 4


def test_a_bundle_goes_on_alone_on_another_machine(kept: Path, cli: Cli) -> None:
    """With labels, classes, predictions and gold that were outside, and with its votes."""
    for command in (("votes", "export", kept), ("run", kept), ("bundle", kept, "new/b.tar.gz")):
        ran = cli(*map(str, command))
        assert ran.status == 0, ran.err
    assert Path("new/b.tar.gz").stat().st_mode & 0o077 == 0
    (kept / ".rating" / "secret").touch()
    votes = (kept / "votes.csv").read_bytes()
    shutil.rmtree("kept")
    Path("else").mkdir()
    with tarfile.open("new/b.tar.gz") as archive:
        names = archive.getnames()
        archive.extractall("else", filter="data")
    assert {name.partition("/")[0] for name in names} == {"study"}
    assert not [name for name in names if ".cache" in name or "secret" in name]
    assert not missing_files(open_study("else/study"))
    stages = json.loads(cli("status", "else/study", "--json").out)["stages"]
    assert {one["state"] for one in stages} == {"done"}
    assert cli("check-store", "else/study").out == "Everything holds.\n"
    assert cli("votes", "export", "else/study").status == 0
    assert Path("else/study/votes.csv").read_bytes() == votes


def test_a_bundle_is_whole_or_not_there(kept: Path, cli: Cli) -> None:
    Path("b.tar").write_text("precious")
    Path("b.zip").touch()
    for name, says in (("b.zip", "must be .tar or .tar.gz"), ("b.tar", "it exists")):
        ran = cli("bundle", str(kept), name)
        assert ran.status == 2
        assert says in ran.err
    assert Path("b.tar").read_text() == "precious"
    Path("kept/m1.npz").unlink()
    ran = cli("bundle", str(kept), "c.tar")
    assert ran.status == 2
    assert "names kept/m1.npz, but it is not there. Say where it is: reassess locate" in ran.err
    assert sorted(path.name for path in Path().iterdir()) == ["b.tar", "b.zip", "kept"]


def test_a_bundle_says_what_stays_elsewhere(kept: Path, cli: Cli) -> None:
    address, url = "https://photos.example.org/pets", "postgresql://ann@db.example.org/pets"
    study = change_settings(open_study(kept), "site", {"database": url})
    locate(study, images=address)
    ran = cli("bundle", str(kept), "b.tar", "--images")
    assert ran.status == 0, ran.err
    assert f"its images are at {address} and are not in the archive" in ran.err
    assert "its votes are in PostgreSQL and are not in the archive. Take them along: " in ran.err
    with tarfile.open("b.tar") as archive:
        archive.extractall("else", filter="data")
    moved = open_study("else/study")
    assert (moved.images, moved.database) == (address, url)
    assert not missing_files(moved)


def test_a_bundle_follows_links_and_leaves_what_leads_nowhere(kept: Path, cli: Cli) -> None:
    Path("elsewhere.txt").write_text("what the raters were told")
    (kept / "notes.txt").symlink_to(Path("elsewhere.txt").absolute())
    (kept / "broken").symlink_to("nowhere")
    (kept / "loop").symlink_to(".")
    os.mkfifo(kept / "pipe")
    ran = cli("bundle", str(kept), "b.tar")
    assert ran.status == 0, ran.err
    assert re.search(r"broken', '.*loop', '.*pipe' stay behind", ran.err)
    with tarfile.open("b.tar") as archive:
        names = archive.getnames()
        assert archive.getmember(f"{kept.name}/notes.txt").isfile()
    assert not {f"{kept.name}/{name}" for name in ("broken", "loop", "pipe")} & set(names)
