"""How far a difference of two models would move if labels had no error, or with other raters.

Both are about these very images, in closed form, from the same fit:

*Of votes.* Other raters of the same crowd answer the same questions. What raters see alike on an
image, right or wrong, they would see again. Given what is seen on a question, votes are
independent: that is what Dawid and Skene's posterior, uncalibrated, is the probability of. The
variance of the calibrated probability p within "seen" and "not seen" is the noise of votes,
Var(p) − q (1 − q) (e₁ − e₀)², q the mean of that posterior, e₁ and e₀ the means of p where the
class is seen and where it is not.

*Of labels.* All that separates labels from the truth: the noise of votes and what raters see wrong
together. A truth t estimated by u without bias has E[u | t] = t, so that E Var(u | t) is
Var(u) − Var(t) = m (1 − m) (1 / ρ − 1), with m the mean of p and ρ its reliability.

Both by the groups of `SoftLabels`, over ρ² where the correction for attenuation blows noise up. On
simulated studies that other raters rate again the first is 0.8 to 1.5 times the variance of
differences that is seen, the second, never below the first, 0.8 to 1.5 times their squared error
about the truth. Between halves of the published raters, who differ in more than their confusion,
the first is about half of what is seen (`docs/statistics.md`). Neither holds the noise of gold.
Letters: M models, a questions that a model predicts, g groups.

Source: W. Rogan and B. Gladen (1978), for u; the law of total variance for the rest.
"""

import numpy as np
from jaxtyping import Float

from reassess.analysis.soft_labels import LEAST_RELIABILITY, N_BINS, SoftLabels


def label_noise(
    soft: SoftLabels,
    probability: Float[np.ndarray, "a"],
    seen: Float[np.ndarray, "a"],
    n_labelled: float,
) -> tuple[Float[np.ndarray, "M M"], Float[np.ndarray, "M M"]]:
    """Covariances of the models' accuracies: from votes, and from all errors of labels.

    Args:
        soft: which question each model's top prediction is about.
        probability: P(the class is in the image) of each question in ``soft.asked``, calibrated.
        seen: the same, as the votes alone say.
        n_labelled: expected number of images that have a label.
    """

    def mean(value: Float[np.ndarray, "a"], mass: Float[np.ndarray, "a"]) -> Float[np.ndarray, "g"]:
        size = np.maximum(np.bincount(soft.group, mass, N_BINS), 1e-12)
        return np.asarray(np.bincount(soft.group, mass * value, N_BINS) / size)

    m, q = mean(probability, soft.n_models), mean(seen, soft.n_models)
    variance = mean(probability**2, soft.n_models) - m**2
    most = m * (1 - m)
    reliability = np.divide(variance, most, out=np.ones(N_BINS), where=most > 1e-12)
    reliability = np.clip(reliability, LEAST_RELIABILITY, 1.0)
    apart = mean(probability, soft.n_models * seen) - mean(probability, soft.n_models * (1 - seen))
    by_votes = np.maximum(variance - q * (1 - q) * apart**2, 0.0) / reliability**2
    of_labels = most * (1 / reliability - 1)
    right = soft.right[: len(soft.asked)].astype(np.float64)
    of_votes, total = (
        (right * noise[soft.group, None]).T @ right / n_labelled**2
        for noise in (by_votes, np.maximum(by_votes, of_labels))
    )
    return of_votes, total
