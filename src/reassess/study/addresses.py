"""Where people reach a study's site: its public address, and the path below which it lies there.

Source: RFC 3986, section 2.3, for the characters that a path needs not escape.
"""

import re
from urllib.parse import urlsplit

from reassess.errors import OptionError

_ROOT_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


def check_root_path(root_path: str, *, name: str = "root_path") -> str:
    """A root path, without a slash at the end; empty where the site has its host for itself.

    Args:
        root_path: the path below which a proxy serves the site, as ``/pilot``.
        name: what messages call it.

    Raises:
        OptionError: it is no plain path from the root of a host.
    """
    plain = root_path.rstrip("/")
    if _ROOT_PATH.fullmatch(plain) is None:
        raise OptionError(
            f"{name} is {root_path!r}, but must begin with / and hold letters, digits, -, _, . "
            "and ~ only. Give the path on the host, such as /pilot."
        )
    return plain


def check_base_url(base_url: str, *, name: str = "base_url") -> str:
    """A public address, without a slash at the end.

    Args:
        base_url: what people type to reach the site, as ``https://rate.example.org/pilot``.
        name: what messages call it.

    Raises:
        OptionError: it does not begin with http:// or https://, names no host, or says more than
            a host and a path.
    """
    try:
        parts = urlsplit(base_url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
        has_more = bool(parts.query or parts.fragment or parts.username)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        is_whole, has_more = False, False
    if not is_whole:
        raise OptionError(
            f"{name} is {base_url!r}, but must begin with http:// or https:// and name a host. "
            "Give the address that people type."
        )
    if has_more:
        raise OptionError(
            f"{name} is {base_url!r}, but must hold a host and a path only. Leave out what "
            "stands before @ and from ? or # on."
        )
    return f"{parts.scheme}://{parts.netloc}{check_root_path(parts.path, name=name)}"


def root_path_in(base_url: str) -> str:
    """The root path of a public address; empty where it has none."""
    return urlsplit(base_url).path.rstrip("/")
