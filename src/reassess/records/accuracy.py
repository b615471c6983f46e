"""A proportion that keeps its denominator."""

from dataclasses import dataclass

from reassess.errors import DataError


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Right answers over answers that could be judged.

    Attributes:
        n_correct: images whose prediction is right.
        n_scored: images that could be judged.
        n_unlabelled: images left out because no label holds for them.
    """

    n_correct: int
    n_scored: int
    n_unlabelled: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.n_correct <= self.n_scored:
            raise DataError(
                f"accuracy: {self.n_correct} of {self.n_scored} are correct, but the count must lie "
                "between 0 and the number scored."
            )

    @property
    def value(self) -> float | None:
        """The proportion in [0, 1]; None where nothing could be judged."""
        return self.n_correct / self.n_scored if self.n_scored else None
