"""The words that raters read: the paper's questions and answers, and reasons in sentences."""

from typing import Literal

from reassess.rating.records import Why

Key = Literal["y", "m", "n"]

ANSWERS: tuple[tuple[int, Key, str, str], ...] = (
    (2, "y", "Yes", "95 % sure this is in the image"),
    (1, "m", "Maybe", "it could plausibly be in the image"),
    (0, "n", "No", "95 % sure this is not in the image"),
)
"""Value, key, word and explanation, in the order and with the wording of the paper's screen."""

WORDS = {value: word for value, _, word, _ in ANSWERS}

WHY: dict[Why, tuple[str, str]] = {
    "complete": (
        "Nothing is left to answer",
        "You have answered everything that this study has for you. Thank you.",
    ),
    "wait": (
        "Nothing is free just now",
        (
            "What is left is with other people. Some of it may come back; this page looks again "
            "from time to time."
        ),
    ),
    "closed": ("The study is closed", "No new images are given out. Your answers are kept."),
    "paused": (
        "You are paused",
        (
            "The study's owner has paused you. Your answers are kept. Ask the owner when you can "
            "go on."
        ),
    ),
    "not-qualified": (
        "You did not qualify",
        (
            "Too few of your answers to the first images were as expected, so there are no more "
            "images for you in this study. Thank you for your time."
        ),
    ),
}
"""Why there is no screen: a heading and a sentence."""

BAD_LINK = (
    "This link was used already, is out of date, or was not copied whole. If you have signed in "
    "with it before on this device, open the start page. Else ask the study's owner for a new one."
)
BAD_PASSWORD = "Name and password do not fit together."  # noqa: S105 -- it is what the page says
TOO_MANY = "Too many attempts. Wait a minute, then try again."
CROSS_SITE = "This request came from another site and was refused."
NO_TOKEN = "This page is out of date. Go back, reload it and try again."  # noqa: S105 -- as above
SIGN_IN = "Sign in first."
NOT_FOR_YOU = "This page is for the study's owner."
NOT_STORED = (
    "The study's database is full, busy or away. Nothing of this step was stored: send it again. "
    "If it stays so, tell the study's owner."
)
TOO_LARGE = "What was sent is too large."
