"""The JSON endpoints do what their OpenAPI description says, whatever is sent to them."""

from collections.abc import Callable

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .conftest import Client

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
