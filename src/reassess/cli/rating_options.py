"""What the commands about a study's votes share: where its database is, and opening it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reassess.errors import MissingExtraError

if TYPE_CHECKING:
    from reassess.rating import Store
    from reassess.study import Study

Command = TypeVar("Command", bound=Callable[..., Any])


def database_option(command: Command) -> Command:
    """``--database``: where the votes are."""
    return click.option(
        "--database",
        metavar="URL",
        help="sqlite:///FILE or postgresql://USER@HOST/NAME, for this command alone.  [default: as "
        "study.toml names it, else rating.db in STUDY]",
    )(command)


@contextmanager
def opened(
    folder: str,
    database: str | None,
    *,
    votes_per_question: int | None = None,
    create: bool = False,
    adopt: bool = False,
) -> "Iterator[tuple[Study, Store]]":
    """A study and its store, closed at the end; only what loads questions makes one.

    Raises:
        MissingExtraError: what the store needs is not installed.
    """
    need("sqlalchemy", "keeping votes")
    from reassess.site.store import open_rating
    from reassess.study import open_study

    study = open_study(folder)
    with open_rating(
        study, database, votes_per_question=votes_per_question, create=create, adopt=adopt
    ) as store:
        yield study, store


def need(package: str, purpose: str) -> None:
    """Say which extra to install where a package is missing.

    Raises:
        MissingExtraError: it is.
    """
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise MissingExtraError(package, "web", purpose)
