"""An audit in a study: drawn first, asked about blindly, kept when drawn again, and counted."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reassess.files.artefacts import read_tasks
from reassess.files.audits import read_audit
from reassess.notes import NoteWarning
from reassess.records import Audit, LabelSets, Pairs
from reassess.study import (
    Study,
    add_models,
    change_settings,
    label_copy,
    new_study,
    open_study,
    propose_study,
    read_study_labels,
    run_study,
)
from reassess.study.auditing import audit_study, release_judged
from tests.conftest import Ran

Cli = Callable[..., Ran]
N, K, SKIPPED = 500, 5, 300
IDS = np.array([f"{n:03d}.jpg" for n in range(N)])
ORIGINAL = np.random.default_rng(0).integers(0, K, N)
# On the first 300 images all models predict the original label, which is wrong on every fifth.
TRUTH = np.where((np.arange(N) % 5 == 0) & (np.arange(N) < SKIPPED), (ORIGINAL + 1) % K, ORIGINAL)
JUDGED = range(3, 203, 10)


def model(name: str, seed: int, *, knows: float, disputes: float = 0.0) -> None:
    """Predictions that agree with the original label on the skipped images, but where disputed."""
    rng = np.random.default_rng(seed)
    top = np.where(rng.random(N) < knows, ORIGINAL, (ORIGINAL + 1 + rng.integers(0, K - 1, N)) % K)
    agrees = (np.arange(N) < SKIPPED) & (rng.random(N) >= disputes)
    top = np.where(agrees, ORIGINAL, np.where(np.arange(N) < SKIPPED, TRUTH, top))
    np.savez(name, logits=(np.eye(K) * 9)[top].astype(np.float32), ids=IDS)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The study, nothing proposed yet; gold on some skipped images."""
    monkeypatch.chdir(tmp_path)
    rows = zip(IDS.tolist(), ORIGINAL.tolist(), strict=True)
    Path("labels.csv").write_text("image,label\n" + "".join(f"{i},{k}\n" for i, k in rows))
    model("a.npz", 1, knows=0.6)
    model("b.npz", 2, knows=0.0)
    model("new.npz", 9, knows=0.7, disputes=0.5)
    made = add_models(
        new_study("s", labels="labels.csv", labels_are="index"), ["a.npz", "b.npz"], scale="logit"
    )
    judged = "".join(f"{IDS[n]},{ORIGINAL[n]},x,yes\n" for n in JUDGED)
    Path("s/gold.csv").write_text("image,label,expert,answer\n" + judged)
    made = change_settings(made, "aggregate", {"gold": "gold.csv", "method": "majority"})
    return change_settings(made, "propose", {"pairs_per_model": 1})


def drawn() -> Audit:
    """What the study's file holds."""
    return read_audit("s/audit.json", IDS)


def answer_all() -> None:
    """Every question answered by three raters who know the truth."""
    pairs = read_tasks("s/tasks.parquet").pairs.aligned_to(IDS, source="tasks")
    says = np.where(TRUTH[pairs.image] == pairs.label, "yes", "no")
    rows = zip(IDS[pairs.image].tolist(), pairs.label.tolist(), says.tolist(), strict=True)
    lines = "".join(f"{i},{k},r{r},{s}\n" for i, k, s in rows for r in range(3))
    Path("s/votes.csv").write_text("image,label,rater,answer\n" + lines)


def judge(image: int) -> None:
    """An expert's answer about one more image."""
    with Path("s/gold.csv").open("a") as file:
        file.write(f"{IDS[image]},{ORIGINAL[image]},x,yes\n")


def asked_of(images: np.ndarray) -> np.ndarray:
    """How many questions there are about each of these images."""
    pairs = read_tasks("s/tasks.parquet").pairs.aligned_to(IDS, source="tasks")
    n_asked: np.ndarray = np.bincount(pairs.image, minlength=N)[images]
    return n_asked


