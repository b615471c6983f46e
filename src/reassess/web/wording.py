"""The words that raters read: the paper's questions and answers, and reasons in sentences."""

import re
from dataclasses import dataclass, replace
from functools import cache

from reassess.errors import DataError
from reassess.rating.records import Reason, WhyNotEnrolled
from reassess.web.languages import Language, marked

_COMMA = re.compile("[,،，、]")
"""What stands between an answer's word and its explanation, in whatever script."""

_RESERVED = "12345678?"
"""Keys of the rating page that choose a question or show the keys."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How a study calls its question and the three answers to it, and which keys say them.

    Attributes:
        yes: the answer 2, ``Word, explanation``; its first letter is its key where none is named.
        maybe: the answer 1.
        no: the answer 0.
        question: what is asked about each class; None asks whether it appears in the image.
        yes_key: the key of the answer 2; None for its first letter.
        maybe_key: the key of the answer 1.
        no_key: the key of the answer 0.
        cannot_see_key: the key that says that the image does not show.
        zoom_key: the key that shows the image in full size.
        something_else_key: the key that leads to the text of what else is in the image.
        pause_key: the key that pauses.

    Raises:
        DataError: two of the keys are the same, or one is no single character, or stands for
            something else already.
    """

    yes: str = marked("Yes, 95 % sure this is in the image")
    maybe: str = marked("Maybe, it could plausibly be in the image")
    no: str = marked("No, 95 % sure this is not in the image")
    question: str | None = None
    yes_key: str | None = None
    maybe_key: str | None = None
    no_key: str | None = None
    cannot_see_key: str = "x"
    zoom_key: str = "z"
    something_else_key: str = "e"
    pause_key: str = "p"

    def __post_init__(self) -> None:
        answers = [key for _, key, _, _ in self.answers]
        acts = list(self.acts.values())
        named = [key for key in (self.yes_key, self.maybe_key, self.no_key, *acts) if key]
        odd = [key for key in named if len(key.strip()) != 1 or not key.isprintable()]
        if odd or any(key.lower() in _RESERVED for key in named):
            wrong = odd[0] if odd else next(k for k in named if k.lower() in _RESERVED)
            raise DataError(
                f"[ask]: a key is {wrong!r}, but must be one character, and none of 1 to 8 and ?. "
                "Choose another one."
            )
        if len({*answers, *acts}) < len(answers) + len(acts) or not all(answers):
            raise DataError(
                f"[ask]: the answers are {self.yes!r}, {self.maybe!r} and {self.no!r}, but must "
                f"begin with different letters, which are their keys, none of them "
                f"{', '.join(acts)}. Word them otherwise, or name other keys (yes_key, maybe_key, "
                "no_key, zoom_key, …)."
            )

    @property
    def answers(self) -> tuple[tuple[int, str, str, str], ...]:
        """Value, key, word and explanation, in the order of the page."""
        found = []
        for value, said, named in (
            (2, self.yes, self.yes_key), (1, self.maybe, self.maybe_key), (0, self.no, self.no_key),
        ):  # fmt: skip
            word, _, meaning = _COMMA.sub(",", said, count=1).partition(",")
            first = word[:1] if word[:1].isalpha() else ""
            found.append((value, (named or first).lower(), word.strip(), meaning.strip()))
        return tuple(found)

    def translated(self, language: Language) -> "Wording":
        """The same in a language, as far as a catalogue has it; its keys are made of its words.

        Where the words of another script, or with the same first letters, give no keys, the keys
        stay what they are.
        """
        return _translated(self, language)

    @property
    def acts(self) -> dict[str, str]:
        """The keys that answer nothing, by what they do."""
        return {
            "zoom": self.zoom_key.lower(),
            "else": self.something_else_key.lower(),
            "see": self.cannot_see_key.lower(),
            "pause": self.pause_key.lower(),
        }

    @property
    def keys(self) -> tuple[str, str]:
        """The keys of the answers, and what they stand for, in the order of the page."""
        return " ".join(key for _, key, _, _ in self.answers), ", ".join(
            word.lower() for _, _, word, _ in self.answers
        )

    @property
    def words(self) -> dict[int, str]:
        """The word of each value."""
        return {value: word for value, _, word, _ in self.answers}


@cache
def _translated(wording: Wording, language: Language) -> Wording:
    texts = {name: language.say(getattr(wording, name)) for name in ("yes", "maybe", "no")}
    question = None if wording.question is None else language.say(wording.question)
    try:
        made = replace(wording, question=question, **texts)
        if all(key.isascii() for _, key, _, _ in made.answers):
            return made
    except DataError:  # two of the words begin with the same letter
        pass
    yes, maybe, no = (key for _, key, _, _ in wording.answers)
    return replace(wording, question=question, yes_key=yes, maybe_key=maybe, no_key=no, **texts)


PAPER = Wording()
"""The question and the answers of the paper's task."""

