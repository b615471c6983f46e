"""Where a study's site is reached: as given, or as its manifest says; written there once given.

A site without a public address is reached where it was last served: the study's folder remembers
host and port, of each of its databases by its id.
"""

import json
from dataclasses import dataclass

from reassess.errors import OptionError
from reassess.files import write_atomically
from reassess.rating import Store
from reassess.site.kept import KEPT, kept_folder
from reassess.study import Study
from reassess.study import change_settings as change_manifest
from reassess.study.addresses import check_base_url, check_root_path, root_path_in

_SERVED = "served-at.json"
_MOST_SERVED = 50


@dataclass(frozen=True, slots=True)
class SiteAddress:
    """Where people reach a site.

    Attributes:
        base_url: the public address, without a slash at the end; None where it is not known.
        root_path: the path below which the site lies on its host; empty for the whole host.
    """

    base_url: str | None
    root_path: str

    @property
    def is_https(self) -> bool:
        """Whether the public address is known to speak https."""
        return self.base_url is not None and self.base_url.startswith("https://")


def site_address(
    study: Study, base_url: str | None = None, root_path: str | None = None
) -> SiteAddress:
    """Where a study's site is reached.

    Args:
        study: the study, whose manifest says what is not given ([site]).
        base_url: the public address.
        root_path: the path below which a proxy serves the site; None is that of the address.

    Raises:
        OptionError: one of them is malformed, or the two contradict each other.
    """
    if base_url is None:
        base_url = study.setting("site", "base_url")
        root_path = study.setting("site", "root_path") if root_path is None else root_path
    base = None if base_url is None else check_base_url(base_url)
    of_base = "" if base is None else root_path_in(base)
    root = of_base if root_path is None else check_root_path(root_path)
    if base is not None and root != of_base:
        raise OptionError(
            f"root_path is {root!r}, but must be the path of the public address {base} "
            f"({of_base or '/'}). Leave one of them out, or make them agree."
        )
    return SiteAddress(base, root)


def name_address(study: Study, address: SiteAddress) -> Study:
    """The study, whose manifest names the address from now on.

    Raises:
        FileError: the manifest cannot be written.
        MissingExtraError: tomlkit is missing.
    """
    root = address.root_path if address.base_url is None else ""
    named = {"base_url": address.base_url, "root_path": root or None}
    return change_manifest(study, "site", named)


def note_served(study: Study, store: Store, address: str | None) -> None:
    """Remember where the study's site is served from this store.

    Args:
        study: the study.
        store: its store.
        address: where people reach it; None where only a proxy knows, and nothing is remembered.

    Raises:
        FileError: the study's folder cannot be written.
    """
    seen = _served(study)
    seen.pop(store.identity.store_id, None)
    if address is not None:
        seen[store.identity.store_id] = address
    with write_atomically(kept_folder(study) / _SERVED) as beside:
        kept = dict(list(seen.items())[-_MOST_SERVED:])
        beside.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def link_address(study: Study, store: Store, base_url: str | None = None) -> str:
    """The address that links to a study's site begin with.

    Args:
        study: the study.
        store: its store.
        base_url: the public address; None is what the study says, else where it was last served.

    Raises:
        OptionError: the address is malformed, or known nowhere.
    """
    known = site_address(study, base_url).base_url or _served(study).get(store.identity.store_id)
    if known is None:
        raise OptionError(
            f"{study.folder}: the site's address is known neither from study.toml ([site] "
            f"base_url) nor from an earlier `serve`. Start it first (reassess serve "
            f"{study.folder}), or give its address: --base-url http://HOST:PORT"
        )
    return known


def _served(study: Study) -> dict[str, str]:
    """Where the site was last served, by the id of its store."""
    try:
        found = json.loads((study.folder / KEPT / _SERVED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
