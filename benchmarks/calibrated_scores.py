"""Are calibrated scores right where experts know? Models on the gold images of ImageNet.

On the images whose questions five experts answered, each model's share of right top predictions is
known. It is estimated three ways from the crowd's votes: labels as decided by the threshold,
probabilities calibrated on gold, and the same corrected for attenuation, as `reassess ranks` does.
Printed are the mean over 39 models of each, and the slope of the known share on the estimated one:
below 1 the estimate spreads models too far apart, above 1 too little. Gold is used twice, to
calibrate and to check, but calibration knows three numbers and no model.

    python benchmarks/calibrated_scores.py
"""

import numpy as np
from bootstrap import records

from reassess.aggregation import WeightedRefit
from reassess.analysis.soft_labels import Calibrator, SoftLabels
from reassess.records import positions


def main() -> None:
    models, labels, given, posteriors = records()
    votes, gold = given["votes"], given["gold"]
    soft = SoftLabels.of(models, labels, votes.questions)
    row = positions(gold.questions.ids, votes.questions.ids, source="gold")
    truth = np.zeros(len(votes.questions))
    truth[row] = gold.truth()
    judged = np.unique(soft.image[row])
    here = np.isin(soft.image[soft.asked], judged)

    def share_right(value: np.ndarray) -> np.ndarray:
        return value[here] @ soft.right[: len(soft.asked)][here] / len(judged)

    known = share_right(truth[soft.asked])
    print(f"{len(judged)} gold images, {len(models)} models; experts: {known.mean():.3f}")
    for name, posterior in posteriors.items():
        again = WeightedRefit.build(votes, posterior, gold=gold, gold_votes=given["gold_votes"])
        calibrator = Calibrator.of(gold, None, soft, votes.questions, again.log_odds())
        probability = calibrator.probability(again.log_odds()[None], None)[0][0]
        every = np.ones(len(soft.asked))
        for what, value in (
            ("labels as decided", (posterior.present[soft.asked] >= 0.8).astype(float)),
            ("calibrated", probability[soft.asked]),
            (
                "calibrated, corrected",
                soft.unattenuated(probability[None, soft.asked], every[None])[0],
            ),
        ):
            estimate = share_right(value)
            slope = np.polyfit(estimate, known, 1)[0]
            print(f"{name:12s} {what:22s} mean {estimate.mean():.3f}  slope {slope:.2f}")


if __name__ == "__main__":
    main()
