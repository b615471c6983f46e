"""The report of a small, made-up study: what it says, that it stands alone, its files."""

import html
import re
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from reassess.analysis.classes import changed_classes, class_pairs
from reassess.analysis.findings import find
from reassess.analysis.mistakes import MISTAKE_KINDS
from reassess.analysis.verdict import Answer, Gain, Judgement, study_verdict
from reassess.errors import DataError, FileError, OptionError
from reassess.labels import operating_point
from reassess.records import (
    ANSWERS,
    Accuracy,
    Benchmark,
    Classes,
    Comparison,
    Gold,
    LabelSets,
    ModelScore,
    Pairs,
    Posterior,
    Predictions,
    Questions,
    Votes,
)
from reassess.report import (
    Picture,
    Report,
    formatting,
    write_figures,
    write_report,
)
from reassess.report.build import ReportInputs, assemble_report, galleries
from reassess.report.comparisons import comparison_sentences
from reassess.report.export import with_titles
from reassess.report.opening import answer, key_numbers, questions
from reassess.report.page import page, tidy
from reassess.report.paper import FigureStyle
from reassess.report.plot import plot
from reassess.report.score_tables import score_table
from reassess.report.sections import sections
from reassess.report.svg import in_script
from reassess.report.table import Table, render
from reassess.report.verdict import study_sentences
from reassess.scoring import compare, score_models

N_IMAGES, N_CLASSES = 240, 12
EVIL = "</script><b>evil & co</b>"
FIGURES = {
    "accuracies",
    "progress",
    "preference",
    "later-predictions",
    "label-counts",
    "agreement",
    "biased-classes",
}
pytest.importorskip("altair")
pytest.importorskip("vl_convert")
pytest.importorskip("jinja2")

from reassess.report.figures import accuracies, progress  # noqa: E402 -- needs altair

Study = tuple[LabelSets, Benchmark, list[Predictions]]


@pytest.fixture(scope="module")
def study() -> Study:
    """Labels of zero to three classes; six models that are right more and more often."""
    rng = np.random.default_rng(0)
    ids = np.array([f"val/{i:04d}.jpg" for i in range(N_IMAGES)])
    ranked = np.argsort(rng.random((N_IMAGES, N_CLASSES)), axis=1)
    sizes = rng.choice(4, N_IMAGES, p=[0.05, 0.65, 0.2, 0.1])
    lists = [row[:n].tolist() for row, n in zip(ranked, sizes, strict=True)]
    original = np.where(rng.random(N_IMAGES) < 0.85, ranked[:, 0], ranked[:, -1])
    classes = Classes.from_names([f"class {c}" for c in range(N_CLASSES)])
    labels = LabelSets.from_lists("made-up", ids, lists, n_classes=N_CLASSES)
    models = []
    for i, name in enumerate(["a", "b", "c", "d", "e", EVIL]):
        kept = rng.random((N_IMAGES, 1)) < 0.4 + 0.1 * i
        order = np.where(kept, ranked, np.roll(ranked, 1, axis=1))
        models.append(Predictions(name, ids, order[:, :3], n_classes=N_CLASSES))
    return labels, Benchmark("toy", ids, original, classes), models


@pytest.fixture(scope="module")
def gold(study: Study) -> Gold:
    """Three experts, of whom one errs, on two questions to each of forty images."""
    labels, benchmark, _ = study
    image = np.repeat(np.arange(40), 2)
    label = np.stack([benchmark.original[:40], (benchmark.original[:40] + 1) % N_CLASSES], axis=1)
    questions = Questions.from_pairs(Pairs(labels.image_ids[:40], image, label.ravel()))
    truth = labels.contains(image, label.ravel())
    answers = np.stack([truth, truth, ~truth]).astype(int) * 2
    rater, question = np.divmod(np.arange(3 * 80), 80)
    experts = np.array(["x", "y", "z"])
    return Gold(Votes(questions, experts, ANSWERS, question, rater, answers.ravel()))


