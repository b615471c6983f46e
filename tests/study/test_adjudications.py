"""Experts decide contested questions where more than half of them agree; else the votes do."""

from pathlib import Path

from reassess.files import read_labels, read_posterior
from reassess.study import change_settings, open_study, run_study
from tests.study.small import NAMES, rated_study


def test_a_tie_of_experts_leaves_a_question_to_the_votes(tmp_path: Path) -> None:
    study = rated_study(tmp_path)
    posterior = read_posterior(study.folder / "posterior.npz")
    pairs = posterior.questions.require_pairs()
    by_votes = [n for n, present in enumerate(posterior.present.tolist()) if present > 0.99]
    tied, denied = by_votes[:2]
    rows = [(tied, "x", "yes"), (tied, "y", "no"), (denied, "x", "no"), (denied, "y", "no")]
    asked = {n: (str(pairs.image_ids[pairs.image[n]]), int(pairs.label[n])) for n in (tied, denied)}
    (study.folder / "adjudications.csv").write_text(
        "image,label,expert,answer\n"
        + "".join(f"{asked[n][0]},{NAMES[asked[n][1]]},{who},{say}\n" for n, who, say in rows)
    )
    change_settings(study, "label", {"adjudications": "adjudications.csv"})
    run_study(open_study(study.folder))
    labels = read_labels(study.folder / "labels.json")
    held = dict(zip(labels.image_ids.tolist(), labels.lists(), strict=True))
    assert asked[tied][1] in held[asked[tied][0]]
    assert asked[denied][1] not in held[asked[denied][0]]
