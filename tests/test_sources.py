"""Names, files and studies as sources: what each means, from Python and the command line."""

import json
import re
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reassess import sources
from reassess.catalog import Catalog
from reassess.errors import AlignmentError, DataError, OptionError
from reassess.notes import NoteWarning, collect_notes
from reassess.records import Classes
from reassess.scoring import score_models
from reassess.sources import RowMapping, evaluation_target
from reassess.study import collect, new_study, open_study
from tests.conftest import IDS, ORIGINAL, SETS
from tests.study.small import rated_study


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    rated_study(folder)
    return folder / "s"


def accuracies(scores: Any) -> dict[str, tuple[int, int]]:
    return {one.model: (one.real.n_correct, one.real.n_scored) for one in scores}


def test_a_study_means_its_labels_models_votes_gold_and_posterior(rated: Path) -> None:
    found = collect(open_study(rated))
    target = evaluation_target(rated)
    assert target.labels.lists() == found.labels.lists()
    assert np.array_equal(target.benchmark.image_ids, found.benchmark.image_ids)
    assert target.benchmark.classes == found.benchmark.classes
    models = target.predictions(rated)
    assert [one.model for one in models] == [one.model for one in found.predictions]
    by_study = score_models(found.predictions, found.labels, found.benchmark, subset=True)
    by_source = score_models(models, target.labels, target.benchmark, subset=True)
    assert accuracies(by_source) == accuracies(by_study)
    assert found.votes is not None
    assert sources.votes(rated).sha256 == found.votes.sha256
    assert found.posterior is not None
    posterior = sources.posterior(rated)
    assert np.array_equal(posterior.probability, found.posterior.probability)
    assert np.array_equal(sources.benchmark(rated).image_ids, found.benchmark.image_ids)


def test_one_model_of_a_study_under_another_name(rated: Path) -> None:
    target = evaluation_target(rated)
    (one,) = target.predictions(f"mine={rated}#m1")
    whole = {model.model: model for model in target.predictions(rated)}
    assert one.model == "mine"
    assert np.array_equal(one.ranked_classes, whole["m1"].ranked_classes)
    assert target.model(f"{rated}#m1").model == "m1"
    with pytest.raises(OptionError, match=r"holds 3 models.*#m0"):
        target.model(rated)
    with pytest.raises(OptionError, match="'m9' is not in the study"):
        target.model(f"{rated}#m9")


def test_votes_are_not_their_own_gold(rated: Path) -> None:
    """Raters would be calibrated on themselves, and all be found right."""
    votes = rated / "votes.csv"
    with pytest.raises(OptionError, match="is given as the votes and as gold"):
        sources.answered_questions(votes, f"{rated}/../{rated.name}/votes.csv")
    with collect_notes():
        assert sources.answered_questions(votes, rated / "gold.csv").gold is not None


def test_files_of_a_study_and_its_folder_score_alike(rated: Path, cli: Callable[..., Any]) -> None:
    """The folder stands for labels.json with the study's own labels and classes beside it."""
    beside = rated.parent
    by_folder = cli("score", rated, "--labels", rated, "--json")
    models = [f"m{n}={beside}/m{n}.npz" for n in range(3)]
    by_files = cli(
        "score", *models, "--labels", rated / "labels.json", "--original-labels",
        beside / "labels.csv", "--classes", beside / "classes.csv", "--scale", "logit", "--json",
    )  # fmt: skip
    assert by_folder.status == by_files.status == 0, by_files
    found, again = (json.loads(ran.out) for ran in (by_folder, by_files))
    assert found.pop("read") != again.pop("read"), "the files are others"
    assert found == again
    ranked = cli("ranks", rated, "--labels", rated, "--resamples", 40, "--json")
    assert ranked.status == 0, ranked
    compared = cli("compare", f"{rated}#m0", f"{rated}#m1", "--labels", rated, "--json")
    assert json.loads(compared.out)["a"] == "m0"


