"""A real browser for tests: Debian's Chromium, driven by Playwright."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no browser at {CHROMIUM}")
    with sync_playwright() as playwright:
        # A test plays MTurk, whose page may frame a site of this machine only when somebody agrees.
        args = ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks"]
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page; whatever goes wrong in it fails the test, but what a lost connection brings."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def make(**looks: object) -> Any:
        context = browser.new_context(**looks)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert [text for text in wrong if not re.search("ERR_INTERNET|status of 404", text)] == []


@pytest.fixture
def axe() -> Callable[..., list[tuple[str, str]]]:
    """What axe finds wrong with a page by WCAG 2.2 AA: (rule, the first place)."""
    module = pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    script = (Path(module.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

    def run(page: Any, rules: list[str] | None = None) -> list[tuple[str, str]]:
        """Of all rules, or of some by name."""
        page.evaluate(f"() => {{ if (!window.axe) {{ {script} }} }}")
        of = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": WCAG}
        found = page.evaluate("runOnly => axe.run({runOnly})", of)
        return [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]]

    return run
