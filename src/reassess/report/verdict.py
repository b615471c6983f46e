"""The verdict on a metric, in sentences: is it still a proxy, and what has passed the labels?

Tells the findings of `reassess.analysis.verdict`, by its rules, most important first, each
with its interval; what cannot be said is said. The first lines of a page are
`reassess.report.opening`'s; what is known of ranks, `reassess.report.rank_sentences`'.
"""

from reassess.analysis.gain import EQUIVALENT, SIGNIFICANT, Gain, GainEstimate
from reassess.analysis.proxy import Proxy, RangeSlope
from reassess.analysis.standings import OriginalLabelsScore
from reassess.analysis.verdict import Judgement, ResultsVerdict, StudyVerdict
from reassess.report import formatting as fmt
from reassess.report.rank_sentences import (
    Sentences,
    neighbours_sentence,
    ranks_sentences,
)

METRICS = {"original": "accuracy under the original labels", "real": "ReaL accuracy"}
"""What accuracies are called that every table of scores can have."""

IMAGENET_METRICS = {
    "v2": "accuracy on ImageNetV2",
    "a": "accuracy on ImageNet-A",
    "r": "accuracy on ImageNet-R",
    "sketch": "accuracy on ImageNet-Sketch",
}
"""What the test sets of timm's tables are called; elsewhere ``a`` is a column of that name."""


def results_sentences(found: ResultsVerdict) -> Sentences:
    """The verdict on published accuracies of many models, most important first."""
    proxy = found.proxy
    told = [("verdict", _on_the_proxy(proxy, found.judgement)), *_on_following(proxy)]
    if found.original_labels is not None:
        told += [
            ("original labels", _on_passing(found.original_labels, "with all of their interval")),
            *_on_the_best_model(found.original_labels),
        ]
    told += [("families", sentence) for sentence in [_on_families(found)] if sentence]
    return (*told, ("rests on", _on_the_models(found)))


def study_sentences(found: StudyVerdict) -> Sentences:
    """The verdict on a study, most important first; what cannot be said is said."""
    told: list[tuple[str, str]] = []
    if found.proxy is None:
        few = "there are fewer than two models, or their original labels are unknown"
        told.append(("verdict", f"Whether the metric is still a proxy cannot be said: {few}."))
    else:
        told.append(("verdict", _on_the_proxy(found.proxy, found.judgement)))
    told.append(("labels", _on_changed_labels(found)))
    if found.original_labels is not None:
        told += [
            ("original labels", _on_passing(found.original_labels, "by exact paired tests (Holm)"))
        ]
        told += _on_the_best_model(found.original_labels)
    if found.uncertainty is not None:
        told += ranks_sentences(found.uncertainty)
    elif found.neighbours:
        told.append(("ranks", neighbours_sentence(found.neighbours)))
    return (*told, *(() if found.proxy is None else _on_following(found.proxy)))


_GAINS: dict[Gain, str] = {
    "holds": "a point gained on it is worth as much as before",
    "more": "a point gained on it is worth more at the top",
    "less": "a point gained on it is worth less at the top",
    "nothing": "a point gained on it at the top is worth next to nothing",
    "open": "what a point gained on it at the top is worth is open",
}

WORTH: dict[Gain, str] = {
    "holds": "as much",
    "more": "more",
    "less": "less",
    "nothing": "next to nothing",
    "open": "open",
}
"""What a gain at the top is worth, beside one below."""


def _on_the_proxy(proxy: Proxy, judgement: Judgement) -> str:
    x, y = metric_name(proxy.x, proxy), metric_name(proxy.y, proxy)
    order = {
        "kept": "it still puts the best models in much the same order",
        "lost": "it no longer puts the best models in the same order",
        "open": "whether it puts the best models in the same order is open",
    }[judgement.order]
    no = f"No longer a proxy: at the top, {x} does not stand for {y} any more"
    if judgement.order_all == "lost":
        no = f"No proxy: {x} does not put these models in the order of {y}"
    elif judgement.order == "kept":  # so that nothing is said to be gone that is kept
        no = f"No longer a proxy for gains: at the top, {x} rises without {y}"
    lead = {
        "yes": f"Still a proxy: {x} still stands for {y}",
        "weaker": f"Still a proxy, but a weaker one: {x} stands for {y}, and less so at the top",
        "no": no,
        "open": f"Open: these models do not tell whether {x} is still a proxy for {y}",
    }[judgement.answer]
    falls, holds = judgement.gain in {"less", "nothing"}, judgement.gain in {"holds", "more"}
    differ = (judgement.order == "kept" and falls) or (judgement.order == "lost" and holds)
    join = "but" if differ else "and"
    return f"{lead}; {order}, {join} {_GAINS[judgement.gain]}{_by_scale(proxy)}."


