"""Commands that say what a finished study found, as its owner types them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reassess.files.tables import read_table
from reassess.study import change_settings, open_study, run_study
from tests.conftest import Ran
from tests.study.small import make_study

Cli = Callable[..., Ran]


def findings(text: str) -> dict[str, object]:
    """What a command found, without how it read its files."""
    found = json.loads(text)
    return {name: value for name, value in found.items() if name not in {"read", "notes"}}


def test_synonyms_are_named_with_their_evidence(here, cli: Cli):
    """Two classes on a third of each other's images are no more than chance among six."""
    assert json.loads(cli("synonyms", "s", "--json").out)["n_pairs"] == 0
    classes = Path("s/classes.csv")
    classes.write_text(classes.read_text().replace("c5,Class 5", "c5,Class 0"))
    ran = cli("synonyms", "s", "--changed", "-o", "pairs.csv")
    assert ran.status == 0, ran
    assert "named alike" in ran.out
    assert "labels changed most" in ran.out
    (pair,) = json.loads(cli("synonyms", "s", "--json", "--kind", "named alike").out)["pairs"]
    assert (pair["a"], pair["b"], pair["share_a_name"]) == (0, 5, True)
    assert read_table(here / "pairs.csv").texts("kind") == ["named alike"]
    assert json.loads(cli("synonyms", "s", "--json", "--kind", "overlap").out)["pairs"] == []


def test_raters_are_told_with_what_hangs_on_them(here, cli: Cli):
    ran = cli("raters", "s", "-o", "raters.csv", "--resamples", "200")
    assert ran.status == 0, ran
    assert "alpha, ordinal: 0." in ran.out
    found = json.loads(cli("raters", "s", "--json").out)
    by_name = {one["rater"]: one for one in found["raters"]}
    assert set(by_name) == {f"r{i}" for i in range(5)}
    assert by_name["r4"]["drift_high"] < 0 < by_name["r0"]["yes_if_present"]
    assert by_name["r0"]["drift_low"] < 0.05
    assert found["agreement"]["nominal"]["low"] < found["agreement"]["nominal"]["value"]
    assert read_table(here / "raters.csv").texts("rater")[0].startswith("r")


@pytest.mark.usefixtures("here")
def test_a_negative_seed_is_refused(cli: Cli):
    ran = cli("raters", "s", "--seed", "-1")
    assert (ran.status, ran.out) == (2, "")
    assert "-1 is not in the range" in ran.err


