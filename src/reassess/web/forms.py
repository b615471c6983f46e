"""What plain forms send, as numbers and answers; whatever else they say is passed over."""

from starlette.exceptions import HTTPException

MOST_NUMBERS = 50


def number(text: str) -> int | None:
    """A number that is not negative; None where the text is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def numbers(text: str) -> tuple[int, ...]:
    """Numbers between commas, as many as a browser can hold; whatever else is passed over."""
    found = (number(part) for part in text.split(",")[:MOST_NUMBERS])
    return tuple(one for one in found if one is not None)


def answer_in(fields: dict[str, str], name: str) -> int | None:
    """The answer 0, 1 or 2 that a field holds; None where it holds none."""
    said = fields.get(name, "")
    return int(said) if said in ("0", "1", "2") else None


def answers_in(fields: dict[str, str], n_questions: int) -> list[int]:
    """The answers of ``answer-0``, ``answer-1``, …, one for each question.

    Raises:
        HTTPException: a question is unanswered, or an answer is none.
    """
    given = [answer_in(fields, f"answer-{place}") for place in range(n_questions)]
    for place, said in enumerate(given):
        if said is None:
            raise HTTPException(422, f"Question {place + 1} is not answered. Go back to answer it.")
    return [said for said in given if said is not None]
