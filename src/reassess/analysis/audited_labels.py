"""Skipped images under labels with a probability: what an audit of them says.

Images on which all models agreed keep their original label unrated. Raters were asked about a
random sample of them (`reassess.records.Audit`). How often that label holds, and how often an image
has any label, is one share for each stratum. Probabilities that were calibrated on other images
also say how frequent a truth is there, and skipped images are easier. What is left without that is
the likelihood of the votes. The share is where the likelihood is largest; its interval has the
quantiles of the posterior under Jeffreys' prior for ends, which hold the sample and its votes. It
needs no threshold and lies in [0, 1]. The posterior's mean would not do: where the label of every
skipped image holds, it lies below 1 all the same, by more the less the votes say.

Letters: n images, M models, Q questions, S strata, d drawn images, u drawn pairs beside them.

Source: M. Saerens, P. Latinne, C. Decaestecker (2002), "Adjusting the Outputs of a Classifier to
New a Priori Probabilities", Neural Computation 14:21-41, for what is left without the frequency;
L. D. Brown, T. T. Cai, A. DasGupta (2001), Statistical Science 16:101-133, for Jeffreys' interval.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.records import Audit, Questions, find_keys, pair_keys

N_SHARES = 400
"""Shares at which the likelihood is computed, equally likely under Jeffreys' prior."""

FIRM = 1.0
"""Drawn images on which the label surely holds, by which many the estimate is drawn to 1: where
votes say nothing at all, labels stand, as they do without an audit."""

_INSIDE = 1e-9
_MOST = 30.0  # log-odds beyond which votes say no more


@dataclass(frozen=True, slots=True)
class AuditedShare:
    """How often something holds on the skipped images of each stratum.

    Attributes:
        value: the estimate.
        low: lower end of its interval.
        high: upper end.
        variance: how far the share may lie from ``value``, squared, on average.
    """

    value: Float[np.ndarray, "S"]
    low: Float[np.ndarray, "S"]
    high: Float[np.ndarray, "S"]
    variance: Float[np.ndarray, "S"]

    def at_least(self, other: "AuditedShare") -> "AuditedShare":
        """The same of something that holds wherever the other does, so that it is no less."""
        less = self.value < other.value
        return AuditedShare(
            np.maximum(self.value, other.value),
            np.maximum(self.low, other.low),
            np.maximum(self.high, other.high),
            np.where(less, other.variance, self.variance),
        )