def _by_scale(proxy: Proxy) -> str:
    """What either scale says of a gain, where they differ."""
    points, probits = proxy.gain, proxy.probit_gain
    if points is None or probits is None or points.gain == probits.gain:
        return ""
    return f" (in points {WORTH[points.gain]}, in probits {WORTH[probits.gain]})"


def metric_name(metric: str, proxy: Proxy) -> str:
    """What an accuracy is called; its name in quotes where it is a table's own."""
    known = METRICS | IMAGENET_METRICS if proxy.of_timm else METRICS
    return known.get(metric, f"'{metric}'")


def _on_following(proxy: Proxy) -> Sentences:
    """Slopes, breakpoint, halves and the order of the top, where they are there."""
    told = [("slopes", _on_slopes(proxy)), ("breakpoint", _on_breakpoint(proxy))]
    told += [("gain", " ".join(filter(None, (_on_gain(proxy), _on_robustness(proxy)))))]
    told += [("halves", _on_halves(proxy)), ("order", _on_order(proxy))]
    told += [("not said", reason) for reason in proxy.missing]
    return tuple((about, sentence) for about, sentence in told if sentence)


def _on_slopes(proxy: Proxy) -> str:
    told = [
        f"{_slope(one.slope, one.interval)} {_range(one)}"
        for one in proxy.slopes
        if one.slope is not None
    ]
    if not told:
        return ""
    x, y = metric_name(proxy.x, proxy), metric_name(proxy.y, proxy)
    return f"A point of {x} comes with this many points of {y}: {'; '.join(told)}."


_MOST_FAMILIES = 5
"""Families whose slope stands in the sentence; all of them stand in JSON."""


def _on_families(found: ResultsVerdict) -> str:
    """Slopes within families, and whether they differ."""
    lines = found.families.lines
    if not lines:
        return ""
    told = [
        f"{_slope(one.slope, one.interval)} in {one.family} ({one.n_models:,} models)"
        for one in lines[:_MOST_FAMILIES]
    ]
    text = f"Within families the slope is {'; '.join(told)}"
    if len(lines) > len(told):
        text += f"; and {len(lines) - len(told):,} more families have a line"
    if found.families.p_value is None:
        return f"{text}."
    differ = "differ" if found.families.p_value < SIGNIFICANT else "cannot be told apart"
    return f"{text}. The slopes {differ} ({fmt.p_value(found.families.p_value)})."


def _on_breakpoint(proxy: Proxy) -> str:
    bent = proxy.breakpoint
    if bent is None:
        return ""
    at = fmt.percent(bent.value)
    if bent.interval is not None:
        at += f" ({fmt.between(*bent.interval)})"
    found = "The slope changes" if bent.p_value < SIGNIFICANT else "No bend can be told: at best"
    first = (
        f"{found} at {at}, from {_slope(bent.slope_below, bent.slope_below_interval)} to"
        f" {_slope(bent.slope_above, bent.slope_above_interval)} ({fmt.p_value(bent.p_value)})"
    )
    if len(bent.preferred) > 1 and bent.p_value < SIGNIFICANT:
        places = fmt.listed([fmt.percent(one) for one in bent.preferred])
        return f"{first}; several breaks, at {places}, fit better: the bend is gradual."
    return f"{first}."


def _on_gain(proxy: Proxy) -> str:
    """The ratio of slopes in points and in probits, side by side."""
    told = [
        f"{_slope(one.ratio, one.interval)} times in {one.scale} {_beyond(one)}"
        for one in (proxy.gain, proxy.probit_gain)
        if one is not None and one.ratio is not None
    ]
    if not told:
        return ""
    low, high = EQUIVALENT
    images = " Images are drawn again, too." if proxy.images_redrawn else ""
    return (
        f"A gain is worth {' and '.join(told)}, beside what it is worth below; {low:g} to"
        f" {high:g} times counts as the same.{images}"
    )


def _beyond(one: GainEstimate) -> str:
    at = f"from {fmt.percent(one.at)} on"
    return f"{at}, the median model" if one.place == "median" else at


def _on_robustness(proxy: Proxy) -> str:
    found = proxy.robustness
    if found is None or proxy.top is None:
        return ""
    ends = ""
    if found.top_interval is not None:
        low, high = (fmt.points(end, 2) for end in found.top_interval)
        ends = f" ({low} to {high})"
    return (
        f"Effective robustness: the {proxy.top.n_models:,} best models lie"
        f" {fmt.points(found.top, 2)} points{ends} off the line in probits through the other"
        f" {found.n_fitted:,}, on average."
    )


