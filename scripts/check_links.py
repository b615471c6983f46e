"""Ask for every address that the documentation links to; the public CI runs this.

    python scripts/check_links.py [PAGE ...]

Links inside the repository are held by ``tests/test_docs.py``, without a network. An address that
refuses programs (403, 429) counts as there; one that is gone, or does not answer twice, does not.
Without a network nothing is checked, which is printed; ``--strict`` then ends with status 1.
"""

import re
import socket
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"https?://[\w-]+\.[^\s)>\]\"'`|]+")
_EXAMPLES = re.compile(
    r"^https?://(?:[\w.-]*example\.|localhost|127\.|host/|bucket|\{|[\w-]+/)", re.IGNORECASE
)
"""Addresses that stand for the reader's own."""
_THERE_ALL_THE_SAME = {403, 405, 406, 429}


def addresses(pages: list[Path]) -> dict[str, str]:
    """Each address, and the first page that links to it."""
    found: dict[str, str] = {}
    for page in pages:
        for link in _LINK.findall(page.read_text(encoding="utf-8")):
            plain = link.rstrip(".,;:")
            if not _EXAMPLES.match(plain):
                found.setdefault(plain, page.relative_to(ROOT).as_posix())
    return found


def fault(address: str) -> str | None:
    """Why an address is not there; None where it is."""
    request = urllib.request.Request(address, headers={"User-Agent": "Mozilla/5.0 (link check)"})
    why = ""
    for wait in (0, 5):
        time.sleep(wait)
        try:
            with urllib.request.urlopen(request, timeout=30):
                return None
        except urllib.error.HTTPError as error:
            if error.code in _THERE_ALL_THE_SAME:
                return None
            why = f"status {error.code}"
        except (OSError, ValueError) as error:
            why = str(error)
    return why


def has_network(addresses: list[str]) -> bool:
    """Whether the name of any of three hosts can be looked up."""
    for host in list(dict.fromkeys(urlsplit(one).hostname for one in addresses))[:3]:
        try:
            socket.getaddrinfo(host, 443)
        except OSError:
            continue
        return True
    return False


def main() -> int:
    """Ask for all of them; 1 where one is not there."""
    strict = "--strict" in sys.argv[1:]
    pages = [Path(one).resolve() for one in sys.argv[1:] if one != "--strict"]
    pages = pages or sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    asked = addresses(pages)
    if not has_network(list(asked)):
        print(f"There is no network here: none of {len(asked):,} addresses was asked for.")
        return int(strict)
    with ThreadPoolExecutor(8) as pool:
        faults = dict(zip(asked, pool.map(fault, asked), strict=True))
    gone = {address: why for address, why in faults.items() if why is not None}
    for address, why in gone.items():
        print(f"{asked[address]}: {address}: {why}")
    print(f"{len(asked) - len(gone):,} of {len(asked):,} addresses are there.")
    return int(bool(gone))


if __name__ == "__main__":
    sys.exit(main())