def test_a_report_names_the_files_behind_a_study(rated: Path) -> None:
    found = open_study(rated)
    names = {
        kind: [Path(one.name).name for one in sources.files_behind(rated, kind)]
        for kind in ("labels", "benchmark", "votes", "posterior", "predictions")
    }
    assert names["labels"] == ["labels.json"]
    assert names["benchmark"][:2] == ["labels.csv", "classes.csv"]
    assert names["posterior"] == ["posterior.npz"]
    assert len(names["votes"]) == 1
    assert len(names["predictions"]) == len(found.models)
    (model,) = sources.files_behind(f"{rated}#m2", "predictions")
    assert Path(model.name).name == "m2.npz"
    assert len(model.sha256) == 64
    assert sources.files_behind_benchmark(rated, None) == sources.files_behind(rated, "benchmark")
    assert sources.files_behind(None, "labels") == []


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("kind", "name", "good"),
    [
        ("labels", "imagenet-real", "real.json"),
        ("benchmark", "imagenet", "labels.csv"),
        ("votes", "imagenet-votes", "votes.csv"),
        ("gold", "imagenet-gold", "gold.csv"),
        ("predictions", "imagenet-torchvision", "preds.npz"),
    ],
)
def test_a_file_wins_over_a_published_name_and_says_so(kind: Any, name: str, good: str) -> None:
    assert sources.resolve(name, kind).meaning == "name"
    shutil.copy(good, name)
    with collect_notes() as notes:
        assert sources.resolve(name, kind).meaning == "file"
    (note,) = notes.texts
    assert f"'{name}' is a file or folder here and a published name, too" in note
    with pytest.warns(NoteWarning, match="published name"):
        sources.resolve(name, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sources.resolve(f"./{name}", kind).meaning == "file"


def test_a_note_reaches_stderr(study: Path, cli: Callable[..., Any]) -> None:
    shutil.copy("real.json", "imagenet-real")
    ran = cli("score", "preds.npz", "--labels", "./real.json", "--json")
    assert "Note:" not in ran.err
    shutil.copytree(study, "imagenet-torchvision")
    ran = cli("score", "imagenet-torchvision", "--labels", "real.json")
    assert ran.status == 2
    assert "Note: 'imagenet-torchvision' is a file or folder here" in ran.err


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: sources.labels("imagenet-reel"), "Did you mean 'imagenet-real'"),
        (lambda: sources.benchmark("imagenett"), "neither a file nor a name"),
        (lambda: sources.votes("cifar10h-vote"), "neither a file nor a name"),
        (lambda: sources.labels("nowhere/real.json"), "no such file"),
        (lambda: sources.labels("."), "folder without study.toml"),
        (lambda: sources.resolve("x", "label"), "Did you mean 'labels'"),  # type: ignore[arg-type]
        (lambda: sources.votes("votes.csv", answers=["no", "no"]), "two or more different"),
        (lambda: RowMapping(order="file-number", ids=np.array(IDS)), "must not both"),
        (lambda: RowMapping(scale="logits"), "Did you mean 'logit'"),  # type: ignore[arg-type]
    ],
)
def test_refuses(call: Callable[[], object], says: str) -> None:
    with pytest.raises((OptionError, DataError), match=re.escape(says)):
        call()


