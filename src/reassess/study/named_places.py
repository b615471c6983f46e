"""Paths and databases as a manifest names them: near the study by a relative path, no secrets."""

import os
import re
from os import PathLike
from pathlib import Path


def below(folder: Path, path: str | PathLike[str]) -> str | None:
    """A path from a folder that it lies in, with ``/``; None for one that lies elsewhere."""
    above, named = (os.path.normpath(one) for one in (folder.absolute(), Path(path).absolute()))
    if not Path(named).is_relative_to(above):
        return None
    return Path(named).relative_to(above).as_posix()


def as_named(path: str | PathLike[str], folder: str | PathLike[str]) -> str:
    """How a manifest names a path: relative where it lies in or beside the study's folder."""
    absolute = Path(path).absolute()
    base = Path(folder).absolute()
    beside = base.parent
    if absolute.is_relative_to(beside):
        return Path(os.path.relpath(absolute, base)).as_posix()
    return absolute.as_posix()


SQLITE = "sqlite:///"
"""How the URL of a database in one file begins."""

_USER = re.compile(r"(?P<scheme>[\w+.-]+://)(?P<user>[^:/@]*)(?::(?P<password>.*))?@")
_SECRETS = {"password", "sslpassword"}


def database_as_named(url: str, folder: str | PathLike[str]) -> str:
    """How a manifest names a database: without a password, a path of SQLite as `as_named`."""
    path = url.removeprefix(SQLITE)
    if path != url:
        return SQLITE + as_named(path, folder)
    return without_password(url)


def without_password(url: str) -> str:
    """A database's URL without its password, which has no place in a file that is shared."""
    found = _USER.match(url)
    if found is not None and found["password"] is not None:
        url = f"{found['scheme']}{found['user']}@{url[found.end() :]}"
    before, mark, query = url.partition("?")
    kept = [one for one in query.split("&") if one.partition("=")[0].lower() not in _SECRETS]
    return before + mark + "&".join(kept) if any(kept) else before
