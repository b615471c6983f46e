"""A study's own instructions: Markdown that can do no harm, and whom raters can ask."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from fastapi import FastAPI

from reassess.web import Site, create_app
from reassess.web.markdown import StudyText, contact_link

from .conftest import Client

TEXT = """# Read this

Look *twice*. <script>alert(1)</script> [bad](javascript:alert(1)) [good](https://example.org)

![seen](https://example.org/track.png)

| a | b |
|---|---|
| 1 | 2 |
"""


@pytest.fixture
def app(site: Site) -> FastAPI:
    return create_app(replace(site, instructions=StudyText(TEXT), contact="me@example.org"))


def test_instructions_are_shown_and_run_nothing(sign_in: Callable[..., Client]):
    page = sign_in("rita").http.get("/instructions").text
    own = page[page.index("<section") : page.index("</section>")]
    for part in (
        "<h2>Read this</h2>",
        "<em>twice</em>",
        'href="https://example.org"',
        "<td>1</td>",
    ):
        assert part in own
    for part in ("<script", 'href="javascript', "<img"):
        assert part not in own
    assert page.count('<a href="mailto:me@example.org">me@example.org</a>') == 2


@pytest.mark.parametrize(("contact", "link"), [
    ("me@x.org", "mailto:me@x.org"), ("https://x.org", "https://x.org"), ("Room 3", None),
    ("javascript:alert(1)", None), ("write to me@x.org", None),
])  # fmt: skip
def test_a_contact_leads_where_it_can(contact: str, link: str | None):
    assert contact_link(contact) == link
