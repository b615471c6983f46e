"""What people declare that words or codes for answers mean, and what to type where they must.

``["nein", "vielleicht", "ja"]`` lists the answers in order, ``{"nein": "no", "ja": "yes"}`` says
for each word whether it means no, maybe or yes.
"""

import difflib
import re
from collections.abc import Mapping, Sequence

from reassess.errors import DataError, OptionError
from reassess.notes import note
from reassess.records import ANSWERS
from reassess.records.benchmark import plain_text

DeclaredAnswers = Sequence[str] | Mapping[str, str]
"""Names of the answers in order; or for each word no, maybe or yes."""

OURS = {name: name for name in ANSWERS}
"""Declared for gold: only our own words, and the codes 0, 1, 2 of the published archive."""

CODE = re.compile(r"\d+(\.0+)?", re.ASCII)

_USUAL = {
    "no": ("n", "f", "false", "nein", "non", "não", "nie", "absent", "0", "-1"),
    "maybe": ("unsure", "unclear", "not sure", "uncertain", "vielleicht", "unsicher", "peut-être"),
    "yes": ("y", "t", "true", "ja", "j", "oui", "si", "sí", "sim", "tak", "present", "1"),
}
"""Words that are suggested, never taken, for an answer."""


def declared_answers(text: str | None) -> list[str] | dict[str, str] | None:
    """What ``A,B,…`` or ``A=no,B=yes,…`` declares, as ``--answers`` and manifests write it.

    Raises:
        OptionError: some words have a meaning and others have none, or one has two.
    """
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    if "=" not in text:
        return words
    pairs = [word.rpartition("=") for word in words]
    meaning = {word.strip(): name.strip() for word, _, name in pairs}
    if "" in meaning or len(meaning) < len(words):
        raise OptionError(
            f"--answers is {text!r}, but each word must have one meaning, as in "
            "nein=no,vielleicht=maybe,ja=yes."
        )
    return meaning


def check_declared(declared: DeclaredAnswers | None) -> None:
    """Refuse a declaration of answers that says less than two, or one twice.

    Raises:
        OptionError: it does.
    """
    if declared is None:
        return
    names = [plain_word(name) for name in declared]
    least = 1 if isinstance(declared, Mapping) else 2
    if "" in names or len(set(names)) < max(least, len(names)):
        raise OptionError(
            f"--answers is {','.join(declared)!r}, but must be two or more different names, as "
            "no,maybe,yes."
        )
    if isinstance(declared, Mapping):
        wrong = [word for word, name in declared.items() if plain_word(name) not in ANSWERS]
        if wrong:
            raise OptionError(
                f"--answers says {wrong[0]}={declared[wrong[0]]}, but each word must mean one of "
                f"{', '.join(ANSWERS)}, as nein=no,vielleicht=maybe,ja=yes."
            )


def ours_in_order(names: Sequence[str], source: str) -> list[int] | None:
    """Which of no, maybe, yes each declared name stands for, on questions about pairs.

    Two names are no and yes, three are no, maybe and yes; our own words say it themselves.

    Args:
        names: the names, in the order of their codes.
        source: what holds the answers, for messages.

    Returns:
        A code for each name; None where there are others than two or three.

    Raises:
        DataError: one of our own words stands where another answer would be.
    """
    plain = [plain_word(name) for name in names]
    if set(plain) <= set(ANSWERS):
        return [ANSWERS.index(name) for name in plain]
    if len(plain) not in {2, 3}:
        return None
    places = [0, 2] if len(plain) == 2 else [0, 1, 2]
    wrong = [
        name
        for name, place in zip(plain, places, strict=True)
        if name in ANSWERS and ANSWERS.index(name) != place
    ]
    if wrong:
        raise DataError(
            f"{source}: the answers are declared as {', '.join(names)}, in which {wrong[0]!r} is "
            "out of place, but they must be in the order no, maybe, yes. Say what each word means: "
            f"--answers {suggested_answers(plain)}."
        )
    note(
        f"{source}: the answers {', '.join(names)} were read as "
        f"{', '.join(ANSWERS[place] for place in places)}, in this order."
    )
    return places


def suggested_answers(words: Sequence[str], *, near: bool = False) -> str:
    """What to type to say what words mean; a suggestion, where the word is a usual one or near."""
    usual = {word: name for name, some in _USUAL.items() for word in some}
    if not set(words) <= {"-1", "0", "1"} and any(CODE.fullmatch(word) for word in words):
        usual = {}
    if near:
        for word in words:
            usual[word] = (difflib.get_close_matches(word, ANSWERS, 1, 0.6) or ["no|maybe|yes"])[0]
    return ",".join(f"{word[:40]}={usual.get(word, 'no|maybe|yes')}" for word in words[:6])


def plain_word(text: str) -> str:
    """A word as words are compared; codes without a fraction of zeros, as pandas may write."""
    word = plain_text(text).lower()
    return str(int(word.partition(".")[0])) if CODE.fullmatch(word) and len(word) < 18 else word
