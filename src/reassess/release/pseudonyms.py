"""Names that tell nothing, the same in every release of a study.

A pseudonym is a keyed hash of a name. The key lies in the study, beside its database, and in no
release: with it names could be tried, without it a pseudonym says nothing.
"""

import hashlib
import hmac
import secrets
from dataclasses import replace
from pathlib import Path

import numpy as np

from reassess.errors import FileError
from reassess.files import write_atomically
from reassess.records import Gold, Votes

KEY_FILE = ".release-key"
_LENGTH = 10
"""Hexadecimal digits: two of 10,000 people have one with a chance of 1 in 20,000."""


def release_key(folder: Path) -> bytes:
    """The key of a study, made where there is none.

    Raises:
        FileError: it cannot be read or written, or is no key.
    """
    path = folder / KEY_FILE
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        text = secrets.token_hex(32)
        with write_atomically(path) as beside:
            beside.write_text(text + "\n", encoding="ascii")
            beside.chmod(0o600)
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: the key of pseudonyms cannot be read ({error}).") from error
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise FileError(
            f"{path}: it must hold the key of pseudonyms, 64 hexadecimal digits. Remove it to have "
            "new pseudonyms."
        ) from error


def pseudonymous(votes: Votes, key: bytes, prefix: str) -> Votes:
    """The votes with other names, sorted by question and pseudonym, without the time of day.

    Args:
        votes: the votes.
        key: of the study.
        prefix: what the pseudonyms begin with.

    Raises:
        DataError: two names have one pseudonym.
    """
    names = np.array([_pseudonym(name, key, prefix) for name in votes.rater_ids.tolist()])
    order = np.argsort(names, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    rater = place[votes.rater]
    rows = np.lexsort((votes.answer, rater, votes.question))
    return replace(
        votes.take(rows), rater_ids=names[order], rater=rater[rows], given_at=None, sha256=""
    )


def pseudonymous_gold(gold: Gold, key: bytes) -> Gold:
    """Gold with other names for the experts.

    Raises:
        DataError: two names have one pseudonym.
    """
    return Gold(pseudonymous(gold.votes, key, "expert"))


def _pseudonym(name: str, key: bytes, prefix: str) -> str:
    digest = hmac.new(key, f"{prefix} {name}".encode(), hashlib.sha256).hexdigest()
    return f"{prefix}-{digest[:_LENGTH]}"