@pytest.fixture(scope="module")
def posterior(gold: Gold) -> Posterior:
    present = np.clip(gold.truth() * 0.6 + np.random.default_rng(1).random(80) * 0.4, 0.01, 0.99)
    log = np.log(np.stack([1 - present, present], axis=1))
    return Posterior(
        gold.questions, ("absent", "present"), log, "made up", ANSWERS, gold.votes.rater_ids
    )


@pytest.fixture(scope="module")
def report(study: Study, gold: Gold, posterior: Posterior) -> Report:
    labels, benchmark, models = study
    scores = list(score_models(models, labels, benchmark))
    point = operating_point(posterior, threshold=0.5, gold=gold)
    found = find(
        labels, benchmark, models, posterior=posterior, gold=gold, gold_votes=gold.votes,
        scores=scores,
    )  # fmt: skip
    return Report(
        title="A made-up study",
        findings=found,
        scores=scores,
        labels=replace(labels, operating_point=point),
        benchmark=benchmark,
        provenance=[("command", "reassess report <made up>"), ("date", "2020-06-12")],
    )


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return page(report)


def visible(text: str) -> str:
    """What a reader reads: no scripts, styles, drawings or tags."""
    for tag in ("script", "style", "svg"):
        text = re.sub(rf"<{tag}\b.*?</{tag}>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split()).replace("\u2060", "")


def test_everything_is_found(report: Report) -> None:
    found = report.findings
    assert found.progress is not None
    assert found.biased is not None
    assert found.agreement is not None
    assert len(found.preferences) == 6
    assert len(found.later) == 12
    assert found.original is not None
    assert found.kinds is not None
    # of the labelled images, those whose original label is among the labels
    labels, benchmark = report.labels, report.benchmark
    by_hand = sum(int(benchmark.original[i] in row) for i, row in enumerate(labels.lists()))
    assert found.original.n_correct == by_hand
    assert found.original.n_scored == int((labels.sizes > 0).sum())


def test_scores_are_computed_where_none_are_given(study: Study, report: Report) -> None:
    labels, benchmark, models = study
    assert find(labels, benchmark, iter(models)).progress == report.findings.progress


def test_findings_without_original_labels(study: Study) -> None:
    labels, benchmark, models = study
    found = find(labels, Benchmark("bare", benchmark.image_ids), models)
    assert (found.kinds, found.original, found.progress, found.biased) == (None,) * 4
    assert found.preferences == ()
    assert found.agreement is None
    assert len(found.later) == 12


def test_three_models_make_no_progress(study: Study) -> None:
    labels, benchmark, models = study
    assert find(labels, benchmark, models[:3]).progress is None


def test_equal_models_make_no_line(study: Study) -> None:
    labels, benchmark, models = study
    assert find(labels, benchmark, [models[0]] * 4).progress is None


def test_the_page_stands_alone(text: str) -> None:
    for address in re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", text):
        assert address.startswith(("#", "data:,")), address
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert not re.search(r"^\s*import\b", text, re.MULTILINE)
    assert len(text.encode()) < 5_000_000


def test_the_page_says_the_numbers(text: str, report: Report) -> None:
    said = visible(text)
    for score in report.scores:
        assert formatting.bare(score.real.value) in said
    assert formatting.percent(report.findings.original.value) in said
    for one in questions(report):
        assert f"{one.asked}{one.answer}" in said.replace(f"{one.asked} ", one.asked)
    for number in key_numbers(report):
        assert number.value in said
    assert "reassess report <made up>" in said
    assert "Posterior of at least 0.500" in said


def test_a_model_name_cannot_end_a_script(text: str) -> None:
    assert "<b>evil" not in text
    assert html.escape(EVIL) in text
    assert text.count("<script") == text.count("</script>") == 3


def test_each_figure_has_words(text: str) -> None:
    for name in FIGURES:
        assert f'id="figure-{name}"' in text
        chart = re.search(rf'data-figure="{name}" role="img" aria-label="([^"]+)"', text)
        assert chart is not None
        assert len(chart[1]) > 40
    ids = re.findall(r'\bid="([^"]+)"', re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))
    assert len(ids) == len(set(ids))
    for link in re.findall(r'href="#([^"]+)"', text):
        assert link in ids, link