@dataclass(frozen=True, slots=True)
class AuditedImages:
    """Skipped images that an audit drew from, and what was asked about the drawn ones.

    Attributes:
        stratum: of each image the stratum of skipped images; -1 for those of none.
        label: the original label that each such image keeps; -1 for the others.
        image: the d drawn images.
        question: about the label that each of them keeps.
        n_population: images of each stratum.
        beside: questions about other drawn pairs, each of which stands for several.
        stands_for: for how many.
    """

    stratum: Int[np.ndarray, "n"]
    label: Int[np.ndarray, "n"]
    image: Int[np.ndarray, "d"]
    question: Int[np.ndarray, "d"]
    n_population: Int[np.ndarray, "S"]
    beside: Int[np.ndarray, "u"]
    stands_for: Float[np.ndarray, "u"]

    @classmethod
    def of(cls, audit: Audit, questions: Questions, image: Int[np.ndarray, "Q"]) -> "AuditedImages":
        """What an audit drew, among the questions that were put to raters.

        Args:
            audit: aligned to the predicted images.
            questions: that were put to raters.
            image: the predicted image of each; -1 where it was not predicted.
        """
        n_images, pairs = len(audit.pairs.image_ids), questions.require_pairs()
        whole = ~audit.of_kind("unasked")
        stratum, label = np.full(n_images, -1), np.full(n_images, -1)
        stratum[audit.pairs.image[whole]] = audit.stratum[whole]
        label[audit.pairs.image[whole]] = audit.kept[whole]
        drawn = np.unique(audit.pairs.image[whole & audit.drawn])
        n_keys = 1 + int(max(pairs.label.max(), audit.pairs.label.max(), label.max()))
        known = np.flatnonzero(image >= 0)
        key = pair_keys(image[known], pairs.label[known], n_keys)
        order = np.argsort(key)
        place = find_keys(pair_keys(drawn, label[drawn], n_keys), key[order])
        drawn, place = drawn[place >= 0], place[place >= 0]
        weight = audit.n_population / np.maximum(audit.n_drawn, 1)
        is_drawn = np.zeros(n_images, dtype=bool)
        is_drawn[drawn] = True
        # What a new model says of a drawn image beside its label stands for the whole stratum too.
        own = known[is_drawn[image[known]]]
        own = own[pairs.label[own] != label[image[own]]]
        unasked = audit.pairs.take(audit.drawn & ~whole)
        found = find_keys(pair_keys(unasked.image, unasked.label, n_keys), key[order])
        alone = known[order[found[found >= 0]]]
        of_alone = weight[audit.stratum[audit.drawn & ~whole][found >= 0]]
        return cls(
            stratum=stratum,
            label=label,
            image=drawn,
            question=known[order[place]],
            n_population=np.bincount(stratum[stratum >= 0], minlength=len(audit.strata)),
            beside=np.concatenate([own, alone]),
            stands_for=np.concatenate([weight[stratum[image[own]]], of_alone]),
        )

    @property
    def is_drawn(self) -> Bool[np.ndarray, "n"]:
        """Whether each image was drawn as a whole."""
        drawn = np.zeros(len(self.stratum), dtype=bool)
        drawn[self.image] = True
        return drawn

    def share(self, ratio: Float[np.ndarray, "d"], confidence: float) -> AuditedShare:
        """How often something holds in each stratum; surely, where nothing was drawn.

        Args:
            ratio: likelihood of what raters say of each drawn image where it holds, over that where
                it does not.
            confidence: of the intervals.
        """
        share = np.sin(np.linspace(0, np.pi / 2, N_SHARES + 1)[1:-1]) ** 2
        stratum = self.stratum[self.image]
        found = np.ones((4, len(self.n_population)))
        found[3] = 0.0
        tail = 0.5 - confidence / 2
        for one in np.unique(stratum).tolist():
            likely = share[:, None] * ratio[stratum == one] + 1 - share[:, None]
            log = np.log(likely).sum(axis=1)
            most = int((log + FIRM * np.log(share)).argmax())
            value = 1.0 if most == len(share) - 1 else float(share[most])
            mass = np.exp(log - log.max())
            below = np.cumsum(mass) / mass.sum()
            low, high = (float(share[np.searchsorted(below, q)]) for q in (tail, 1 - tail))
            spread = float((share - value) ** 2 @ mass / mass.sum())
            found[:, one] = value, min(low, value), max(high, value), spread
        return AuditedShare(*found)

    def of_image(self, share: Float[np.ndarray, "S"], other: float) -> Float[np.ndarray, "n"]:
        """The stratum's share of each image; another value for images of no stratum."""
        found: Float[np.ndarray, "n"] = np.append(share, other)[self.stratum]
        return found


def likelihood_ratio(
    log_odds: Float[np.ndarray, "d"],
    known_log_odds: Float[np.ndarray, "k"],
    known: Float[np.ndarray, "k"],
) -> Float[np.ndarray, "d"]:
    """What raters say where something holds, over where it does not, as a likelihood.

    Log-odds are that but for a constant. Where the thing does not hold the ratio is 1 on average,
    where it does its inverse is: both tell the constant, and their mean counts.

    Args:
        log_odds: calibrated but for a constant, of drawn images.
        known_log_odds: the same, of others.
        known: P(it holds) of these.
    """
    weight = np.clip(known, _INSIDE, 1 - _INSIDE)
    held = np.clip(known_log_odds, -_MOST, _MOST)
    absent = -np.log(np.average(np.exp(held), weights=1 - weight))
    present = np.log(np.average(np.exp(-held), weights=weight))
    ratio: Float[np.ndarray, "d"] = np.exp(
        np.clip(log_odds, -_MOST, _MOST) + (absent + present) / 2
    )
    return ratio
