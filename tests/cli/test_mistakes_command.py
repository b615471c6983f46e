"""From a study's mistakes to a review, to votes, to a result: as its owner types it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reassess import rating
from reassess.files.reviews import read_review
from reassess.files.tables import read_table
from reassess.site.store import open_rating
from reassess.study import open_study
from tests.conftest import Ran
from tests.rating.conftest import (  # noqa: F401 -- fixtures: both databases
    server,
    sqlite_template,
    template,
    url,
)
from tests.study.small import NAMES, is_true, rated_study

Cli = Callable[..., Ran]
EDGES = [*((name, "animal" if name < "c3" else "thing") for name in NAMES),
         ("animal", "entity"), ("thing", "entity")]  # fmt: skip


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rated")
    study = rated_study(folder)
    edges = folder / "edges.csv"
    edges.write_text("child,parent\n" + "".join(f"{a},{b}\n" for a, b in EDGES))
    manifest = study.folder / "study.toml"
    named = manifest.read_text().replace("images = ", 'hierarchy = "../edges.csv"\nimages = ')
    manifest.write_text(named)
    return folder


def said(image: str, label: int) -> str:
    """What people say: the truth, and of four in ten of the rest that nobody can tell."""
    if is_true(image, label):
        return "yes"
    return "maybe" if int(image[-7:-4]) % 5 < 2 else "no"


@pytest.mark.usefixtures("here")
def test_mistakes_are_shown_side_by_side_and_written(cli: Cli):
    ran = cli("mistakes", "s", "m1", "m0", "-o", "mistakes.csv")
    assert ran.status == 0, ran
    assert ran.out.index("m1") < ran.out.index("m0")
    told = json.loads(cli("mistakes", "s", "m1", "m0", "--json").out)
    scored = json.loads(
        cli("score", "m1.npz", "m0.npz", "--labels", "s/labels.json", "--scale", "logit",
            "--original-labels", "labels.csv", "--classes", "classes.csv", "--json").out
    )  # fmt: skip
    for ours, score in zip(told["models"], scored["models"], strict=True):
        assert ours["n_scored"] == score["real"]["n_scored"]
        assert ours["n_mistakes"] == score["real"]["n_scored"] - score["real"]["n_correct"]
        assert sum(ours["kinds"].values()) == sum(ours["severities"].values())
    table = read_table(Path("mistakes.csv"))
    assert table.texts("model") == [one["model"] for one in told["mistakes"]]
    ids = read_table(Path("classes.csv")).texts("id")
    assert table.texts("predicted_id") == [ids[one["predicted"]] for one in told["mistakes"]]
    assert [one.split() for one in table.texts("label_ids")] == [
        [ids[int(label)] for label in one["labels"].split()] for one in told["mistakes"]
    ]
    for one in told["mistakes"]:
        assert one["n_others"] == 2  # all models of the study are witnesses, named or not
        assert one["common_ancestor"] in {"animal", "thing", "entity"}
        assert (one["posterior"] is None) == (one["no"] + one["maybe"] + one["yes"] == 0)
    assert len(json.loads(cli("mistakes", "s", "--json").out)["models"]) == 3


@pytest.mark.usefixtures("here")
def test_without_a_hierarchy_it_says_what_cannot_be_said(cli: Cli):
    manifest = Path("s/study.toml")
    manifest.write_text(manifest.read_text().replace('hierarchy = "../edges.csv"\n', ""))
    ran = cli("mistakes", "s", "m0")
    assert "no severity is known" in ran.out
    assert "unsorted" in ran.out
    assert json.loads(cli("mistakes", "s", "m0", "--json").out)["models"][0]["severities"] is None


def review_votes(path: Path, *, disagree: int = 0, bare: bool = False) -> None:
    """Two raters who say the same of the mistakes drawn, but for the first few.

    ``bare``: images without their folders, which names them well enough.
    """
    review = read_review("r/review.json")
    pairs = review.pairs
    lines = ["image,label,rater,answer"]
    asked = zip(pairs.image_ids[pairs.image].tolist(), pairs.label.tolist(), strict=True)
    for n, (image, label) in enumerate(asked):
        first = said(image, label)
        other = {"no": "maybe", "maybe": "yes", "yes": "no"}[first] if n < disagree else first
        named = image.split("/")[1] if bare else image
        lines += [f"{named},{label},ann,{first}", f"{named},{label},bob,{other}"]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.usefixtures("here", "url")
def test_from_mistakes_to_a_review_to_votes_to_the_result(cli: Cli, request: pytest.FixtureRequest):
    database: str = request.getfixturevalue("url")
    there = ("--database", database)
    ran = cli("mistakes", "s", "m0", "m1", "--review", "--into", "r", "--sample", "1000")
    assert (ran.status, ran.err) == (0, ""), ran
    assert "2 raters each" in ran.out
    told = json.loads(cli("status", "r", "--json").out)["stages"]
    assert [(one["stage"], one["state"]) for one in told] == [
        ("tasks", "done"),
        ("votes", "missing"),
    ]
    review_votes(Path("votes.csv"), disagree=6)
    assert cli("votes", "import", "r", "votes.csv", *there).status == 0
    assert cli("invite", "r", "ann", "--json", *there, "--base-url", "http://localhost").status == 0
    waiting = json.loads(cli("mistakes", "r", "--result", "--json", *there).out)
    assert waiting["n_open"] == waiting["n_disagreed"] == 6
    settle("r", database)
    assert cli("votes", "export", "r", *there).status == 0
    assert json.loads(cli("status", "r", "--json").out)["stages"][1]["state"] == "done"

    result = json.loads(cli("mistakes", "r", "--result", "--json", *there).out)
    mistakes = json.loads(cli("mistakes", "s", "m0", "m1", "--json").out)
    truth = {"no": "clear mistake", "maybe": "undecidable", "yes": "not a mistake"}
    for one in result["models"]:
        mine = [row for row in mistakes["mistakes"] if row["model"] == one["model"]]
        assert one["n_mistakes"] == len(mine)
        for answer, name in truth.items():
            n = sum(said(row["image"], row["predicted"]) == answer for row in mine)
            assert one["counts"][name]["value"] == pytest.approx(n)
    assert result["n_open"] == 0
    assert result["differences"][0]["difference"]["p_value"] <= 1
    ran = cli("mistakes", "r", "--result", *there)
    assert ran.status == 0
    assert "m0 against m1" in ran.out
    assert "false negatives" in ran.out


def settle(folder: str, database: str) -> None:
    """An expert decides where the two disagree."""
    with open_rating(open_study(Path(folder)), database) as store:
        rating.invite(store, "eve", "expert")
        eve = rating.rater_named(store, "eve")
        table = rating.question_table(store)
        votes = rating.votes(store)
        pairs = votes.questions.pairs
        assert eve is not None
        assert pairs is not None
        split = np.flatnonzero(votes.counts().max(axis=1) == 1)
        number = {
            (str(table.image_ids[i]), int(k)): int(q)
            for i, k, q in zip(table.image, table.label, table.question, strict=True)
        }
        for row in split:
            pair = (str(pairs.image_ids[pairs.image[row]]), int(pairs.label[row]))
            answer = ("no", "maybe", "yes").index(said(*pair))
            rating.adjudicate(store, eve.number, number[pair], answer)


@pytest.mark.usefixtures("here")
def test_a_study_without_models_is_told_to_add_some(cli: Cli):
    manifest = Path("s/study.toml")
    manifest.write_text(re.sub(r"\[\[models\]\][^\[]*", "", manifest.read_text()))
    for review in ([], ["--review"]):
        ran = cli("mistakes", "s", *review)
        assert (ran.status, ran.out) == (2, "")
        assert "it has no models" in ran.err


@pytest.mark.usefixtures("here")
def test_a_file_of_votes_will_do_without_a_site(cli: Cli):
    assert cli("mistakes", "s", "m0", "--review", "--into", "r", "--sample", "8").status == 0
    ran = cli("mistakes", "r", "--result")
    assert ran.status == 2
    assert "no votes on the review yet" in ran.err
    review_votes(Path("r/votes.csv"), bare=True)
    result = json.loads(cli("mistakes", "r", "--result", "--json").out)
    assert (result["n_drawn"], result["n_open"]) == (8, 0)
    assert result["false_negatives"]["low"] <= result["false_negatives"]["value"]
    header, *rows = Path("r/votes.csv").read_text().splitlines()
    of_one = [row for row in rows if ",ann," in row]
    Path("r/votes.csv").write_text("\n".join([header, *of_one, *of_one]) + "\n")
    result = json.loads(cli("mistakes", "r", "--result", "--json").out)
    assert (result["n_open"], result["n_disagreed"]) == (8, 0)
    Path("r/votes.csv").write_text("image,label,rater,answer\nelsewhere.jpg,0,ann,yes\n")
    ran = cli("mistakes", "r", "--result")
    assert ran.status == 2
    assert "was not drawn" in ran.err


@pytest.mark.usefixtures("here")
def test_the_same_seed_draws_the_same_and_another_does_not(cli: Cli):
    for into, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        cli("mistakes", "s", "--review", "--into", into, "--sample", "12", "--seed", seed)
    asked = [Path(folder, "review.json").read_text() for folder in "abc"]
    assert asked[0] == asked[1] != asked[2]


@pytest.mark.usefixtures("here")
def test_a_review_is_drawn_once_and_has_no_later_stages(cli: Cli):
    made = cli("mistakes", "s", "m0", "--review", "--sample", "2")
    assert "of 1 model, from 1 stratum; 2 raters each" in made.out
    for typed in ("run", "propose", "mistakes", "verdict", "report", "synonyms", "raters", "ranks"):
        command = [typed, "s-review"]
        ran = cli(*command)
        assert ran.status == 2, ran
        assert "--result" in ran.err
    ran = cli("mistakes", "s", "m0", "--review")
    assert ran.status == 2
    assert "--into FOLDER" in ran.err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["s", "nobody"], "not in the study"),
        (["s", "m0", "m0"], "distinct names"),
        (["s", "--review", "--result"], "exclude"),
        (["s", "m0", "--result"], "Leave it out"),
        (["s", "--result"], "not a review of mistakes"),
        (["s", "--into", "x"], "needs --review"),
        (["s", "--review", "-o", "x.csv"], "without --review"),
        (["s", "--database", "sqlite:///x"], "needs --result"),
        (["s", "--review", "--into", "x", "--sample", "1"], "at least 2"),
        (["s", "--review", "--into", "x", "--seed", "-1"], "-1 is not in the range"),
        (["s", "--review", "--into", "labels.csv"], "must be a folder"),
    ],
)
def test_what_means_nothing_is_refused_and_leaves_nothing(typed, told, cli: Cli):
    ran = cli("mistakes", *typed)
    assert (ran.status, ran.out) == (2, "")
    assert told in ran.err
    assert not Path("x").exists()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("text", ["", "[]", '{"format": "other"}', '{"format": 1'])
def test_a_corrupt_review_is_refused(text, cli: Cli):
    cli("mistakes", "s", "m0", "--review", "--into", "r")
    Path("r/review.json").write_text(text)
    ran = cli("mistakes", "r", "--result")
    assert (ran.status, ran.out) == (2, "")
    assert "review.json" in ran.err