def test_simulated_raters_are_named_everywhere(report: Report, text: str) -> None:
    assert "SIMULATED" not in text
    assert "simulated raters" not in text
    simulated = replace(report, simulated=True)
    marked = page(simulated)
    assert "The raters are SIMULATED." in visible(marked)
    subtitles = re.findall(r'class="subtitle">([^<]*)<', marked)
    assert len(subtitles) == len(FIGURES)
    assert all("simulated raters" in one for one in subtitles)
    from reassess.report.figures import FIGURES as DRAWERS

    for figure in filter(None, (draw(simulated) for draw in DRAWERS)):
        subtitle = with_titles(figure, simulated=True)["title"]["subtitle"]
        assert "simulated raters" in " ".join(subtitle)


def test_figures_are_whole_files(report: Report, tmp_path: Path) -> None:
    written = write_figures(report, tmp_path / "figures")
    tables = [table.name for section in sections(report, {}) for table in section.tables]
    assert {path.name for path in written} == {
        *(f"{name}{suffix}" for name in FIGURES for suffix in (".png", ".svg", ".pdf", ".csv")),
        *(f"table-{name}{suffix}" for name in tables for suffix in (".csv", ".tex")),
    }
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {p.name for p in written}
    for path in written:
        if path.suffix in {".csv", ".tex"}:
            assert path.read_text().count("\n") > 1
        elif path.suffix == ".pdf":
            assert path.read_bytes().startswith(b"%PDF")
        elif path.suffix == ".svg":
            root = ET.fromstring(path.read_bytes())  # noqa: S314 -- written a moment ago
            assert root.tag.endswith("svg")
            assert "SIMULATED" not in path.read_text().upper()
        else:
            head = path.read_bytes()
            assert head[:8] == b"\x89PNG\r\n\x1a\n"
            width, height = struct.unpack(">II", head[16:24])
            assert width > 1000
            assert height > 300
            assert head[-8:-4] == b"IEND"


def test_a_figure_for_a_paper_is_as_wide_as_its_column_and_has_its_data(
    report: Report, tmp_path: Path
) -> None:
    style = FigureStyle(font_size=7.0).with_width("84mm")
    written = write_figures(report, tmp_path, names=["progress"], style=style)
    assert {path.name for path in written} == {
        f"progress.{s}" for s in ("png", "svg", "pdf", "csv")
    }
    box = re.search(rb"MediaBox ?\[0 0 ([\d.]+) ", (tmp_path / "progress.pdf").read_bytes())
    points = 84 / 25.4 * 72
    assert float(box[1]) == pytest.approx(points, rel=0.02)
    svg = (tmp_path / "progress.svg").read_text("utf-8")
    shown, drawn = re.search(r'width="([\d.]+)"[^>]*viewBox="0 0 ([\d.]+) ', svg).groups()
    assert 'font-size="12px"' in svg
    assert 12 * float(shown) / float(drawn) == pytest.approx(7, rel=0.01)
    assert "beside" not in svg  # the caption of a paper says what is to be seen
    rows = (tmp_path / "progress.csv").read_text().splitlines()
    assert rows[0] == "model,original,real"
    assert len(rows) == 1 + len(report.scores)
    for name, text in (("nothing", "'nothing', but must be one of"), ("progress", "12 parsecs")):
        with pytest.raises(OptionError, match=text):
            write_figures(
                report,
                tmp_path,
                names=[name],
                style=style.with_width("12 parsecs" if name == "progress" else "page"),
            )


