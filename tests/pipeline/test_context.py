"""A context of models' predictions beside the votes: a made-up study whose truth is known."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from reassess import sources
from reassess.aggregation import combine_context, dawid_skene
from reassess.aggregation.adaptive import AnswerWeights
from reassess.aggregation.context import bounded_log_odds
from reassess.errors import DataError, OptionError
from reassess.files import write_labels, write_votes
from reassess.files.posteriors import read_posterior, write_posterior
from reassess.notes import collect_notes
from reassess.pipeline import (
    AggregateOptions,
    GivenModels,
    LabelOptions,
    make_labels,
    make_posterior,
)
from reassess.pipeline.context import add_context, learn_context, queue_context
from reassess.records import ANSWERS, Benchmark, Gold, Predictions, Questions, Votes
from reassess.records.pairs import Pairs
from reassess.study import change_settings, open_study, run_study
from tests.conftest import Ran
from tests.study.small import rated_study

N, K = 240, 8


@cache
def study() -> tuple[Votes, Gold, Benchmark, tuple[Predictions, ...], np.ndarray]:
    """Three raters who err often, three models who see the truth with noise, gold on a third."""
    rng = np.random.default_rng(5)
    ids = np.array([f"i{n:03}.png" for n in range(N)])
    main = rng.integers(K, size=N)
    asked = np.stack([main, (main + 1) % K, (main + 3) % K], axis=1)
    truth = np.stack([rng.random(N) < 0.8, rng.random(N) < 0.35, rng.random(N) < 0.1], axis=1)
    pairs = Pairs(ids, np.repeat(np.arange(N), 3), asked.ravel())
    flat = truth.ravel()
    question = np.repeat(np.arange(3 * N), 3)
    says = np.where(rng.random(9 * N) < 0.72, flat[question], ~flat[question])
    rater = np.tile(np.arange(3), 3 * N)
    votes = Votes(
        Questions(pairs.ids(), pairs), np.array(["r0", "r1", "r2"]), ANSWERS,
        question, rater, np.where(says, 2, 0),
    )  # fmt: skip
    seen = np.zeros((N, K))
    np.put_along_axis(seen, asked, truth.astype(float), axis=1)
    models = tuple(
        Predictions(name, ids, np.argsort(-(3 * seen + rng.normal(0, 1, (N, K))), axis=1)[:, :4])
        for name in ("resnet50", "resnet101", "vit_base")
    )
    on_gold = np.flatnonzero(pairs.image % 3 == 0)
    experts = Questions(pairs.ids()[on_gold], pairs.take(on_gold))
    answer = np.where(flat[on_gold], 2, 0)
    said = Votes(
        experts, np.array(["x"]), ANSWERS, np.arange(len(on_gold)),
        np.zeros(len(on_gold), np.int64), answer,
    )  # fmt: skip
    return votes, Gold(said), Benchmark("b", ids, main), models, flat


def test_context_helps_where_gold_trusts_it_and_is_named_wherever_it_goes(tmp_path: Path) -> None:
    votes, gold, benchmark, models, truth = study()
    made = make_posterior(
        votes=votes, gold=gold, benchmark=benchmark, models=GivenModels(models),
        options=AggregateOptions(method="dawid-skene", context=True),
    )  # fmt: skip
    fit, posterior = made.details.context, made.record
    assert fit.log_loss < fit.log_loss_of_votes - 0.03
    assert fit.context > 0.3
    assert posterior.context == ("resnet101", "resnet50", "vit_base")
    assert "3 models predict (context)" in made.summary

    def wrong(one) -> float:
        return float(((one.present > 0.5) != truth).mean())

    assert wrong(posterior) < wrong(made.details.votes_only)
    assert made.details.votes_only.context == ()
    write_posterior(posterior, tmp_path / "p.npz")
    assert read_posterior(tmp_path / "p.npz").context == posterior.context
    labels = make_labels(posterior=posterior, benchmark=benchmark, options=LabelOptions()).record
    write_labels(labels, tmp_path / "labels.json")
    with collect_notes() as notes:
        assert sources.labels(tmp_path / "labels.json").context == posterior.context
    assert any("lean on what 3 models predict" in text for text in notes.texts)


def test_a_queue_that_knows_the_context_says_what_labels_will() -> None:
    """Votes taken one by one lead to the posterior of votes and context, as they stand now."""
    votes, gold, benchmark, models, _ = study()
    asked = votes.questions.require_pairs()
    part = votes.take(votes.question % 7 > 0)  # nobody has answered every seventh question yet
    alone = dawid_skene(part)
    together = add_context(alone, models, benchmark, gold, without=["vit"]).posterior
    fit, context = queue_context(alone, models, benchmark, gold, asked, without=["vit"])
    plain = AnswerWeights.from_posterior(alone, len(asked), threshold=0.8)
    weights = plain.with_context(fit, context)
    row = weights.rows(part.rater_ids[part.rater])
    place = part.questions.require_pairs().positions_in(asked)
    odds = weights.log_odds(np.arange(len(asked)), place[part.question], row, part.answer)
    both = together.log_probability
    # The context is fitted twice, and where a fit stops depends on the processor's rounding.
    assert odds[place] == pytest.approx(both[:, 1] - both[:, 0], rel=1e-6, abs=1e-6)
    # Where the models are sure, fewer votes than all can already decide.
    unasked = np.setdiff1d(np.arange(len(asked)), place)
    settled = []
    for one in (plain, weights):
        nobody = np.empty(0, np.int64)
        left = np.full(len(unasked), 2)
        ends = one.range_left(unasked, one.start[unasked], nobody, nobody, left)
        settled.append(int(one.is_settled(*ends).sum()))
    assert settled[1] > settled[0]


def test_a_family_is_left_out_and_gold_of_an_image_never_judges_itself() -> None:
    votes, gold, benchmark, models, _ = study()
    alone = dawid_skene(votes)
    without = add_context(alone, models, benchmark, gold, without=["resnet"])
    assert without.posterior.context == ("vit_base",)
    assert without.posterior.held_out is not None
    assert np.isfinite(without.posterior.held_out).all()
    # Were gold to contradict everything in one fold, its own held-out odds would not move.
    image = gold.questions.pairs.image
    fold = np.unique(image, return_inverse=True)[1] % 10 == 0
    answer = gold.votes.answer.copy()
    answer[fold] = 2 - answer[fold]
    other = Gold(replace(gold.votes, answer=answer))
    found, _ = combine_context(alone, without.context, ["vit_base"], other)
    assert found.held_out is not None
    assert found.held_out[fold] == pytest.approx(without.posterior.held_out[fold])
    assert not np.allclose(found.held_out[~fold], without.posterior.held_out[~fold])


def test_no_family_has_more_than_half_of_the_say() -> None:
    """Two resnets say as much as one vit: each family learns apart, and log-odds are averaged."""
    votes, _, benchmark, models, _ = study()
    alone = dawid_skene(votes)
    together, of_vit, of_resnet = (
        bounded_log_odds(learn_context(alone, models, benchmark, without=without))
        for without in ([], ["resnet"], ["vit"])
    )
    assert together == pytest.approx((of_vit + of_resnet) / 2, abs=1e-9)
    assert np.abs(of_vit - of_resnet).mean() > 0.2


def test_refuses_what_cannot_be_trusted() -> None:
    votes, gold, benchmark, models, _ = study()
    alone = dawid_skene(votes)
    with pytest.raises(OptionError, match="'swin' is none of them"):
        add_context(alone, models, benchmark, gold, without=["swin"])
    with pytest.raises(OptionError, match="all are left out"):
        add_context(alone, models, benchmark, gold, without=["resnet", "vit"])
    few = Gold(gold.votes.take(gold.votes.question < 30))
    with pytest.raises(DataError, match="of 10 images have votes"):
        combine_context(alone, np.full(3 * N, 0.5), ["m"], few)
    with pytest.raises(OptionError, match="lacks models and original labels"):
        make_posterior(votes=votes, gold=gold, options=AggregateOptions(context=True))
    with pytest.raises(OptionError, match="there is no context"):
        AggregateOptions(context_without="resnet")


def test_the_command_combines_files_and_writes_the_votes_alone_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Ran]
) -> None:
    votes, gold, benchmark, models, _ = study()
    monkeypatch.chdir(tmp_path)
    write_votes(votes, Path("votes.csv"), "long")
    write_votes(gold.votes, Path("gold.csv"))
    originals = zip(benchmark.image_ids, benchmark.original, strict=True)
    Path("labels.csv").write_text("image,label\n" + "".join(f"{i},{k}\n" for i, k in originals))
    for one in models:
        rows = zip(one.image_ids, one.ranked_classes, strict=True)
        lines = [f"{i},{k}" for i, ranked in rows for k in ranked[:1]]
        Path(f"{one.model}.csv").write_text("image,prediction\n" + "\n".join(lines) + "\n")
    context = [part for one in models for part in ("--context", f"{one.model}.csv")]
    given = ["votes.csv", "--gold", "gold.csv", *context, "--method", "dawid-skene"]
    ran = cli(
        "aggregate", *given, "--benchmark", "labels.csv", "--context-without", "resnet",
        "-o", "p.npz", "--json",
    )  # fmt: skip
    assert ran.status == 0, ran
    found = json.loads(ran.out)["context"]
    assert found["models"] == ["vit_base"]
    assert found["log_loss"] < found["log_loss_of_votes"]
    assert "p-votes-only.npz" in ran.err
    assert read_posterior(Path("p.npz")).context == ("vit_base",)
    assert read_posterior(Path("p-votes-only.npz")).context == ()
    for arguments, says in (
        (given, "needs the original labels of the images"),
        (["votes.csv", "--benchmark", "labels.csv"], "--benchmark is for --context"),
        ([*given, "--benchmark", "labels.csv", "--context-without", "swin"], "'swin' is none"),
    ):
        ran = cli("aggregate", *arguments, "-o", "none.npz")
        assert ran.status == 2, ran
        assert says in " ".join(ran.err.split())
        assert not Path("none.npz").exists()


def test_each_model_is_scored_by_labels_that_left_its_family_out(
    tmp_path: Path, cli: Callable[..., Ran]
) -> None:
    """What one command says is what a study says that was aggregated without the family."""
    folder = rated_study(tmp_path).folder
    refused = cli("score", folder, "--labels", folder, "--leave-family-out")
    assert refused.status == 2
    assert "its labels lean on no model" in refused.err
    run_study(change_settings(open_study(folder), "aggregate", {"context": True}))
    before = (folder / "labels.json").read_bytes()
    given = ("score", folder, f"new={tmp_path / 'm3.npz'}", "--labels", folder, "--scale", "logit")
    plain = json.loads(cli(*given, "--json").out)["models"]
    ran = cli(*given, "--leave-family-out", "--json")
    assert ran.status == 0, ran
    found = {one["model"]: one for one in json.loads(ran.out)["models"]}
    assert (folder / "labels.json").read_bytes() == before
    without = {name: one["context_without"] for name, one in found.items()}
    assert without == {"m0": "m0", "m1": "m1", "m2": "m2", "new": None}
    assert [found[one["model"]]["real_with_family"] for one in plain] == [
        one["real"]["value"] for one in plain
    ]
    assert found["new"]["real"] == plain[3]["real"]
    run_study(change_settings(open_study(folder), "aggregate", {"context_without": "m1"}))
    (apart,) = json.loads(cli("score", f"{folder}#m1", "--labels", folder, "--json").out)["models"]
    assert found["m1"]["real"] == apart["real"]
    alone = ("score", f"{folder}#m1", "--labels", folder, "--leave-family-out")
    table = cli(*alone, "--csv").out
    assert "context_without,real_with_family" in table.splitlines()[0]
    one_set = cli(*alone, "--per-image", tmp_path / "images.csv")
    assert (one_set.status, "about one set of labels" in one_set.err) == (2, True)