WHY: dict[Reason, tuple[str, str]] = {
    "complete": (
        marked("Nothing is left to answer"),
        marked("You have answered everything that this study has for you. Thank you."),
    ),
    "finished": (
        marked("You have done your part"),
        marked(
            "You have answered as many images as one person is asked to in this study. Thank you."
        ),
    ),
    "wait": (
        marked("Nothing is free just now"),
        marked(
            "What is left is with other people. Some of it may come back; this page looks again "
            "from time to time."
        ),
    ),
    "closed": (
        marked("The study is closed"),
        marked("No new images are given out. Your answers are kept."),
    ),
    "paused": (
        marked("You are paused"),
        marked(
            "The study's owner has paused you. Your answers are kept. Ask the owner when you can "
            "go on."
        ),
    ),
    "not-qualified": (
        marked("You did not qualify"),
        marked(
            "Too few of your answers to the first images were as expected, so there are no more "
            "images for you in this study. Thank you for your time."
        ),
    ),
}
"""Why there is no task: a heading and a sentence."""

CLASS_DONE = (
    marked("This class is done"),
    marked("Nobody needs you for more images of this class just now. Choose another one."),
)
FIRST_ONE_BY_ONE = (
    marked("First some images one by one"),
    marked(
        "The first images come one by one, with all their labels. Answer those, then come back."
    ),
)

BAD_LINK = marked(
    "This link was used already, is out of date, or was not copied whole. If you have signed in "
    "with it before on this device, open the start page. Else ask the study's owner for a new one."
)
NO_ENTRY: dict[WhyNotEnrolled, str] = {
    "unknown": marked("This address is unknown. Copy it whole, or ask the study's owner for it."),
    "over": marked("Nobody can come in by this address any more. Ask the study's owner."),
    "full": marked("As many people have come in by this address as are needed. Thank you."),
    "taken": marked("Somebody has this name already. Choose another one."),
    "not-allowed": marked("You cannot come in by this address. Ask the study's owner."),
    "no-id": marked(
        "The platform did not say who you are. Open the study from the platform's page again."
    ),
}
"""Why an address lets somebody not in."""

BAD_NAME = marked("Choose a name of 1 to 200 letters, without spaces at its ends.")
BAD_PASSWORD = marked("Name and password do not fit together.")
NOT_PRESENT = marked("That is not your present password.")
NOT_THE_SAME = marked("The two are not the same.")
SHORT_PASSWORD = marked("Take a password of at least 10 and at most 1,000 characters.")
TOO_MANY = marked("Too many attempts. Wait a minute, then try again.")
NOTHING_TO_SEE = marked(
    "This image cannot be shown, so nothing can be answered about it. Answer “I cannot see the "
    "image”, or ask the study's owner."
)
CROSS_SITE = "This request came from another site and was refused."
NO_TOKEN = marked("This page is out of date. Go back, reload it and try again.")
ANOTHER_STORE = marked(
    "This page is about another study, or about this one before it was restored, and nothing of it "
    "was stored here. Open the start page: what you can answer is offered there."
)
SIGN_IN = marked("Sign in first.")
CONSENT_FIRST = marked("Read what you agree to first: open the start page.")
PAUSED = marked(
    "You are paused: nothing that you do here is carried out. Your answers are kept. Ask the "
    "study's owner when you can go on."
)
NOT_FOR_YOU = marked("This page is for the study's owner.")
NOT_FOR_RATERS = marked("This page is for experts and the study's owner.")
NOT_YOURS = marked("This task is not yours, or it is there no more. Open the start page.")
NOT_NOW = marked(
    "You cannot do this: you are paused, or what you may do has changed. Ask the study's owner."
)
NOT_STORED = marked(
    "The study's database is full, busy or away. Nothing of this step was stored: send it again. "
    "If it stays so, tell the study's owner."
)
TOO_LARGE = marked("What was sent is too large.")

REFUSED: dict[int, str] = {
    403: marked("That is not allowed"),
    404: marked("There is no such page"),
    405: marked("That is not possible here"),
    409: marked("That belongs to another study"),
    413: marked("That is too large"),
    422: marked("That could not be understood"),
    429: marked("Too many attempts"),
    503: marked("The study cannot be reached just now"),
}
"""What a page with a refusal is called, by its status."""

DID_NOT_WORK = marked("That did not work")

SETTINGS: dict[str, tuple[str, str, bool]] = {
    "votes_per_question": ("Votes a question", "of distinct raters, at most", False),
    "lease_seconds": ("Seconds that a task stays with a rater", "who says nothing", False),
    "gold_rate": ("Hidden gold, %", "of tasks, at random places; at most 50", True),
    "repeat_rate": ("Repeated tasks, %", "to see whether raters agree with themselves", True),
    "n_practice": ("Practice images", "with feedback, before anything else", False),
    "n_qualification": ("Qualification tasks", "gold without feedback, before real ones", False),
    "qualification_accuracy": (
        "Balanced accuracy that qualifies, %",
        "the mean of what is right where the class is there and where it is not; above 50",
        True,
    ),
    "experts_per_gold": ("Experts a gold question", "who must judge it before it is gold", False),
    "gold_exposure": (
        "Raters a gold task",
        "after whom it is no longer hidden among tasks; 0 sets no limit",
        False,
    ),
    "goal": ("Goal of a rater, in tasks", "which their pages show; 0 shows none", False),
}
"""Settings that an owner changes on a page: words, an explanation, and whether in percent."""