@pytest.mark.parametrize("command", ["synonyms", "raters"])
def test_a_study_without_labels_is_told_what_to_do(command, tmp_path, cli: Cli, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_study(tmp_path)
    ran = cli(command, "s")
    assert (ran.status, ran.out) == (2, "")
    assert "reassess status s" in ran.err.replace(str(tmp_path / "s"), "s")


def test_ranks_of_a_study_say_what_is_decided_and_what_is_not(here, cli: Cli):
    ran = cli("ranks", "s", "--resamples", "40", "-o", "ranks.csv")
    assert ran.status == 0, ran
    assert "Of 2 pairs of adjacent models" in ran.out
    assert "gold questions" in ran.out
    found = json.loads(cli("ranks", "s", "--resamples", "40", "--json").out)
    accuracies = [one["real"] for one in found["models"]]
    ranks = [1 + sum(other > mine for other in accuracies) for mine in accuracies]
    assert [one["real_rank"] for one in found["models"]] == ranks
    assert accuracies == sorted(accuracies, reverse=True)
    undecided = found["n_undecided_by_images"] + found["n_undecided_by_labels"]
    assert found["n_decided"] + undecided == len(found["adjacent"]) == 2
    for one in found["models"]:
        assert one["real_low"] < one["real"] < one["real_high"]
        assert one["calibrated_low"] < one["calibrated"] < one["calibrated_high"]
        assert one["calibrated_rank_best"] <= one["calibrated_rank"]
    assert found["thresholds"][0]["threshold"] == 0.5
    table = read_table(here / "ranks.csv")
    assert table.texts("model") == [one["model"] for one in found["models"]]


@pytest.mark.usefixtures("here")
def test_a_table_is_written_as_its_suffix_says(cli: Cli):
    """And an unknown one is refused before anything is read."""
    given = ("ranks", "s", "--resamples", "40")
    for suffix in ("json", "md", "tex", "tsv"):
        assert cli(*given, "-o", f"ranks.{suffix}").status == 0
    rows = json.loads(Path("ranks.json").read_text())
    assert len(rows) == 3
    assert rows == json.loads(cli(*given, "--json").out)["models"]
    assert Path("ranks.md").read_text().count("\n") == 2 + len(rows)
    assert "\\toprule" in Path("ranks.tex").read_text()
    assert Path("ranks.tsv").read_text().startswith("model\treal\treal_low\t")
    for command in ("ranks", "mistakes", "raters", "synonyms"):
        ran = cli(command, "no-such-study", "-o", "table.docx")
        assert (ran.status, ran.out) == (2, "")
        assert "must end in one of .csv, .tsv, .json, .md, .tex" in ran.err


@pytest.mark.usefixtures("here")
def test_ranks_of_files_need_their_votes_for_the_labels(cli: Cli):
    models = ("m0.npz", "m1.npz")
    judged = ("--labels", "s/labels.json", "--original-labels", "labels.csv",
              "--classes", "classes.csv",
              "--scale", "logit")  # fmt: skip
    ran = cli("ranks", *models, *judged, "--json", "--resamples", "40")
    assert ran.status == 0, ran
    found = json.loads(ran.out)
    assert found["n_undecided_by_labels"] is None
    assert "calibrated" not in found["models"][0]
    shown = cli("ranks", *models, *judged, "--resamples", "40")
    assert "no votes were given (--votes)" in shown.out
    votes = ("--votes", "s/votes.csv", "--gold", "s/gold.csv")
    with_votes = cli("ranks", *models, *judged, *votes, "--json", "--resamples", "40")
    assert with_votes.status == 0, with_votes
    assert json.loads(with_votes.out)["calibration"]["n_gold"] > 100


@pytest.mark.usefixtures("here")
def test_ranks_of_a_study_follow_its_options_and_those_of_files_the_same(cli: Cli):
    """Raters are counted on gold again as they were counted when the study was aggregated."""
    change_settings(
        open_study("s"),
        "aggregate",
        {"method": "calibrated", "confusion_prior": "uniform", "pseudocount": 0.25},
    )
    run_study(open_study("s"))
    models = ("m0.npz", "m1.npz", "m2.npz")
    judged = ("--labels", "s/labels.json", "--original-labels", "labels.csv",
              "--classes", "classes.csv", "--scale", "logit", "--votes", "s/votes.csv",
              "--gold", "s/gold.csv", "--posterior", "s/posterior.npz")  # fmt: skip
    common = ("--json", "--resamples", "40")
    by_study = cli("ranks", "s", *common)
    assert by_study.status == 0, by_study
    as_made = cli("ranks", *models, *judged, "--pseudocount", "0.25", *common)
    assert findings(by_study.out) == findings(as_made.out)
    otherwise = cli("ranks", *models, *judged, *common)
    assert findings(by_study.out) != findings(otherwise.out)


@pytest.mark.usefixtures("here")
def test_ranks_aggregate_as_aggregate_does(cli: Cli):
    models = ("m0.npz", "m1.npz")
    judged = ("--labels", "s/labels.json", "--original-labels", "labels.csv",
              "--classes", "classes.csv", "--scale", "logit", "--json",
              "--resamples", "40")  # fmt: skip
    for gold in ((), ("--gold", "s")):
        made = cli("aggregate", "s/votes.csv", *gold, "--classes", "classes.csv", "-o", "p.npz")
        assert made.status == 0, made
        votes = ("--votes", "s/votes.csv", *gold)
        by_votes = cli("ranks", *models, *judged, *votes)
        assert "Note: Posterior by" in by_votes.err
        by_file = cli("ranks", *models, *judged, *votes, "--posterior", "p.npz")
        assert findings(by_votes.out) == findings(by_file.out)


@pytest.mark.usefixtures("here")
def test_votes_of_a_study_bring_their_posterior_and_gold(cli: Cli):
    """`ranks` and `compare` read the same, and say the same of two models."""
    judged = ("--labels", "s", "--json", "--resamples", "40")
    named = ("--votes", "s/votes.csv", "--posterior", "s/posterior.npz", "--gold", "s/gold.csv")
    ranked = cli("ranks", "s#m0", "s#m2", *judged, "--votes", "s")
    assert findings(ranked.out) == findings(cli("ranks", "s#m0", "s#m2", *judged, *named).out)
    compared = cli("compare", "s#m0", "s#m2", *judged, "--votes", "s")
    assert compared.status == 0, compared
    assert findings(compared.out) == findings(cli("compare", "s#m0", "s#m2", *judged, *named).out)
    found, (pair,) = json.loads(compared.out), json.loads(ranked.out)["adjacent"]
    with_labels = found["calibrated"]
    sign = 1 if pair["better"] == "m0" else -1
    assert with_labels["value"] == sign * pair["calibrated"]
    assert with_labels["p_swap"] == pair["p_swap"]
    assert with_labels["n_gold"] > 100
    without = json.loads(cli("compare", "s#m0", "s#m2", "--labels", "s", "--json").out)
    assert without["calibrated"] is None
    assert without["p_value"] == found["p_value"]
    told = cli("compare", "s#m0", "s#m2", "--labels", "s", "--votes", "s", "--resamples", "40").out
    assert "With the labels' uncertainty, m0 minus m2: " in told
    assert "calibrated on" in told


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("ranks m0.npz", "--labels"),
        ("ranks s --votes s/votes.csv", "is a study"),
        ("ranks m0.npz --labels s/labels.json --gold s/gold.csv", "needs the votes"),
        ("compare m0.npz m1.npz --labels s/labels.json --gold s/gold.csv", "needs the votes"),
        ("compare s#m0 s#m1 --labels s --votes s --top-k 2", "must be 1 with --votes"),
        ("compare m0.npz m1.npz --labels s --answers ja=yes,nein=no", "--answers needs the votes"),
        ("ranks m0.npz m1.npz --labels s --min-expert-yes 2", "--min-expert-yes needs the votes"),
        ("ranks s --subset labels.csv", "--subset goes with --labels"),
        ("score m0.npz --labels s/proposals.parquet", "holds what raters are asked about"),
        ("score m0.npz --labels s/votes.csv", "holds answers about the classes"),
        ("ranks s --original-labels labels.csv", "--original-labels goes with --labels"),
        ("ranks s --seed -1", "-1 is not in the range"),
        ("ranks s --confidence 95", "confidence is 95"),
    ],
)
@pytest.mark.usefixtures("here")
def test_ranks_says_what_does_not_go_together(cli: Cli, typed, says):
    ran = cli(*typed.split(), "--resamples", "40")
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err


