"""How large a difference between two models a benchmark can show.

Letters: n images.

Source: R. Connor (1987), "Sample size for testing differences in proportions for the paired-sample
design", Biometrics 43:207-211.
"""

import math

from reassess.errors import OptionError
from reassess.statistics.intervals import z_critical


def detectable_difference(
    n_images: int, disagreement: float, *, power: float = 0.8, confidence: float = 0.95
) -> float | None:
    """The smallest difference of two accuracies that McNemar's test finds with this power.

    Models are judged on the same images: what counts is on how many of them one is right and the
    other wrong. The exact test of `mcnemar_exact` is a little more cautious than this.

    Args:
        n_images: images that both models are judged on.
        disagreement: share of them on which one model is right and the other wrong, in (0, 1].
        power: chance that the test finds the difference, in [0.5, 1).
        confidence: of the two-sided test, in (0, 1).

    Returns:
        A fraction in (0, 1]; None where no difference that so few images leave possible is found.

    Raises:
        OptionError: there is no image, or a share is outside its range.
    """
    if n_images < 1:
        raise OptionError(f"the number of images is {n_images}, but must be 1 or more.")
    if not 0 < disagreement <= 1:
        raise OptionError(f"the disagreement is {disagreement:g}, but must be in (0, 1].")
    if not 0.5 <= power < 1:
        raise OptionError(f"the power is {power:g}, but must be in [0.5, 1).")
    z_test, z_power = z_critical(confidence), 0.0 if power == 0.5 else z_critical(2 * power - 1)
    # sqrt(n) d = z_test sqrt(p) + z_power sqrt(p - d^2), solved for d.
    a = n_images + z_power**2
    b = 2 * math.sqrt(n_images * disagreement) * z_test
    c = disagreement * (z_test**2 - z_power**2)
    found = (b + math.sqrt(max(b * b - 4 * a * c, 0.0))) / (2 * a)
    return found if found <= disagreement else None