def test_propose_audits_a_fifth_and_raters_cannot_tell_which(study: Study, cli: Cli) -> None:
    assert study.setting("propose", "audit") is None
    ran = cli("propose", "s")
    assert ran.status == 0, ran.err
    assert "60 of these are asked about all the same, drawn at random" in ran.out
    found = drawn()
    assert (found.strata[0].seeds, found.n_drawn.tolist()) == ((0,), [60])
    # Images with gold are practised on: they are neither drawn nor counted among those drawn from.
    assert found.n_population.tolist() == [SKIPPED - 20]
    image = found.pairs.image[found.drawn]
    assert not np.isin(image, JUDGED).any()
    written = json.loads(Path("s/audit.json").read_text())["strata"][0]
    assert written["inclusion_probability"] == 60 / (SKIPPED - 20)
    # A rated image has two or three questions; the models propose one of a skipped image.
    rated = asked_of(np.arange(SKIPPED, N))
    audited = asked_of(image)
    assert set(audited.tolist()) == set(rated[rated > 0].tolist()) == {2, 3}
    assert abs(audited.mean() - rated[rated > 0].mean()) < 0.2
    task = read_tasks("s/tasks.parquet")
    order = task.pairs.aligned_to(IDS, source="tasks").image[np.argsort(task.task, kind="stable")]
    assert (np.diff(order) >= 0).all()  # by image, and not the audited ones first or last
    off = cli("propose", "s", "--audit", "0")
    assert "None of these is audited: intervals will be conditional" in off.out
    assert not drawn().strata


def test_a_draw_is_the_same_again_and_another_one_keeps_its_answers(study: Study, cli: Cli) -> None:
    propose_study(change_settings(study, "propose", {"audit": 30}))
    answer_all()
    first = drawn()
    before = {name: Path("s", name).read_bytes() for name in ("tasks.parquet", "stages.json")}
    for _ in range(2):
        more = cli("audit", "s", "--skipped", "50", "--seed", "3")
        assert more.status == 0, more.err
    assert "Nothing new to draw" in more.out
    second = drawn()
    assert (second.strata[0].seeds, second.n_drawn.tolist()) == ((0, 3), [50])
    assert second.drawn[first.drawn].all()
    assert open_study("s").setting("propose", "audit") == 50
    # Killed before its tasks were written: the same command makes them.
    whole = Path("s/tasks.parquet").read_bytes()
    for name, content in before.items():
        Path("s", name).write_bytes(content)
    assert cli("audit", "s", "--skipped", "50").status == 0
    assert Path("s/tasks.parquet").read_bytes() == whole
    again = cli("propose", "s", "--json")
    assert json.loads(again.out)["n_audited"] == 50
    assert drawn().drawn.sum() == 50
    kept = cli("propose", "s", "--audit", "0")
    assert "some are answered, so they stay" in kept.err
    assert drawn().drawn.sum() == 50


def test_labels_are_read_from_their_copy_as_from_the_file_and_from_no_other(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_copy, "LARGE", 1)
    propose_study(change_settings(study, "propose", {"audit": 30}))
    answer_all()
    run_study(open_study("s"))
    copy, file = Path("s/.cache/labels.npz"), Path("s/labels.json")
    assert copy.is_file()
    (copied, _), content = read_study_labels(open_study("s")), copy.read_bytes()
    copy.unlink()
    read, _ = read_study_labels(open_study("s"))
    assert copied.audit is not None
    assert copied.asked is not None
    for name in LabelSets.__dataclass_fields__:
        one, other = getattr(copied, name), getattr(read, name)
        if name in {"asked", "audit"}:
            one, other = dataclasses.asdict(one), dataclasses.asdict(other)
        np.testing.assert_equal(one, other)
    # Another file beside the same copy: the file counts.
    copy.write_bytes(content)
    said = json.loads(file.read_text())
    file.write_text(json.dumps(said | {"name": "by hand"}))
    with pytest.warns(NoteWarning, match="changed: the file of labels itself"):
        assert read_study_labels(open_study("s"))[0].name == "by hand"
    copy.write_bytes(content[:100])
    with pytest.warns(NoteWarning, match="changed: the file of labels itself"):
        assert read_study_labels(open_study("s"))[0].name == "by hand"