def test_the_page_is_written_whole_or_not(report: Report, text: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    write_report(report, path)
    assert path.read_text(encoding="utf-8") == text
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        write_report(report, tmp_path / "file" / "report.html")


def test_a_report_with_little_to_say(study: Study) -> None:
    labels, benchmark, models = study
    bare = Benchmark("bare", benchmark.image_ids)
    one = list(score_models(models[:1], labels, bare))
    told = Report("Little", find(labels, bare, models[:1]), one, labels, bare)
    short = page(told)
    assert [bool(one.answer) for one in questions(told)] == [True] * 5
    said = visible(short)
    assert "one model has nothing to gain over" in said
    assert "the original labels are not known" in said
    assert "the original label alone" not in short
    assert "None" not in said
    assert "nan" not in said.lower().split()
    assert 'id="figure-progress"' not in short
    assert 'id="figure-accuracies"' in short
    empty = Report("Nothing", find(labels, bare, []), [], labels, bare)
    assert [bool(one.answer) for one in questions(empty)] == [True] * 5
    nothing = page(empty)
    assert "0 models" in visible(nothing)


def test_sections_without_content_are_left_out(report: Report) -> None:
    assert [one.id for one in sections(report, {})] == [
        "accuracy",
        "labels",
        "habits",
        "methods",
        "provenance",
    ]


def test_tables_agree_with_the_findings(report: Report) -> None:
    (table,) = tables_of(report, "accuracy")
    real = list(table.data["real_value"])
    assert real == sorted(real, reverse=True)
    headings = [column.heading for column in table.shown]
    assert headings == [
        "model", "ReaL", "original", "gap", "multi-label", "preferred", "2nd", "3rd",
        "beats oracle",
    ]  # fmt: skip
    assert report.findings.biased is not None
    (classes,) = tables_of(report, "habits")
    assert len(classes) == len(report.findings.biased.examples)


def tables_of(report: Report, section: str) -> tuple[Table, ...]:
    """The tables of a section of the page."""
    return next(one.tables for one in sections(report, {}) if one.id == section)


@pytest.mark.parametrize("package", ["altair", "vl_convert", "jinja2"])
def test_a_missing_extra_names_the_command(package: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "import reassess.report\n"
        "from reassess.errors import MissingExtraError\n"
        "from reassess.report import page\n"
        "try:\n    page.page(None)\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert package in done.stdout
    assert "pip install 'reassess[report]'" in done.stdout


def test_importing_the_report_loads_nothing_heavy() -> None:
    code = (
        "import sys, reassess.report, reassess.report.table\n"
        "print({'altair', 'vl_convert', 'jinja2', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_words() -> None:
    assert formatting.percent(0.87532) == "87.5%"
    assert formatting.percent(None) == "–"
    assert formatting.points(-0.012, 1) == "−1.2"
    assert formatting.interval_of(Accuracy(0, 0)) == "–"
    assert formatting.count(1, "class", "classes") == "1 class"
    assert formatting.count(1234, "class", "classes") == "1,234 classes"
    assert formatting.p_value(1e-9) == "p < 0.001"
    assert formatting.p_value(0.0042) == "p = 0.004"
    assert formatting.p_value(0.31) == "p = 0.31"
    assert tidy("87.2–87.8%, p < 0.001") == "87.2–\u206087.8%, p\u00a0<\u00a00.001"
    assert in_script('"</script>"') == '"\\u003c/script>"'


def test_score_table_for_the_terminal(report: Report) -> None:
    said = render(score_table(report.scores, "made-up"), "terminal")
    best = max(report.scores, key=lambda one: one.real.value or 0)
    assert formatting.bare(best.real.value, 2) in said
    assert said.index(best.model) < said.index("\na ")
    assert "made-up" in said
    assert len(score_table([], "made-up")) == 0


def test_two_models_are_compared_in_sentences(study: Study) -> None:
    labels, _, models = study
    clear = comparison_sentences(compare(models[4], models[0], labels))
    assert clear[0] == "e is better than a under made-up."
    same = comparison_sentences(compare(models[4], models[4], labels))
    assert same[0] == "no difference between e and e can be told under made-up."
    nobody = np.array([], dtype=str)
    empty = Comparison("a", "b", "none", 0, 0, nobody, nobody, -1.0, 1.0, 1.0, 0.95)
    assert "cannot be compared" in comparison_sentences(empty)[0]


def test_statements_for_the_terminal() -> None:
    from reassess.cli.reproduce import statements_table
    from reassess.reproduce.published import ReproducedValue

    def statement(name: str, holds: bool | None) -> ReproducedValue:
        computed = None if holds is None else 0.505
        reason = "no public file" if holds is None else None
        return ReproducedValue(
            id=name, kind="printed", statement="a slope", source="Figure 4", passage="",
            published=0.51, computed=computed,
            tolerance=0.005, tolerance_reason="printed so", holds=holds, reason=reason,
        )  # fmt: skip

    held = [statement("one", True), statement("two", False), statement("three", None)]
    said = render(statements_table(held), "terminal")
    assert "✓" in said
    assert "✗" in said
    assert "no public file" in said
    assert "1 hold, 1 do not, 1 not computed" in said


def test_scores_may_be_undefined(report: Report) -> None:
    nobody = ModelScore("nobody", Accuracy(0, 0, 5), None, {}, {}, None)
    said = visible(page(replace(report, scores=[*report.scores, nobody])))
    assert "nobody" in said
    assert "None" not in said


def test_verdict_uncertainty_and_mistakes_are_told_where_they_are_known(
    report: Report, study: Study, text: str
) -> None:
    assert 'id="ranks"' not in text
    assert 'id="mistakes"' not in text
    labels, benchmark, models = study
    inputs = ReportInputs(labels, benchmark, models, report.scores)
    more = assemble_report(inputs, "More", n_resamples=100)
    assert more.uncertainty is not None
    assert more.mistakes is not None
    assert more.verdict is not None
    said = visible(page(more))
    sure = sum(one.decision == "decided" for one in more.uncertainty.adjacent())
    assert f"{sure} of 5 pairs of neighbours are surely in order" in said
    assert "Labels are taken as certain: no votes were given" in said
    assert study_sentences(more.verdict)[0][1] in said
    (table,) = tables_of(more, "ranks")
    best = max(report.scores, key=lambda one: one.real.value or 0.0)
    cells = [table.cell(column, 0)[0] for column in table.shown]
    assert cells == [best.model, formatting.bare(best.real.value), "1"]
    (kinds,) = tables_of(more, "mistakes")
    for row in kinds.records():
        score = next(one for one in report.scores if one.model == row["model"])
        wrong = score.real.n_scored - score.real.n_correct
        named = [row[name] for name in MISTAKE_KINDS if name in row]
        assert row["n_mistakes"] == wrong == sum(named)


@pytest.mark.parametrize(
    ("gain", "title", "says"),
    [
        ("less", "is worth less ReaL accuracy than before", "is worth less than before"),
        ("holds", "is worth as much ReaL accuracy as before", "is worth as much as before"),
        ("open", "is worth at the top is open", "is worth at the top is open"),
    ],
)
def test_first_lines_and_titles_follow_the_rules_of_the_verdict(
    gain: Gain, title: str, says: str, report: Report, study: Study
) -> None:
    """What the halves of the models look like is no claim; the verdict's rules are."""
    labels, benchmark, models = study
    found = study_verdict(labels, benchmark, models, n_resamples=100, rng=np.random.default_rng(0))
    answers: dict[Gain, Answer] = {"less": "weaker", "holds": "yes", "open": "open"}
    judged = replace(
        report, verdict=replace(found, judgement=Judgement(answers[gain], "open", gain))
    )
    assert title in progress(judged).title
    (about,) = (one for one in questions(judged) if one.asked == "Is the gain real?")
    assert says in about.answer
    assert answer(judged).word == answers[gain].capitalize()
    assert answer(report).word == ""
    assert "worth" not in progress(report).title


def test_a_model_leads_where_its_lead_is_decided(study: Study, report: Report) -> None:
    labels, benchmark, models = study
    inputs = ReportInputs(labels, benchmark, models, report.scores)
    few = assemble_report(inputs, "Few", n_resamples=100)
    assert few.uncertainty.adjacent()[0].decision == "decided"
    assert "leads with" in accuracies(few).title
    assert "leads" not in accuracies(report).title  # nobody asked how sure that is
    twins = [models[-1], replace(models[-1], model="twin")]
    level = assemble_report(
        ReportInputs(labels, benchmark, twins, list(score_models(twins, labels, benchmark))),
        "Level", n_resamples=100,
    )  # fmt: skip
    assert "leads" not in accuracies(level).title
    assert "are level" in questions(level)[1].answer


def test_of_models_that_score_the_same_one_is_the_best_on_the_whole_page(study: Study) -> None:
    labels, benchmark, models = study
    best = models[-1]
    twins = [replace(best, model=name) for name in ("twin_b", "twin_a")]
    several = [*models[:-1], *twins]
    scores = list(score_models(several, labels, benchmark))
    told = assemble_report(
        ReportInputs(labels, benchmark, several, scores), "Twins", n_resamples=100
    )
    said = visible(page(told))
    assert "best of 7 models, twin_a, reaches" in said
    assert "twin_a reaches" in said
    assert "The best model, twin_a, reaches" in said


def test_galleries_show_pairs_and_lost_labels() -> None:
    lists = [[0, 1]] * 20 + [[2]] * 15 + [[3]] * 15 + [[]] * 5 + [[0, 1, 2]]
    ids = np.array([f"{i:02d}.png" for i in range(len(lists))])
    labels = LabelSets.from_lists("made-up", ids, lists, n_classes=4)
    original = np.array([0] * 20 + [2] * 15 + [2] * 15 + [1] * 5 + [2])
    benchmark = Benchmark("toy", ids, original, Classes.from_names(list("abcd")))
    pairs = class_pairs(labels, classes=benchmark.classes)
    changed = changed_classes(labels, benchmark)
    copied: list[str] = []

    def copies(ids: Sequence[str]) -> dict[str, str]:
        copied.extend(ids)
        return {ids[0]: "data:image/png;base64,AA=="}

    def made() -> dict[str, tuple[Picture, ...]]:
        found = galleries(labels, benchmark, pairs=pairs, changed=changed, small_copies=copies)
        return {one.id: one.pictures for one in found}

    shown = made()
    sets = dict(zip(ids.tolist(), lists, strict=True))
    assert [sets[one.image_id] for one in shown["several"]] == [[0, 1, 2]] + [[0, 1]] * 11
    assert shown["several"][0].source
    assert shown["several"][0].lines == ("now: a, b, c", "originally: c")
    assert {one.image_id for one in shown["none"]} == set(ids[50:55].tolist())
    assert {sets[one.image_id][0] for one in shown["replaced"]} == {3}
    assert len(shown["replaced"]) == 12
    assert "inseparable: a, b; 21 images with both" in shown["of-pairs"][0].lines
    assert {0, 1} <= set(sets[shown["of-pairs"][0].image_id])
    lost = [(one.lines[0], sets[one.image_id]) for one in shown["of-changed"]]
    assert lost == [("b lost 5 of 5", [])] * 3 + [("c lost 15 of 31", [3])] * 3
    assert len(copied) == sum(map(len, shown.values()))
    assert made() == shown


def test_a_figure_is_drawn_from_records_alone(tmp_path):
    ids = np.array([f"{n}.png" for n in range(40)])
    original = np.arange(40) % 4
    benchmark = Benchmark("toy", ids, original)
    labels = LabelSets.from_lists("toy", ids, original[:, None].tolist(), n_classes=4)
    models = [Predictions(name, ids, ((original + (np.arange(40) % n == 0)) % 4)[:, None])
              for name, n in (("a", 3), ("b", 5))]  # fmt: skip
    figure = plot("accuracies", models, labels, benchmark)
    figure.save(tmp_path / "accuracies.svg")
    assert "a: " in (tmp_path / "accuracies.svg").read_text("utf-8")
    assert figure._repr_svg_().startswith("<svg")
    assert "neighbours" in plot("ranks", models, labels, benchmark).title
    with pytest.raises(DataError, match="'ranks' has nothing to show of 1 models"):
        plot("ranks", models[:1], labels, benchmark)
