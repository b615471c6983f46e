"""What ties addresses and forms to one store: the tags in addresses of images, seals of forms.

Leases, tasks and images have numbers that begin at 1 in every database, and browsers keep images
for a day. So an address of an image holds a tag of the store, of the lease and of what is in the
file, and a form a seal of the store and of the very lease that it shows: what comes from another
database at this address, or from this one before it was restored, is found out and refused.
"""

import hashlib
import hmac
import re
from functools import lru_cache
from pathlib import Path

from starlette.exceptions import HTTPException

from reassess import rating
from reassess.rating.experts import GoldTask
from reassess.web.site import Site
from reassess.web.wording import ANOTHER_STORE

_ROUNDS = 4
_HALF = 0xFFFF


def task_seal(site: Site, task: rating.TaskLease) -> str:
    """What a form about a leased task carries: another lease of the same number has another."""
    asked = ",".join(str(question.question) for question in task.questions)
    when = f"{task.leased_at.timestamp():.3f}"
    return site.tag("task", str(task.lease), task.image_id, asked, when).hex()[:32]


def gold_seal(site: Site, task: GoldTask) -> str:
    """What a form about a task to judge carries."""
    asked = ",".join(map(str, task.questions))
    return site.tag("gold", str(task.task), task.image_id, asked).hex()[:32]


def image_seal(site: Site, counts: rating.ImageCounts) -> str:
    """What a form about a contested image carries."""
    asked = ",".join(str(question.question) for question in counts.questions)
    return site.tag("adjudicate", counts.image_id, asked).hex()[:32]


def check_seal(seal: str, form: str | None) -> None:
    """Refuse a form that shows something else than what it would be stored for.

    Args:
        seal: what the form must carry.
        form: what it carries; programs, whose session is of this store, may leave it out.

    Raises:
        HTTPException: the two differ.
    """
    if form and not hmac.compare_digest(seal.encode(), form.encode(errors="replace")):
        raise HTTPException(409, ANOTHER_STORE)


def task_image(site: Site, task: rating.TaskLease) -> str | None:
    """The address of a task's image; None where it has no file."""
    tag = image_tag(site, "task", task_seal(site, task), site.image_path(task.image_id))
    return None if tag is None else f"{site.root_path}/screens/{task.lease}/image?of={tag}"


def gold_image(site: Site, task: GoldTask) -> str | None:
    """The address of the image of a task to judge; None where it has no file."""
    tag = image_tag(site, "gold", gold_seal(site, task), site.image_path(task.image_id))
    return None if tag is None else f"{site.root_path}/gold/{task.task}/image/{tag}"


def contested_image(site: Site, counts: rating.ImageCounts) -> str | None:
    """The address of a contested image; None where it has no file."""
    tag = image_tag(site, "contested", counts.image_id, site.image_path(counts.image_id))
    code = image_code(site, counts.image)
    return None if tag is None else f"{site.root_path}/adjudicate/{code}/image/{tag}"


def example_tag(site: Site, image_id: str) -> str | None:
    """What an address calls an example image, without its id; None where it has no file."""
    return image_tag(site, "example", image_id, site.image_path(image_id))


def image_tag(site: Site, kind: str, of: str, path: Path | None) -> str | None:
    """A tag of the store, of what shows an image, and of what is in its file."""
    content = None if path is None else file_digest(path)
    return None if content is None else site.tag(kind, of, content).hex()[:24]


def check_tag(address: str | None, tag: str) -> None:
    """Refuse the address of an image that is not, or no longer, what would be sent.

    Args:
        address: the address of the image as it is; None where there is none.
        tag: the tag that was asked for.

    Raises:
        HTTPException: the two do not go together.
    """
    now = "" if address is None else re.split("[/=]", address)[-1]
    if not now or not hmac.compare_digest(now.encode(), tag.encode(errors="replace")):
        raise HTTPException(404, ANOTHER_STORE)


def file_digest(path: Path) -> str | None:
    """A digest of what is in a file; None where it cannot be read."""
    try:
        known = path.stat()
        return _digest(path, known.st_ino, known.st_size, known.st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=65_536)
def _digest(path: Path, *_: int) -> str:
    """Read once as long as inode, size and time stay: a digest of every page's image costs."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def image_code(site: Site, number: int) -> str:
    """What pages about votes call an image: neither its id nor its number tells its class.

    Images are numbered in the order of their ids, and so often class by class.
    """
    return f"{_swap(site, number, range(_ROUNDS)):08x}"


def image_number(site: Site, code: str) -> int:
    """The number behind a code."""
    turned = (int(code, 16) >> 16) | ((int(code, 16) & _HALF) << 16)
    back = _swap(site, turned, range(_ROUNDS)[::-1])
    return (back >> 16) | ((back & _HALF) << 16)


def _swap(site: Site, number: int, rounds: range) -> int:
    """A Feistel network of 32 bits; with its rounds backwards it undoes itself.

    Source: Luby and Rackoff, How to construct pseudorandom permutations from pseudorandom
        functions, 1988.
    """
    left, right = number >> 16, number & _HALF
    for turn in rounds:
        tag = site.tag("code", str(turn), str(right))
        left, right = right, left ^ int.from_bytes(tag[:2], "big")
    return (left << 16) | right