def test_a_study_says_what_it_has_not(rated: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    new_study(bare, labels=rated.parent / "labels.csv", classes=rated.parent / "classes.csv")
    about = sources.benchmark(bare)
    with pytest.raises(OptionError, match="there are no labels yet"):
        sources.labels(bare)
    with pytest.raises(OptionError, match="has no votes"):
        sources.votes(bare)
    with pytest.raises(OptionError, match="has no gold"):
        sources.gold(bare)
    with pytest.raises(OptionError, match="has no posterior"):
        sources.posterior(bare)
    with pytest.raises(OptionError, match="it has no models"):
        sources.predictions(bare, about)


def test_labels_and_models_of_other_classes_are_refused(rated: Path) -> None:
    """Indices of one order of classes would be read as those of another."""
    about = sources.benchmark(rated)
    assert about.classes is not None
    turned = Classes.from_names(list(reversed(about.classes.ids)))
    other = replace(about, classes=turned, hierarchy=())
    with pytest.raises(DataError, match="in the same order"):
        sources.predictions(rated, other)
    classes = rated.parent / "turned.csv"
    classes.write_text(
        "index,id,name\n" + "".join(f"{k},{one},{one}\n" for k, one in enumerate(turned.ids))
    )
    with pytest.raises(DataError, match="in the same order"):
        evaluation_target(rated, rated.parent / "labels.csv", classes=classes)
    with pytest.raises(DataError, match="but must be the 6 of"):
        sources.benchmark(rated, classes=Classes.from_names(["a", "b"]))


@pytest.mark.usefixtures("study")
def test_a_part_of_the_images_is_told() -> None:
    some = dict(zip(IDS[:4], SETS[:4], strict=True))
    Path("some.json").write_text(json.dumps(some))
    with pytest.warns(NoteWarning, match="has 4 of the 6 images"):
        target = evaluation_target("some.json", "labels.csv")
    assert sorted(target.image_ids.tolist()) == sorted(IDS[:4])
    rows = RowMapping(subset=np.array(IDS[1:3]))
    target = evaluation_target("real.json", "labels.csv", rows=rows)
    assert target.image_ids.tolist() == IDS[1:3]
    (model,) = target.predictions("preds.npz")
    assert model.image_ids.tolist() == IDS[1:3]
    with pytest.raises(AlignmentError):
        evaluation_target("real.json", rows=RowMapping(subset=np.array(["gnu.jpg"])))
    assert target.benchmark.original is not None
    assert target.benchmark.original.tolist() == ORIGINAL


def test_predictions_that_are_right_on_every_image_are_noted(tmp_path: Path) -> None:
    """As the reassessed labels themselves are, saved as an archive."""
    ids = [f"{n}.png" for n in range(110)]
    sets = [[] if n < 10 else [(n + 1) % 3] for n in range(110)]
    (tmp_path / "l.csv").write_text(
        "image,label\n" + "".join(f"{one},{n % 3}\n" for n, one in enumerate(ids))
    )
    (tmp_path / "r.json").write_text(json.dumps(dict(zip(ids, sets, strict=True))))
    top = np.array([0] * 10 + [one[0] for one in sets[10:]])
    for last, n_noted in ((0, 0), (2, 1)):
        top[-1] = last
        np.savez(tmp_path / "copy.npz", ids=np.array(ids), some=top)
        with collect_notes() as notes:
            evaluation_target(tmp_path / "r.json").predictions(tmp_path / "copy.npz")
        found = [one for one in notes.texts if "among the labels on all 100 images" in one]
        assert len(found) == n_noted


def test_published_names_bring_their_benchmark(published: Catalog) -> None:
    target = evaluation_target("imagenet-real")
    assert len(target.image_ids) == 50_000
    assert target.benchmark is published.benchmark("imagenet")
    assert sources.files_behind_benchmark("imagenet-real", None) == sources.files_behind(
        "imagenet", "benchmark"
    )
    found = sources.reassessments(["imagenet-real", "mine=imagenet-mturk"])
    assert [one.name for one, _ in found.sets] == ["imagenet-real", "mine"]
    assert found.benchmark is target.benchmark
    assert len(sources.results(["timm-results"])) > 1000


def test_names_in_labels_mean_the_classes_that_predictions_state(tmp_path: Path) -> None:
    """Each archive by its own order; where none states classes, they are asked for."""
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\na.png,emu\nb.png,cat\nc.png,dog\n")
    logits, ids = np.eye(3)[[2, 0, 1]], ["a.png", "b.png", "c.png"]
    np.savez(tmp_path / "one.npz", logits=logits, ids=ids, class_ids=["cat", "dog", "emu"])
    np.savez(tmp_path / "two.npz", logits=logits[:, ::-1], ids=ids, class_ids=["emu", "dog", "cat"])
    np.savez(tmp_path / "bare.npz", logits=logits, ids=ids)
    models = [tmp_path / "bare.npz", tmp_path / "two.npz", tmp_path / "one.npz"]
    with collect_notes() as notes:
        target = evaluation_target(labels, models=models)
        for one in models[1:]:
            assert target.model(one).ranked_classes[:, 0].tolist() == [0, 2, 1]
    assert any("two.npz: no classes were given" in text for text in notes.texts)
    with pytest.raises(DataError, match=r"no classes are known"):
        evaluation_target(labels, models=models[:1])
