"""A study that words its own question: what raters of a review of mistakes see, and do not."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reassess import rating
from reassess.errors import DataError
from reassess.rating import Store
from reassess.study import collect
from reassess.study.reviewing import new_review
from reassess.web import Site
from reassess.web.serve import ServeConfig, serve_study
from reassess.web.wording import Wording
from tests.study.small import rated_study

from .conftest import Client

Enter = Callable[..., Client]


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A review of ten mistakes of models with names that must not be seen."""
    from reassess.analysis.mistakes import find_mistakes
    from reassess.analysis.reviews import draw_review

    folder = tmp_path_factory.mktemp("reviewed")
    found = collect(rated_study(folder))
    models = tuple(replace(one, model=f"secret-{one.model}") for one in found.predictions)
    mistakes = find_mistakes(found.labels, models, posterior=found.posterior)
    drawn = draw_review(mistakes, found.labels, models, study="s", n_sample=10, seed=0)
    study = replace(found.study, labels_are="id")
    made = new_review(study, drawn, found.labels, folder / "r")
    assert made.labels_are == "id"  # what its labels and classes are read by
    return made.folder


@pytest.fixture
def site(review: Path, tmp_path: Path) -> Site:
    database = f"sqlite:///{tmp_path}/rating.db"
    served = serve_study(ServeConfig(folder=str(review), database=database))
    served.begin()
    return served.site


@pytest.fixture
def store(site: Site):
    with site.store as opened:
        yield opened


def test_raters_see_prediction_labels_and_three_answers_but_no_model(
    sign_in: Enter, store: Store, site: Site, review: Path
):
    rater = sign_in("ann")
    names = site.classes.names if site.classes else ()
    shown = json.loads((review / "shown-labels.json").read_text())["labels"]
    seen = 0
    for _ in range(10):
        page = rater.http.get("/rate").text
        task = rater.task()
        if task["kind"] == "idle":
            break
        image_id = rating.leased_task(store, rater.number, task["lease"]).image_id
        labels = [names[k] for k in shown[image_id]]
        assert task["labels"] == labels
        for name in (*labels, *(q["name"] for q in task["questions"])):
            assert f">{name}</b>" in page or f">{name}</span>" in page
        for words in ("Clear mistake", "Undecidable", "Not a mistake", 'data-key="c"'):
            assert words in page
        assert "Does this appear in the image" not in page
        for hidden in ("secret", image_id, "missed label", "unsorted", "alone", "stratum"):
            assert hidden not in page + json.dumps(task)
        rater.answer(task, value=0, key=f"k{seen}")
        seen += len(task["questions"])
    assert seen == 10
    assert "Clear mistake" in rater.http.get("/instructions").text


def test_every_question_of_a_review_gets_two_votes_whatever_they_are(
    sign_in: Enter, store: Store, site: Site
):
    assert site.rule is None  # though `serve` stops early by default
    for name, value in (("ann", 0), ("bob", 0), ("cy", 2)):
        rater = sign_in(name)
        while (task := rater.task())["kind"] == "screen":
            rater.answer(task, value=value, key=name)
    counts = rating.votes(store).counts()
    assert (counts.sum(axis=1) == 2).all()
    assert np.array_equal(counts[:, 0], np.full(10, 2))


def test_the_papers_wording_is_the_usual_one():
    keys = [row[:3] for row in Wording().answers]
    assert keys == [(2, "y", "Yes"), (1, "m", "Maybe"), (0, "n", "No")]
    assert Wording().words == {2: "Yes", 1: "Maybe", 0: "No"}
    assert Wording().question is None


@pytest.mark.parametrize(("yes", "no"), [("Clear", "Clearly not"), ("Excellent", "No"), ("", "No")])
def test_answers_need_keys_of_their_own(yes: str, no: str):
    with pytest.raises(DataError, match="different letters"):
        Wording(yes=yes, no=no)