def _on_halves(proxy: Proxy) -> str:
    halves = proxy.halves
    if halves is None:
        return ""
    chance = "" if halves.p_value is None else f" ({fmt.p_value(halves.p_value)})"
    return (
        f"Split in halves at {fmt.percent(halves.split)}, as in the paper, the slopes are"
        f" {fmt.number(halves.lower.slope, 2)} and {fmt.number(halves.upper.slope, 2)}{chance};"
        " that test takes models as independent."
    )


def _on_order(proxy: Proxy) -> str:
    top = proxy.top
    if top is None or top.tau is None:
        return ""
    pairs = fmt.percent((1 + top.tau) / 2, 0)
    whole = "" if top.tau_all is None else f"; among all models tau is {fmt.number(top.tau_all, 2)}"
    rho = "" if top.rho is None else f", Spearman's rho {_slope(top.rho, top.rho_interval)}"
    return (
        f"Of the {top.n_models:,} best models ({fmt.percent(top.least)} or more), {pairs} of"
        f" pairs stand in the same order: Kendall's tau {_slope(top.tau, top.tau_interval)}{rho}"
        f"{whole}."
    )


def _on_passing(above: OriginalLabelsScore, how: str) -> str:
    if above.real.value is None:
        return "No image has a label, so that the original labels have no score."
    first = (
        f"Scored like a model, the original labels reach {fmt.percent(above.value, 2)}"
        f" ({fmt.between(*above.interval, 2)})"
    )
    if above.n_above == 0:
        return f"{first}; no model is above."
    share = fmt.percent(above.share_above)
    passed = f"{above.n_above:,} of {fmt.count(above.n_models, 'model')} ({share})"
    if above.n_above == 1:
        also = "also" if above.n_surely_above else "though not"
        return f"{first}; {passed} is above, {also} {how.replace('their', 'its')}."
    return f"{first}; {passed} are above, {above.n_surely_above:,} of them {how}."


def _on_the_best_model(above: OriginalLabelsScore) -> Sentences:
    if above.best is None or above.lead is None or above.real.value is None:
        return ()
    side = "below" if above.lead > 0 else "above"
    apart = f"{fmt.number(abs(100 * above.lead), 2)} points {side}" if above.lead else "level with"
    sentence = (
        f"The best model, {above.best_model}, reaches {fmt.percent(above.best, 2)}:"
        f" {apart} the original labels, and"
        f" {fmt.number(100 * (1 - above.best), 2)} below being always right."
    )
    return (("best model", sentence),)


def _on_the_models(found: ResultsVerdict) -> str:
    proxy = found.proxy
    first = fmt.count(proxy.n_models, "entry", "entries")
    if found.n_left_out:
        verb = "lacks" if found.n_left_out == 1 else "lack"
        first += f" ({found.n_left_out:,} more {verb} one of the two accuracies)"
    if found.by_size:
        first += ", one a model and image size"
    if found.cluster_by == "family":
        return (
            f"{first}, of {proxy.n_groups:,} families by name: models"
            " of a family are alike, so that intervals draw families."
        )
    return (
        f"{first}, drawn one by one: models of a family are alike, so"
        " that these intervals are too narrow."
    )


def _on_changed_labels(found: StudyVerdict) -> str:
    first = fmt.count(found.n_images, "image")
    if found.n_rated is not None:
        first += f", {found.n_rated:,} of them rated"
    kinds = found.kinds
    if kinds is None:
        return f"{first}; the original labels are unknown."
    n_changed = found.n_images - kinds.n_confirmed
    share = fmt.percent(n_changed / found.n_images)
    return (
        f"{first}: {n_changed:,} ({share}) no longer carry just their"
        f" original label ({kinds.n_multiple:,} have several, {kinds.n_replaced:,} another,"
        f" {kinds.n_empty:,} none)."
    )


def _slope(value: float, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return fmt.number(value, 2)
    low, high = interval
    return f"{fmt.number(value, 2)} ({fmt.number(low, 2)} to {fmt.number(high, 2)})"


def _range(one: RangeSlope) -> str:
    low, high = (None if end is None else f"{100 * end:.4g}" for end in (one.low, one.high))
    if low is None:
        return f"below {high}%" if high else "over all"
    return f"from {low}% on" if high is None else f"from {low} to {high}%"
