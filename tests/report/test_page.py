"""The page in a real browser: it stands alone, it is quick to open, its parts answer."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.conftest import Ran
from tests.study.small import rated_study

from reassess.analysis.findings import find
from reassess.files import sha256_of
from reassess.records import Benchmark, Classes, LabelSets, Predictions
from reassess.report import Report, write_report
from reassess.scoring import score_models

pytest.importorskip("vl_convert")


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small study with labels, its pictures real ones."""
    folder = tmp_path_factory.mktemp("told")
    rated_study(folder)
    for n, path in enumerate(sorted((folder / "photos").rglob("*.jpg"))):
        if n % 9:
            Image.new("RGB", (320, 200), (n % 256, 80, 120)).save(path)
    return folder


@pytest.fixture
def told(
    rated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Ran]
) -> Path:
    """The report of the study, as `reassess report s` writes it."""
    shutil.copytree(rated, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    ran = cli("report", "s", "--figures", "figures")
    assert ran.status == 0, ran
    return tmp_path / "copy" / "s" / "report.html"


def watched(page: Any, path: Path) -> list[str]:
    """Open the page until its charts are drawn; every address that it asked for."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('.chart:not(.live)').length === 0")
    return asked


def test_the_report_of_a_study(told: Path, open_page: Callable[..., Any]) -> None:
    page = open_page()
    assert watched(page, told) == [told.as_uri()]
    text = page.inner_text("body")
    for part in ("are we done with it?", "Krippendorff's alpha", "We reassessed the labels of 401"):
        assert part in text
    folder = told.parent
    for name in ("votes.csv", "gold.csv", "labels.json", "posterior.npz"):
        assert sha256_of(folder / name) in text
    assert sha256_of(folder.parent / "m0.npz") not in ""
    assert "reassess" in page.locator("#provenance").inner_text()
    widths = page.evaluate(
        "[...document.querySelectorAll('.gallery img')].map((one) => one.naturalWidth)"
    )
    assert len(widths) > 5
    assert set(widths) == {200}
    assert {one.suffix for one in Path("figures").iterdir()} == {".png", ".svg", ".pdf"}
    assert next(Path("figures").glob("*.pdf")).read_bytes().startswith(b"%PDF")


def test_tables_filter_and_sort(big: Path, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(big.as_uri())
    rows = page.locator("#models tbody tr:visible")
    assert rows.count() == 100
    page.get_by_role("button", name="Show all 1,500 rows").click()
    assert rows.count() == 1500
    page.locator("input[data-table=models]").fill("family7_ 0047")
    assert rows.count() == 1
    assert "family7_model_0047" in rows.inner_text()
    page.locator("input[data-table=models]").fill("")
    page.get_by_role("button", name="original", exact=True).click()
    values = page.evaluate(
        "[...document.querySelectorAll('#models tbody tr')].map((r) => +r.cells[2].dataset.sort)"
    )
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    told: Path, open_page: Callable[..., Any], axe: Callable[[Any], Any], scheme: str
) -> None:
    page = open_page(color_scheme=scheme)
    watched(page, told)
    assert axe(page) == []


def test_without_scripts_and_on_paper_everything_is_there(
    told: Path, open_page: Callable[..., Any]
) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(told.as_uri())
    n_figures = len(re.findall("<figure", told.read_text("utf-8")))
    assert page.locator(".chart svg").count() == n_figures > 3
    assert page.pdf().startswith(b"%PDF")


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of 1,500 models."""
    rng = np.random.default_rng(0)
    n_images, n_classes = 400, 50
    ids = np.array([f"{i:04d}.jpg" for i in range(n_images)])
    original = rng.integers(n_classes, size=n_images)
    sets = [sorted({int(o), int(rng.integers(n_classes))}) if rng.random() < 0.3 else [int(o)]
            for o in original]  # fmt: skip
    classes = Classes.from_names([f"class number {k}" for k in range(n_classes)])
    benchmark = Benchmark("big", ids, original, classes)
    labels = LabelSets.from_lists("real", ids, sets, n_classes=n_classes)
    models = []
    for m in range(1500):
        wrong = rng.random(n_images) > 0.4 + 0.5 * m / 1500
        top = np.where(wrong, rng.integers(n_classes, size=n_images), original)
        ranked = np.column_stack([top, rng.integers(n_classes, size=(n_images, 2))])
        models.append(Predictions(f"family{m % 40}_model_{m:04d}.train_in1k", ids, ranked))
    scores = tuple(score_models(models, labels, benchmark))
    findings = find(labels, benchmark, models, scores=scores)
    provenance = [(f"model {one.model}", f"{one.model}.npz, SHA-256 {'0' * 64}") for one in models]
    path = tmp_path_factory.mktemp("big") / "report.html"
    write_report(Report("Big", findings, scores, labels, benchmark, provenance=provenance), path)
    return path


def test_1500_models_stay_below_5_megabytes_and_draw(
    big: Path, open_page: Callable[..., Any]
) -> None:
    assert big.stat().st_size < 5_000_000
    page = open_page()
    assert watched(page, big) == [big.as_uri()]
    specs = json.loads(page.inner_text("#specs") or page.text_content("#specs"))
    assert page.locator(".chart.live svg").count() == len(specs)
    assert page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") > 0
