"""The page in a real browser: it stands alone, it is quick to open, its parts answer."""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reassess.analysis.findings import find
from reassess.analysis.sensitivity import sensitivity
from reassess.errors import DataError
from reassess.files import sha256_of
from reassess.notes import NoteWarning
from reassess.records import Benchmark, Classes, LabelSets, Predictions
from reassess.report import Input, Report, write_report
from reassess.report.rank_sentences import decided_sentence
from reassess.scoring import score_models
from reassess.study import collect, open_study, run_study
from reassess.study.report_inputs import build_report, build_verdict
from tests.study.small import rated_study

pytest.importorskip("vl_convert")

N_MANY = 1500
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the small study; most of its pictures are real ones, larger than a copy."""
    folder = tmp_path_factory.mktemp("told")
    study = rated_study(folder)
    for n, path in enumerate(sorted((folder / "photos").rglob("*.jpg"))):
        if n % 9:
            Image.new("RGB", (320, 200), (n % 256, 80, 120)).save(path)
    return write_told(study.folder)


def write_told(study: Path) -> Path:
    write_report(
        build_report(collect(open_study(study)), command="reassess report s", n_resamples=50),
        study / "r.html",
    )
    return study / "r.html"


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of 1,500 models of forty families: twenty, each told under 75 names."""
    rng = np.random.default_rng(0)
    n_images, n_classes = 400, 50
    ids = np.array([f"{i:04d}.jpg" for i in range(n_images)])
    original = rng.integers(n_classes, size=n_images)
    other = np.where(rng.random(n_images) < 0.4, rng.integers(n_classes, size=n_images), original)
    sets = [sorted({int(o), int(p)}) for o, p in zip(original, other, strict=True)]
    classes = Classes.from_names([f"class number {k}" for k in range(n_classes)])
    benchmark = Benchmark("big", ids, original, classes)
    labels = LabelSets.from_lists("real", ids, sets, n_classes=n_classes)
    models = []
    for m in range(20):
        right = rng.random(n_images) < 0.4 + 0.028 * m
        top = np.where(right, original, np.where(rng.random(n_images) < 0.3, other, 0))
        models.append(Predictions(f"m{m}", ids, np.stack([top, (top + 1) % n_classes], axis=1)))
    scores = list(score_models(models, labels, benchmark))
    found = find(labels, benchmark, models, scores=scores)
    names = [f"family{m % 40}_model_{m:04d}.train" for m in range(N_MANY)]

    def told_often(few: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(replace(few[m % len(few)], model=name) for m, name in enumerate(names))

    found = replace(found, preferences=told_often(found.preferences), later=told_often(found.later))
    inputs = [Input(f"model {name}", f"{name}.npz", "0" * 64) for name in names]
    path = tmp_path_factory.mktemp("big") / "report.html"
    report = Report("Big", found, told_often(scores), labels, benchmark, inputs=inputs)
    write_report(report, path)
    return path


def opened(page: Any, path: Path) -> list[str]:
    """Open the page; every address that it asked for until it was quiet."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_load_state("networkidle")
    return asked


def test_it_asks_nobody_and_names_what_it_rests_on(told: Path, open_page: Open) -> None:
    page = open_page()
    assert opened(page, told) == [told.as_uri()]
    text = page.text_content("main")
    for part in ("Krippendorff's alpha", "We reassessed the labels of 401"):
        assert part in text
    stated = page.text_content("#provenance")
    study = told.parent
    for name in ("votes.csv", "gold.csv", "labels.json", "posterior.npz", "../m0.npz"):
        path = (study / name).resolve()
        assert f"{path.name}, SHA-256 {sha256_of(path)}" in stated
    for section in ("accuracy", "agreement", "answers", "images", "labels"):
        source = page.text_content(f"#{section} .source")
        assert f"labels.json ({sha256_of(study / 'labels.json')[:12]})" in source
        assert "Made by: reassess" in source


def test_galleries_show_small_copies_of_images_that_are_there(told: Path, open_page: Open) -> None:
    page = open_page()
    opened(page, told)
    sizes = page.evaluate(
        "[...document.images].map((image) => [image.naturalWidth, image.naturalHeight])"
    )
    assert len(sizes) > 20
    assert set(map(tuple, sizes)) == {(200, 125), (1, 1)}  # what is small already stays so
    for gallery in ("several", "replaced", "of-changed"):
        cards = page.locator(f"#{gallery} li").count()
        assert 0 < page.locator(f"#{gallery} img").count() == cards <= 15
    first = page.locator("#several li").first
    first.get_by_text("How it came to that").click()
    image = first.locator("b").inner_text()
    assert first.locator("code").inner_text() == f"reassess show {told.parent} {image}"


def test_how_sure_ranks_are_is_told_of_images_of_labels_and_of_thresholds(
    told: Path, open_page: Open
) -> None:
    collected = collect(open_study(told.parent))
    found = sensitivity(collected.predictions, collected.labels, collected.posterior)
    verdict = build_verdict(collected, n_resamples=50)
    page = open_page()
    page.goto(f"{told.as_uri()}#thresholds")  # what is folded opens where a link leads
    rows = page.locator("#thresholds tbody tr").all_inner_texts()
    assert len(rows) == len(found.thresholds)
    own = collected.labels.operating_point.threshold
    for t, row in enumerate(rows):
        cells = row.split()
        assert cells[0] == f"{found.thresholds[t]:.3g}"
        assert ("as decided" in row) == (found.thresholds[t] == own)
        best = int(found.accuracy[t].argmax())
        for number in (f"{found.n_labels[t]:,}", found.models[best], f"{found.n_unlabelled[t]:,}"):
            assert number in cells
        moved = np.abs(found.rank[t] - found.rank[found.thresholds.index(own)])
        assert cells[-2:] == [str((moved > 0).sum()), str(moved.max())]
    assert decided_sentence(verdict.uncertainty) in page.inner_text("#ranks")
    assert "because of the labels" in page.inner_text("#ranks")
    assert "Neighbours in rank" not in page.text_content("#progress")
    both = verdict.uncertainty.both
    first = page.locator("#uncertainty tbody tr").first.inner_text()
    best = int(verdict.uncertainty.images.accuracy.argmax())
    assert f"{100 * both.low[best]:.1f}–{100 * both.high[best]:.1f}" in first


def test_answers_that_were_given_twice_are_for_the_site_to_compare(
    told: Path, tmp_path: Path
) -> None:
    """In a file they would be one vote that stands twice, or two answers, which are refused."""
    assert "self-agreement" not in told.read_text("utf-8")
    shutil.copytree(told.parents[1], tmp_path / "copy")
    study = tmp_path / "copy" / "s"
    header, *lines = (study / "votes.csv").read_text().splitlines()
    again = [line for line in lines if ",r1," in line][:10]
    (study / "votes.csv").write_text("\n".join([header, *lines, *again]) + "\n")
    with pytest.warns(NoteWarning, match="10 of .* rows repeat a vote"):
        run_study(open_study(study))
    other = [line.replace(",yes,", ",no,") for line in again]
    (study / "votes.csv").write_text("\n".join([header, *lines, *other]) + "\n")
    with pytest.warns(NoteWarning), pytest.raises(DataError, match="r1"):
        run_study(open_study(study))


def test_pointing_at_a_model_says_its_numbers(big: Path, open_page: Open) -> None:
    page = open_page(viewport={"width": 1200, "height": 900})
    page.goto(big.as_uri())
    page.locator("#chart-progress").scroll_into_view_if_needed()
    tip = page.locator("#tip")
    assert not tip.is_visible()
    dot = page.locator("#chart-progress svg.wide circle[data-tip]").first
    box = dot.bounding_box()
    page.mouse.move(box["x"] + box["width"] + 1, box["y"] + box["height"] / 2)
    assert re.fullmatch(
        r"family\d+_model_\d+\.train\s+ReaL accuracy [\d.]+%\s+original accuracy [\d.]+%",
        tip.inner_text(),
    )
    page.mouse.move(5, 5)
    assert not tip.is_visible()


def test_following_a_model_marks_it_in_every_figure(big: Path, open_page: Open) -> None:
    page = open_page()
    page.goto(big.as_uri())
    page.get_by_label("Follow a model").fill("family19_model_1499.train")
    figures = page.locator(".chart:has(svg.wide circle.ring)")
    assert figures.count() >= 3
    page.locator("#steer output a").click()
    row = page.locator("#models tr.followed")
    assert row.get_by_role("rowheader").inner_text() == "family19_model_1499.train"
    real = re.search(r"[\d.]+", row.locator("td").first.inner_text())[0]
    said = page.locator("#steer output").inner_text()
    assert re.match(rf"ReaL {real} \([\d.–]+\), original [\d.]+", said)
    page.get_by_label("Follow a model").fill("")
    assert page.locator(".ring").count() == 0


def test_a_family_is_sifted_in_figures_and_tables(big: Path, open_page: Open) -> None:
    page = open_page()
    page.goto(big.as_uri())
    page.get_by_label("Show one family").select_option("family7")
    lit = "#chart-progress svg.wide circle[data-tip]:not(.dim)"
    assert page.locator(lit).count() == 38  # models 7, 47, …, 1487
    rows = page.locator("#models tbody tr:visible")
    assert rows.count() == 38
    assert all(name.startswith("family7_") for name in rows.locator("th").all_inner_texts())
    assert "38 of 1,500 models" in page.locator("#steer output").inner_text()
    page.locator("#sift-models").fill("0047")
    assert rows.count() == 1
    page.get_by_label("Show one family").select_option("")
    page.locator("#sift-models").fill("")
    assert rows.count() == 100


def test_a_class_is_found_in_tables_and_galleries(told: Path, open_page: Open) -> None:
    page = open_page()
    page.goto(told.as_uri())
    page.get_by_label("Find a class").fill("class 3")
    rows = page.locator("#changed tbody tr:visible").all_inner_texts()
    assert len(rows) == 1
    assert "Class 3" in rows[0]
    shown = page.locator(".gallery li:visible").all_text_contents()
    assert shown
    assert all("Class 3" in one for one in shown)
    assert f"{len(shown)} images" in page.locator("#steer output").inner_text()


def test_tables_sort_and_show_all(big: Path, open_page: Open) -> None:
    page = open_page()
    page.goto(big.as_uri())
    rows = page.locator("#models tbody tr:visible")
    page.locator("#caption-models").click()
    assert rows.count() == 100
    page.get_by_role("button", name="Show all 1,500 rows").click()
    assert rows.count() == N_MANY
    page.get_by_role("button", name="original", exact=True).click()
    values = page.evaluate(
        "[...document.querySelectorAll('#models tbody tr')].map((r) => +r.cells[2].dataset.sort)"
    )
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]


def test_figures_can_be_saved(big: Path, open_page: Open) -> None:
    page = open_page()
    page.goto(big.as_uri())
    page.get_by_label("Show one family").select_option("family7")
    heads = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "csv": b"model,original,real\n"}
    for kind, head in heads.items():
        with page.expect_download() as saved:
            page.locator(f"#figure-progress button:text-is('{kind.upper()}')").click()
        assert saved.value.suggested_filename == f"progress.{kind}"
        content = Path(saved.value.path()).read_bytes()
        assert content.startswith(head)
        assert b'class="dim"' not in content


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    told: Path, open_page: Open, axe: Callable[[Any], Any], scheme: str
) -> None:
    page = open_page(color_scheme=scheme)
    opened(page, told)
    page.get_by_label("Follow a model").fill("m1")
    assert page.locator(".ring").count() > 0
    assert axe(page) == []


@pytest.mark.parametrize("screen", [(1366, 768), (390, 844)])
def test_five_questions_are_answered_on_the_first_two_screens(
    told: Path, open_page: Open, screen: tuple[int, int]
) -> None:
    width, height = screen
    page = open_page(viewport={"width": width, "height": height})
    page.goto(told.as_uri())
    answers = page.locator(".questions dd")
    assert answers.count() == 5
    last = answers.last.bounding_box()
    assert last["y"] + last["height"] < 2 * height
    assert page.locator(".number").count() == 6
    first = page.locator("header figure").bounding_box()
    assert page.locator(".answer").bounding_box()["y"] < first["y"] < height
    assert page.evaluate("document.documentElement.scrollHeight") < 13 * height


def test_a_phone_needs_no_sideways_scrolling(big: Path, open_page: Open) -> None:
    page = open_page(viewport={"width": 375, "height": 800})
    page.goto(big.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    assert page.locator("#chart-progress svg.narrow").is_visible()
    assert not page.locator("#chart-progress svg.wide").is_visible()


def test_soon_after_opening_every_chart_is_drawn_out_of_sight_too(
    told: Path, open_page: Open
) -> None:
    page = open_page()
    page.goto(told.as_uri())
    page.wait_for_function(
        """[...document.querySelectorAll('.chart')].every((chart) =>
            getComputedStyle(chart).contentVisibility === 'visible')"""
    )
    assert page.locator(".chart").count() > 3


def test_without_scripts_and_on_paper_everything_is_there(told: Path, open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(told.as_uri())
    n_figures = len(re.findall("<figure", told.read_text("utf-8")))
    for fold in page.locator("section.folded > details > summary").all():
        fold.click()
    assert page.locator(".chart svg.wide:visible").count() == n_figures > 3
    assert not page.locator("#steer").is_visible()
    page.reload()
    page.emulate_media(media="print")
    assert page.locator(".chart svg.wide:visible").count() == n_figures
    assert page.locator("nav:visible, button:visible").count() == 0
    assert page.pdf().startswith(b"%PDF")


def test_1500_models_stay_below_5_megabytes(big: Path, open_page: Open) -> None:
    assert big.stat().st_size < 5_000_000
    page = open_page()
    assert opened(page, big) == [big.as_uri()]
    assert page.locator("#chart-progress svg.wide circle[data-tip]").count() == N_MANY
