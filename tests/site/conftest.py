"""The stores of the rating tests, for studies; a study of a few tasks."""

from tests.rating.conftest import clock, server, sqlite_template, template, url

__all__ = ["clock", "server", "sqlite_template", "template", "url"]
