"""The verdict in JSON's types, with every number; fractions in [0, 1]."""

from dataclasses import asdict
from typing import Any

from reassess.analysis.proxy import Proxy
from reassess.analysis.standings import ModelVsOriginal, OriginalLabelsScore
from reassess.analysis.uncertainty import Adjacent, UncertainScores, count_decisions
from reassess.analysis.verdict import Judgement, ResultsVerdict, StudyVerdict


def results_as_dict(found: ResultsVerdict) -> dict[str, Any]:
    """The verdict on published accuracies."""
    above = found.original_labels
    value: dict[str, Any] = {
        "n_models": found.proxy.n_models,
        "n_left_out": found.n_left_out,
        "cluster": found.cluster_by,
        "n_above_original_labels": None if above is None else above.n_above,
    }
    value |= _original_labels_as_dict(above) | _proxy_as_dict(found.proxy, found.judgement)
    value["families"] = asdict(found.families)
    off = () if found.proxy.robustness is None else found.proxy.robustness.residual
    if off:
        value["effective_robustness"]["models"] = [
            {"model": model, "residual": residual}
            for model, residual in zip(found.models, off, strict=True)
        ]
    return value


def study_as_dict(found: StudyVerdict) -> dict[str, Any]:
    """The verdict on a study."""
    above, kinds = found.original_labels, found.kinds
    value: dict[str, Any] = {
        "benchmark": found.name,
        "n_images": found.n_images,
        "n_rated": found.n_rated,
        "n_models": len(found.models),
        "n_above_original_labels": None if above is None else above.n_above,
        "labels": None if kinds is None else asdict(kinds),
        "n_changed": None if kinds is None else found.n_images - kinds.n_confirmed,
    }
    value |= _original_labels_as_dict(above)
    ranked = {} if found.uncertainty is None else _ranked_as_dicts(found.uncertainty)
    off = _residuals(found)
    value["models"] = [
        _standing_as_dict(one)
        | {"effective_robustness": off.get(one.model)}
        | ranked.get(one.model, {})
        for one in found.models
    ]
    value["neighbours"] = [asdict(one) for one in found.neighbours]
    value["n_neighbours_decided"] = sum(one.difference.decided for one in found.neighbours)
    value["ranks"] = None if found.uncertainty is None else _ranks_as_dict(found.uncertainty)
    return value | _proxy_as_dict(found.proxy, found.judgement)


def _residuals(found: StudyVerdict) -> dict[str, float]:
    """Effective robustness of each model by name; empty where there is no line."""
    if found.proxy is None or found.proxy.robustness is None:
        return {}
    both = [one.model for one in found.models if one.has_both]
    return dict(zip(both, found.proxy.robustness.residual, strict=True))


def adjacent_as_dict(one: Adjacent) -> dict[str, Any]:
    """Two adjacent models; what is decided of them stands under ``verdict``, as it always did."""
    value = asdict(one)
    return value | {"verdict": value.pop("decision")}


def _standing_as_dict(one: ModelVsOriginal) -> dict[str, Any]:
    return {
        "model": one.model,
        "original": None if one.original is None else one.original.value,
        "real": one.value,
        "interval": one.interval,
        "above_original_labels": None if one.above is None else asdict(one.above),
    }


def _ranked_as_dicts(found: UncertainScores) -> dict[str, dict[str, Any]]:
    """Of each model by name: its ranks, and its accuracy under calibrated labels."""
    both = found.both
    value: dict[str, dict[str, Any]] = {}
    for m, model in enumerate(found.models):
        value[model] = {
            "rank": int(found.images.rank[m]),
            "rank_interval": [int(found.images.best[m]), int(found.images.worst[m])],
        }
        unasked = found.unasked
        if unasked is not None:
            value[model] |= {
                "n_unasked": int(unasked.n[m]),
                "unasked_low": float(unasked.low[m]),
                "unasked_high": float(unasked.high[m]),
            }
        if both is not None:
            value[model] |= {
                "calibrated": float(both.accuracy[m]),
                "calibrated_interval": [float(both.low[m]), float(both.high[m])],
                "calibrated_rank": int(both.rank[m]),
                "calibrated_rank_interval": [int(both.best[m]), int(both.worst[m])],
            }
    return value


def _ranks_as_dict(found: UncertainScores) -> dict[str, Any]:
    adjacent = found.adjacent()
    n = count_decisions(adjacent)
    alpha = 1 - found.confidence
    return {
        "n_resamples": found.n_resamples,
        "confidence": found.confidence,
        "n_pairs": len(adjacent),
        "n_decided": n["decided"],
        "n_undecided_by_images": n["images"],
        "n_undecided_by_labels": None if found.both is None else n["labels"],
        "n_undecided_by_unasked": None if found.unasked is None else n["unasked"],
        "no_label_uncertainty": found.no_label_uncertainty,
        "n_decided_holm": sum(one.p_holm < alpha for one in adjacent),
        "n_decided_false_discovery": sum(one.p_false_discovery < alpha for one in adjacent),
        "adjacent": [adjacent_as_dict(one) for one in adjacent],
    }


def _original_labels_as_dict(above: OriginalLabelsScore | None) -> dict[str, Any]:
    if above is None:
        return {"original_labels_real": None, "original_labels_interval": None}
    return {
        "original_labels_real": None if above.real.value is None else above.value,
        "original_labels_interval": above.interval,
        "original_labels_n_correct": above.real.n_correct,
        "original_labels_n_scored": above.real.n_scored,
        "n_surely_above_original_labels": above.n_surely_above,
        "share_above_original_labels": above.share_above,
        "best": above.best,
        "best_model": above.best_model,
        "original_labels_lead": above.lead,
    }


def _proxy_as_dict(found: Proxy | None, judgement: Judgement) -> dict[str, Any]:
    """Every key, whatever is known: what is not is null, and ``missing`` says why."""
    if found is None:
        why = "There are fewer than 2 models with an accuracy under the original labels."
        found = Proxy("original", "real", 0, 0, (), None, None, None, (why,))
    bent = found.breakpoint
    robustness = None if found.robustness is None else asdict(found.robustness)
    if robustness is not None:
        del robustness["residual"]
    probit = found.probit_breakpoint
    value: dict[str, Any] = {
        "x": found.x,
        "y": found.y,
        "n_groups": found.n_groups,
        "slopes": [asdict(one) for one in found.slopes],
        "halves": None if found.halves is None else asdict(found.halves),
        "breakpoint": None if bent is None else bent.value,
        "breakpoint_interval": None if bent is None else bent.interval,
        "bend": None if bent is None else asdict(bent),
        "bend_probits": None if probit is None else asdict(probit),
        "gains": {
            "points": None if found.gain is None else asdict(found.gain),
            "probits": None if found.probit_gain is None else asdict(found.probit_gain),
        },
        "effective_robustness": robustness,
        "images_redrawn": found.images_redrawn,
        "top": None if found.top is None else asdict(found.top),
        "missing": list(found.missing),
    }
    return value | asdict(judgement)