def test_a_newcomer_takes_over_what_was_drawn_of_the_images_that_it_disputes(study: Study) -> None:
    from reassess.sources import predictions
    from reassess.study import read_study_benchmark

    propose_study(study)
    answer_all()
    (new,) = predictions("new.npz", read_study_benchmark(study), top_k=1)
    before = drawn()
    for _ in range(2):
        made = audit_study(open_study("s"), newcomer=new, n_unasked=30, seed=1)
    assert made.n_new == 0
    kinds = dict(zip([one.kind for one in made.audit.strata], made.audit.n_drawn, strict=True))
    assert set(kinds) == {"skipped", "disputed", "unasked"}
    whole = made.audit.pairs.image[made.audit.drawn & made.audit.is_whole]
    assert np.isin(before.pairs.image[before.drawn], whole).all()
    asked = read_tasks("s/tasks.parquet").pairs.aligned_to(IDS, source="tasks")
    assert made.audit.pairs.take(made.audit.drawn).is_in(asked).all()
    disputed = made.audit.pairs.take(made.audit.of_kind("disputed"))
    assert (disputed.label == new.top[disputed.image]).all()


def test_answers_correct_levels_and_intervals(study: Study, cli: Cli) -> None:
    propose_study(change_settings(study, "propose", {"audit": 100}))
    assert cli("audit", "s", "--newcomer", "new.npz", "--unasked", "40", "--json").status == 0
    answer_all()
    assert cli("run", "s").status == 0
    ran = cli("score", "s", "new.npz", "--labels", "s", "--json")
    assert ran.status == 0, ran.err
    truth = {}
    for name in ("a", "b", "new"):
        top = np.load(f"{name}.npz")["logits"].argmax(axis=1)
        truth[name] = float((top == TRUTH).mean())
    for one in json.loads(ran.out)["models"]:
        real = one["real"]
        assert real["low"] < truth[one["model"]] < real["high"], one["model"]
        assert real["value"] != real["counted"]
    ranked = json.loads(cli("ranks", "s", "--resamples", "40", "--json").out)
    for one in ranked["models"]:
        scored = {m["model"]: m["real"] for m in json.loads(ran.out)["models"]}[one["model"]]
        assert one["real"] == pytest.approx(scored["value"])
        assert (one["real_low"], one["real_high"]) == pytest.approx((scored["low"], scored["high"]))
    compared = json.loads(cli("compare", "new.npz", "s#a", "--labels", "s", "--json").out)
    found = compared["audited"]
    assert found["low"] < truth["new"] - truth["a"] < found["high"]


def test_pairs_of_an_audit_survive_its_file(study: Study) -> None:
    propose_study(study)
    found = drawn()
    assert isinstance(found.distractors, Pairs)
    asked = read_tasks("s/tasks.parquet").pairs.aligned_to(IDS, source="tasks")
    assert found.distractors.is_in(asked).all()


def test_an_image_that_is_judged_after_the_draw_is_let_go_until_it_is_answered(
    study: Study, cli: Cli
) -> None:
    cli("propose", "s")
    found = drawn()
    images = found.pairs.image[found.drawn & found.is_whole]
    gone, stays = IDS[images[:2]].tolist()
    judge(images[0])
    release_judged(study, [gone])
    after = drawn()
    assert not (after.pairs.ids() == gone).any()
    assert not asked_of(images[:1]).any()
    assert (after.drawn & after.is_whole).sum() == len(images)

    answer_all()
    judge(images[1])
    release_judged(study, [stays])
    assert asked_of(images[1:2]).all()


@pytest.mark.usefixtures("study")
def test_votes_and_gold_that_come_together_keep_the_audit(cli: Cli) -> None:
    cli("propose", "s")
    before = drawn()
    answer_all()
    Path("s/votes.csv").rename("votes.csv")
    judge(before.pairs.image[before.drawn & before.is_whole][0])
    assert cli("votes", "import", "s", "votes.csv").status == 0
    assert cli("votes", "export", "s").status == 0
    assert (drawn().pairs.ids()[drawn().drawn] == before.pairs.ids()[before.drawn]).all()
    ran = cli("run", "s")
    assert ran.status == 0, ran.err
