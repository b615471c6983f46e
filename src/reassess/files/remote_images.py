"""Images that lie elsewhere: below an address of S3, HTTP or another store that fsspec knows.

Each file is fetched once, whole, when it is needed first, and kept on disk: from then on it is a
file as all others are, decoded and checked by the same functions. Where the store can list what it
holds, as S3 can and HTTP cannot, images are found by the ends of their paths too.

What cannot be fetched is tried again after a while, as networks come back. Credentials are never
part of an address: S3's stand where its own tools look for them.
"""

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from reassess.errors import FileError, MissingExtraError, OptionError
from reassess.files.access import write_atomically
from reassess.files.images import SUFFIXES

LARGEST_FILE = 128 * 2**20
"""Bytes; more is not fetched."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_WEB = ("http", "https")
_PAUSE = 30.0
"""Seconds after which what could not be fetched is tried again."""

_CONNECT, _READ = 10, 60
"""Seconds that a store may take to answer, and to send a file."""

_DIGITS = 40


def is_address(text: str | PathLike[str]) -> bool:
    """Whether a folder of images is named by an address rather than a path."""
    return isinstance(text, str) and _ADDRESS.match(text) is not None


def check_address(address: str) -> str:
    """An address of images, without a slash at the end.

    Raises:
        OptionError: it holds credentials, a query or a fragment, or names a local file.
    """
    parts = urlsplit(address)
    if parts.scheme in ("file", "local"):
        raise OptionError(f"{address}: it is a folder of this machine. Give its path alone.")
    if "@" in parts.netloc:
        raise OptionError(
            f"the address of the images on {parts.hostname} holds a name or a password, but must "
            "hold none: study.toml is shared. Leave out what stands before @, and give credentials "
            "where the store's own tools look for them."
        )
    if parts.scheme in _WEB and (parts.query or parts.fragment):
        raise OptionError(
            f"{address}: it must end with a path, below which the images lie. Leave out what "
            "stands from ? or # on."
        )
    return address.rstrip("/")


@dataclass(eq=False)
class RemoteImages:
    """Image files below an address, each fetched once.

    Attributes:
        address: where they lie.
        cache: the folder that keeps what was fetched; made when needed, and may be deleted.
    """

    address: str
    cache: Path
    _failed: dict[str, tuple[float, str]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.address = check_address(self.address)

    def __str__(self) -> str:
        return self.address

    def check(self) -> None:
        """Refuse an address whose store is of no known kind; nothing is asked of it yet.

        Raises:
            FileError: no such store is known.
            MissingExtraError: a package is missing.
        """
        _ = self._store

    def names(self) -> list[str] | None:
        """The path below the address of each file there; None where the store cannot tell.

        Raises:
            FileError: the store cannot be reached, or does not let in.
            MissingExtraError: a package is missing.
        """
        if urlsplit(self.address).scheme in _WEB:
            return None
        store, root = self._store
        start = root.rstrip("/") + "/"
        try:
            store.invalidate_cache()
            found: Sequence[str] = store.find(root)
        except Exception as error:  # each store has exceptions of its own
            raise FileError(
                f"{self.address}: it cannot be listed ({_words(error)}). Check the address, and "
                "the credentials where its own tools look for them."
            ) from error
        return sorted(one.removeprefix(start) for one in found if one.startswith(start))

    def kept(self, name: str) -> Path | None:
        """The file of an image that was fetched; None where it was not."""
        path = self._place(name)
        return path if path.is_file() else None

    def fetch(self, name: str) -> Path | None:
        """The file of an image, fetched where it is not here yet; None where that fails.

        Raises:
            MissingExtraError: a package is missing.
        """
        path = self._place(name)
        if path.is_file():
            return path
        at, _ = self._failed.get(name, (0.0, ""))
        if at and time.monotonic() - at < _PAUSE:
            return None
        store, root = self._store
        try:
            content = self._read(store, root, name)
            self.cache.mkdir(parents=True, exist_ok=True)
            with write_atomically(path) as beside:
                beside.write_bytes(content)
        except Exception as error:  # noqa: BLE001 -- each store has exceptions of its own
            self._failed[name] = (time.monotonic(), _words(error))
            return None
        self._failed.pop(name, None)
        return path

    def problem(self, name: str) -> str | None:
        """Why an image could not be fetched when it was tried last; None where it was."""
        return self._failed[name][1] if name in self._failed else None

    def _read(self, store: Any, root: str, name: str) -> bytes:
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or parts[0] == "/":
            raise ValueError("its id is no path below the address")
        if urlsplit(self.address).scheme in _WEB:
            opened = store.open(f"{self.address}/{quote(name)}", "rb", block_size=0)
        else:
            opened = store.open(f"{root.rstrip('/')}/{name}", "rb")
        with opened as file:
            content: bytes = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ValueError(f"it has more than {LARGEST_FILE:,} bytes")
        return content

    def _place(self, name: str) -> Path:
        key = hashlib.sha256(f"{self.address}\0{name}".encode(errors="surrogatepass")).hexdigest()
        suffix = PurePosixPath(name).suffix.lower()
        return self.cache / (key[:_DIGITS] + (suffix if suffix in SUFFIXES else ""))

    @cached_property
    def _store(self) -> tuple[Any, str]:
        """The store as fsspec opens it, and the address as it calls it."""
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise MissingExtraError("fsspec", "remote", f"images from {self.address}") from error
        try:
            store, root = url_to_fs(self.address, **self._options())
        except ImportError as error:
            package = error.name or "the store's package"
            raise MissingExtraError(package, "remote", f"images from {self.address}") from error
        except ValueError as error:
            raise FileError(
                f"{self.address}: no store of this kind is known ({_words(error)}). Use s3://, "
                "https:// or another that fsspec knows."
            ) from error
        return store, str(root)

    def _options(self) -> dict[str, Any]:
        """How long a store may take."""
        scheme = urlsplit(self.address).scheme
        if scheme in _WEB:
            from aiohttp import ClientTimeout

            timeout = ClientTimeout(total=_READ, connect=_CONNECT)
            return {"client_kwargs": {"timeout": timeout}, "skip_instance_cache": True}
        if scheme in ("s3", "s3a"):
            return {"config_kwargs": {"connect_timeout": _CONNECT, "read_timeout": _READ}}
        return {}


def _words(error: Exception) -> str:
    """What an error says, on one line; its kind where it says nothing."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    text = " ".join(str(error).split())[:200]
    return text or type(error).__name__