@pytest.mark.usefixtures("here")
def test_a_study_whose_raters_answered_in_their_own_words(cli: Cli):
    """Declared in the manifest, they mean the same to every command; the site's words stay."""
    before = json.loads(Path("s/labels.json").read_text())["labels"]
    votes = Path("s/votes.csv")
    votes.write_text(votes.read_text().replace(",yes,", ",ja,").replace(",no,", ",nein,"))
    assert "[aggregate] answers" in cli("ranks", "s", "--answers", "ja=yes,nein=no").err
    told = cli("run", "s")
    assert (told.status, "--answers ja=yes,nein=no" in told.err) == (2, True)
    manifest = Path("s/study.toml")
    text = manifest.read_text()
    assert "[aggregate]\n" in text
    manifest.write_text(text.replace("[aggregate]\n", '[aggregate]\nanswers = "ja=yes,nein=no"\n'))
    ran = cli("run", "s")
    assert ran.status == 0, ran
    assert json.loads(Path("s/labels.json").read_text())["labels"] == before
    for command in (("raters", "s"), ("aggregate", "s", "-o", "p.npz"), ("ranks", "s")):
        assert cli(*command).status == 0, command
    manifest.write_text(manifest.read_text().replace("ja=yes,nein=no", "ja=no,nein=yes"))
    assert "stale" in cli("status", "s").out, "other words are another posterior"


@pytest.mark.usefixtures("published")
def test_words_for_answers_are_refused_where_no_file_can_hold_them(cli: Cli):
    told = cli("aggregate", "imagenet-gold-votes", "--answers", "ja=yes,nein=no", "-o", "p.npz")
    assert (told.status, "imagenet-gold-votes is published with" in told.err) == (2, True)
