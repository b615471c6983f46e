"""How long a page of 1,556 models takes to open: ours, and one of its figures by vega-embed.

    REASSESS_DATA=DIR .venv/bin/python benchmarks/report_page.py

Ours is the whole report under the names of timm's 1,556 rows. The peer is its scatter plot alone,
the way altair writes one for offline use: the same specification, compiled and drawn by
vega-embed when the page opens. Best of seven, in Chromium (``CHROMIUM`` names it).
"""

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from reassess import Catalog, LabelSets, Predictions, score_models
from reassess.analysis.findings import find
from reassess.records import align
from reassess.report import Report, write_report
from reassess.report.export import write_figure
from reassess.report.figures import progress

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
N_IMAGES, N_FEW, N_RUNS = 2000, 20, 7


def made_report() -> Report:
    """Twenty models on ImageNet's first images, told under timm's names."""
    catalog = Catalog.default()
    rng = np.random.default_rng(0)
    benchmark = catalog.benchmark("imagenet")
    labels: LabelSets = catalog.labels("imagenet-real").take(np.arange(N_IMAGES))
    row = align(labels.image_ids, benchmark.image_ids, source="labels", target_name="imagenet")
    original = benchmark.original[row]
    models = []
    for m in range(N_FEW):
        right = rng.random(N_IMAGES) < 0.4 + 0.025 * m
        top = np.where(right, original, rng.integers(1000, size=N_IMAGES))
        models.append(Predictions(f"m{m}", labels.image_ids, np.stack([top, (top + 1) % 1000], 1)))
    scores = list(score_models(models, labels, benchmark, subset=True))
    found = find(labels, benchmark, models, scores=scores)
    rows = catalog.results()
    names = [f"{m} at {s}" for m, s in zip(rows.model, rows.img_size, strict=True)][:1556]

    def often(few: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(replace(few[m % len(few)], model=name) for m, name in enumerate(names))

    found = replace(found, preferences=often(found.preferences), later=often(found.later))
    return Report("1,556 models", found, often(scores), labels, benchmark)


def milliseconds(browser: Browser, path: Path, drawn: str) -> tuple[float, float]:
    """Until the load event, and until something that ``drawn`` selects is there; the best."""
    loads, charts = [], []
    for _ in range(N_RUNS):
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        page.add_init_script(
            "const look = () => document.querySelector(" + repr(drawn) + ")"
            " ? (window.drawnAt = performance.now()) : requestAnimationFrame(look);"
            "requestAnimationFrame(look);"
        )
        page.goto(path.as_uri())
        page.wait_for_function("window.drawnAt")
        loads.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
        charts.append(page.evaluate("window.drawnAt"))
        page.close()
    return min(loads), min(charts)


def main() -> None:
    """Write both pages and open them."""
    report = made_report()
    figure = progress(report)
    assert figure is not None
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        ours, peer = Path(folder) / "report.html", Path(folder) / "figure.html"
        began = time.perf_counter()
        write_report(report, ours)
        print(f"written in {time.perf_counter() - began:.1f} s, {ours.stat().st_size:,} bytes")
        write_figure(figure, peer)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        load, chart = milliseconds(browser, ours, ".chart svg.wide [data-tip]")
        print(f"ours, the whole page: load event {load:.0f} ms, first chart there {chart:.0f} ms")
        load, peers = milliseconds(browser, peer, "#chart svg .mark-symbol path")
        print(f"one figure by vega-embed: load event {load:.0f} ms, there {peers:.0f} ms")
        print(f"ratio to the first chart: {peers / chart:.1f}")
        browser.close()


if __name__ == "__main__":
    main()
