"""The JSON endpoints do what their OpenAPI description says, whatever is sent to them."""

from collections.abc import Callable

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from reassess import rating
from reassess.rating import Store
from reassess.web import Site
from reassess.web.app import _PARTS, create_app

from .conftest import IMAGES, Client

PATHS = {
    "GET /api/session", "GET /api/standing", "POST /api/screens/next", "GET /api/screens/{lease}",
    "GET /api/screens/{lease}/earlier", "POST /api/screens/{lease}/answers",
    "POST /api/screens/{lease}/return", "POST /api/screens/keep", "GET /api/owner/progress",
    "GET /api/owner/raters",
}  # fmt: skip
HELD = [not_a_server_error, status_code_conformance, content_type_conformance,
        response_schema_conformance]  # fmt: skip


@pytest.mark.parametrize("role", ["rater", "owner", None])
def test_every_endpoint_does_as_described(
    app: FastAPI, sign_in: Callable[..., Client], role: str | None
) -> None:
    headers = {}
    lease = 1
    if role is not None:
        client = sign_in("somebody", role)
        lease = client.task()["lease"]
        token = client.http.get("/api/session").json()["csrf"]
        headers = {
            "X-CSRF-Token": token,
            "Cookie": "; ".join(f"{k}={v}" for k, v in client.http.cookies.items()),
        }
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {operation.label for operation in operations} == PATHS
    assert set(HELD) <= set(CHECKS.get_all())
    statuses = set()

    for operation in operations:

        @settings(
            max_examples=12 if role else 2, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(), own=...)
        def send(case: schemathesis.Case, own: bool) -> None:
            if own and "lease" in case.path_parameters:
                case.path_parameters["lease"] = lease
            answer = case.call_and_validate(headers=headers, checks=HELD)
            statuses.add(answer.status_code)

        send()
    assert (401 in statuses) == (role is None)
    assert (200 in statuses) == (role is not None)


FIELDS = (
    "images", "code", "reason", "name", "role", "channel", "people", "tasks", "goal", "days", "n",
    "who", "study", "session", "digest", "agreed", "language", "place", "key", "seal", "leases",
    "rest", "answer-0", "answer-1", "milliseconds", "something_else", "cannot_see", "note",
    "votes_per_question", "gold_rate", "from", "present", "username",
)  # fmt: skip
"""Of all forms; `password` is missing, as a new one begins a new session."""

SAID = st.one_of(
    st.sampled_from(["", "1", "2", "x", "yes", "owner", "mturk", "0", "50", *IMAGES[:3]]),
    st.text(max_size=30), st.integers(-1, 10**12).map(str),
)  # fmt: skip


def test_every_page_and_form_takes_whatever_an_owner_sends(
    site: Site, store: Store, sign_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All routes, as they are declared: addresses by their types, and any fields of any form."""
    for part in _PARTS:
        monkeypatch.setattr(part.router, "include_in_schema", True)
        for route in part.router.routes:
            monkeypatch.setattr(route, "include_in_schema", True)
    owner = sign_in("somebody", "owner")
    rating.choose_gold(store, IMAGES[:2])
    token = owner.token
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", create_app(site))
    operations = [found.ok() for found in schema.get_all_operations()]
    pages = [one for one in operations if not one.path.startswith("/api/")]
    assert len(pages) > 50
    seen = set()

    for page in pages:
        if page.label == "POST /sign-out":
            continue

        @settings(
            max_examples=2, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(
            case=page.as_strategy(),
            fields=st.dictionaries(st.sampled_from(FIELDS), SAID, max_size=6),
        )
        def send(case: schemathesis.Case, fields: dict[str, str]) -> None:
            answer = owner.http.request(
                case.method, case.formatted_path, params=case.query, follow_redirects=False,
                data={"csrf": token, **fields} if case.method == "POST" else None,
            )  # fmt: skip
            assert answer.status_code < 500, (case.formatted_path, fields, answer.text[:300])
            assert "Traceback" not in answer.text
            seen.add((case.method, answer.status_code))

        send()
    assert {("GET", 200), ("POST", 200), ("POST", 303), ("POST", 422)} <= seen
    assert rating.audit(store) == ()
