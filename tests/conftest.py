"""Fixtures that every test may use."""

import os

import hypothesis
import pytest

from reassess.catalog import Catalog

hypothesis.settings.register_profile("reassess", deadline=None, max_examples=50)
hypothesis.settings.load_profile("reassess")


@pytest.fixture(scope="session")
def published() -> Catalog:
    """The published data, or a skip that says why."""
    if not os.environ.get("REASSESS_DATA"):
        pytest.skip("REASSESS_DATA names no folder with the published data")
    return Catalog.default()
