"""Is one accuracy still a proxy for another: the published results, and made-up models."""

import numpy as np
import pytest

from reassess.analysis.model_sample import ImageDraws, from_probits, probits
from reassess.analysis.proxy import default_bins, model_families, model_family, proxy
from reassess.analysis.verdict import judge, results_verdict
from reassess.catalog import IMAGENET_ORIGINAL
from reassess.errors import OptionError
from reassess.files.results import Results
from reassess.statistics import ordinary_least_squares


def of(x, y, n_resamples=400, **more):
    return proxy(x, y, rng=np.random.default_rng(0), n_resamples=n_resamples, **more)


def models(n=120, seed=0, noise=0.002, upper=1.0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.5, 0.9, n)
    y = 0.1 + 0.9 * np.minimum(x, 0.75) + 0.9 * upper * np.maximum(x - 0.75, 0)
    return x, y + rng.normal(0, noise, n)


def test_the_published_results(published) -> None:
    """The anchors: 1,556 entries, 105 above the labels, slopes from 1.04 to 0.30."""
    found = results_verdict(
        published.results(), original_labels=IMAGENET_ORIGINAL, rng=np.random.default_rng(0)
    )
    assert found.proxy.n_models == 1556
    assert found.original_labels is not None
    assert (found.original_labels.n_above, found.original_labels.value) == (
        105,
        pytest.approx(0.90023, abs=1e-5),
    )
    assert found.original_labels.n_surely_above < 105
    first, *_, last = found.proxy.slopes
    assert (first.high, last.low) == (0.70, 0.88)
    assert (first.slope, last.slope) == pytest.approx((1.04, 0.30), abs=0.005)
    assert all(one.interval is not None for one in found.proxy.slopes)
    bent, top = found.proxy.breakpoint, found.proxy.top
    assert bent is not None
    assert top is not None
    assert bent.interval is not None
    assert bent.interval[0] < bent.value < bent.interval[1] < 0.81
    assert len(bent.preferred) == 3
    assert (top.n_models, top.least) == (156, pytest.approx(0.861, abs=0.001))
    assert found.judgement.answer == "weaker"


def test_the_original_labels_score_what_the_catalogue_says(published) -> None:
    from reassess.analysis.standings import original_labels_accuracy

    labels, benchmark = published.labels("imagenet-real"), published.benchmark("imagenet")
    assert original_labels_accuracy(labels, benchmark) == IMAGENET_ORIGINAL


@pytest.mark.parametrize("metric", ["a", "sketch"])
def test_any_pair_of_the_published_results(published, metric: str) -> None:
    found = results_verdict(
        published.results(),
        x="real",
        y=metric,
        original_labels=IMAGENET_ORIGINAL,
        n_resamples=40,
        rng=np.random.default_rng(0),
    )
    assert found.original_labels is None
    assert found.proxy.n_models == (1555 if metric == "a" else 1556)
    assert sum(one.n_models for one in found.proxy.slopes) == found.proxy.n_models
    assert min(one.n_models for one in found.proxy.slopes) > 250


def test_families_make_intervals_wider(published) -> None:
    results = published.results()
    known = ~np.isnan(results.accuracy["original"])
    x, y = results.accuracy["original"][known], results.accuracy["real"][known]
    families = model_families(results.model[known])
    alone, drawn = of(x, y, 100), of(x, y, 100, groups=families)
    assert (alone.n_groups, drawn.n_groups) == (1556, 161)
    assert alone.breakpoint is not None
    assert drawn.breakpoint is not None
    assert alone.breakpoint.value == drawn.breakpoint.value
    for name in ("interval", "ratio_interval", "slope_below_interval"):
        a, b = getattr(alone.breakpoint, name), getattr(drawn.breakpoint, name)
        assert b[1] - b[0] > 1.5 * (a[1] - a[0]), name


@pytest.mark.parametrize(
    ("upper", "noise", "judged"),
    [
        (1.0, 0.002, ("yes", "kept", "holds")),
        (0.5, 0.002, ("weaker", "kept", "less")),
        (1.6, 0.002, ("yes", "kept", "more")),
        (0.0, 0.002, ("no", "lost", "nothing")),
        (0.3, 0.02, ("no", "lost", "less")),
    ],
)
def test_the_rules(upper: float, noise: float, judged: tuple[str, ...]) -> None:
    found = judge(of(*models(n=300, upper=upper, noise=noise)))
    assert (found.answer, found.order, found.gain) == judged


@pytest.mark.parametrize("n", [12, 25])
@pytest.mark.parametrize("slope", [1.0, 0.65])
def test_boards_with_known_answers(n: int, slope: float) -> None:
    """No *no* where gains are worth .65 or more; a straight line of 25 models is a yes in half."""
    rng = np.random.default_rng(n)
    found = []
    for _ in range(10):
        x = rng.uniform(0.6, 0.9, n)
        y = 0.05 + x + (slope - 1) * np.maximum(x - 0.76, 0) + rng.normal(0, 0.005, n)
        found.append(judge(proxy(x, y, n_resamples=100, rng=rng)).answer)
    assert found.count("no") == 0
    if slope == 1 and n >= 20:
        assert found.count("yes") >= 5
    if slope < 1:
        assert found.count("yes") <= 1


@pytest.mark.parametrize("least", [0.0001, 0.6])
def test_an_exact_line_has_no_bend_whatever_is_left_by_rounding(least: float) -> None:
    """Published columns that are one and the same, and a column that never changes."""
    x = np.linspace(least, 1.5 * least, 20)
    found = of(x, x)
    assert found.breakpoint is not None
    assert found.breakpoint.p_value == 1
    assert (judge(found).answer, judge(found).gain) == ("yes", "holds")
    flat = of(x, np.full(20, 0.8))
    assert flat.breakpoint is not None
    assert (flat.breakpoint.p_value, judge(flat).gain) == (1, "open")
    assert flat.gain is not None
    assert (flat.gain.ratio, flat.gain.interval) == (None, None)


def test_beside_a_slope_that_does_not_rise_nothing_is_worth_so_many_times_as_much() -> None:
    """A column that falls, whose slopes have a ratio of 1, and one that is noise."""
    rng = np.random.default_rng(3)
    x = np.linspace(0.6, 0.9, 20)
    for y in (1.4 - x + rng.normal(0, 0.002, 20), rng.uniform(0.6, 0.9, 20)):
        found = of(x, y)
        assert found.gain is not None
        assert (found.gain.gain, found.gain.ratio, found.gain.interval) == ("open", None, None)


def test_a_scale_that_straightens_the_line_decides_nothing_alone() -> None:
    """Straight in probits: in points a gain seems to be worth less at the top, and is not."""
    x = np.linspace(0.4, 0.93, 60)
    y = from_probits(probits(x) + 0.9) + np.tile([0.001, -0.001], 30)
    found = of(x, y)
    assert found.gain is not None
    assert found.probit_gain is not None
    assert (found.gain.gain, found.probit_gain.gain) == ("less", "holds")
    assert judge(found).gain == "holds"
    assert found.robustness is not None
    assert (found.robustness.slope, found.robustness.intercept) == pytest.approx((1, 0.9), abs=0.02)
    assert abs(found.robustness.top) < 0.001


def test_metrics_that_have_nothing_to_do_with_each_other_are_no_proxies() -> None:
    rng = np.random.default_rng(0)
    found = judge(of(rng.uniform(0.6, 0.9, 60), rng.uniform(0.6, 0.9, 60)))
    assert (found.answer, found.order_all) == ("no", "lost")


def test_images_drawn_again_make_intervals_wider() -> None:
    x, y = models(n=40)
    rng = np.random.default_rng(1)
    steady = ImageDraws(np.tile(x, (400, 1)), np.tile(y, (400, 1)))
    assert of(x, y, images=steady).breakpoint == of(x, y).breakpoint
    moved = ImageDraws(x + rng.normal(0, 0.01, (400, 40)), y + rng.normal(0, 0.01, (400, 40)))
    wide, narrow = of(x, y, images=moved), of(x, y)
    assert wide.images_redrawn
    for name in ("slope_above_interval", "ratio_interval"):
        low, high = getattr(wide.breakpoint, name)
        assert high - low > 1.5 * np.ptp(getattr(narrow.breakpoint, name)), name
    assert wide.top is not None
    assert narrow.top is not None
    assert np.ptp(wide.top.tau_interval) > np.ptp(narrow.top.tau_interval)


def test_few_models_leave_it_open_and_say_why() -> None:
    x, y = models(n=7)
    found = of(x, y)
    assert (found.breakpoint, found.top) == (None, None)
    assert [reason.partition(" needs")[0] for reason in found.missing] == [
        "A breakpoint", "The order of the top",
    ]  # fmt: skip
    assert judge(found).answer == "open"
    assert {one.interval for one in found.slopes} == {None}
    assert "needs 8 groups" in str(found.slopes[0].reason)
    one_family = of(*models(n=40), groups=np.repeat("vit", 40))
    assert one_family.breakpoint is not None
    assert one_family.breakpoint.interval is None
    assert judge(one_family).answer == "open"


def test_ranges_are_half_open_and_their_lines_least_squares() -> None:
    x = np.array([0.5, 0.6, 0.65, 0.7, 0.8, 0.85])
    y = np.array([0.5, 0.7, 0.6, 0.7, 0.9, 0.8])
    low, high = of(x, y, bins=(0.7,)).slopes
    assert (low.n_models, high.n_models) == (3, 3)
    assert low.slope == pytest.approx(ordinary_least_squares(x[:3], y[:3]).slope)
    assert high.slope == pytest.approx(ordinary_least_squares(x[3:], y[3:]).slope)
    assert default_bins(x, "original") == (0.7,)


def test_the_order_of_the_models_does_not_matter() -> None:
    x, y = models()
    mixed = np.random.default_rng(5).permutation(len(x))
    a, b = of(x, y), of(x[mixed], y[mixed])
    assert a.top is not None
    assert b.top is not None
    assert (a.top.tau, a.top.tau_all) == pytest.approx((b.top.tau, b.top.tau_all))
    assert a.breakpoint is not None
    assert b.breakpoint is not None
    assert a.breakpoint.value == pytest.approx(b.breakpoint.value)


def test_a_family_is_a_name_without_size_and_training() -> None:
    named = {
        "vit": ["vit_base_patch16.augreg", "ViT_large"],
        "resnet": ["resnet50.tv_in1k", "resnet152.a1", "resnet26d"],
        "convnextv2": ["convnextv2_tiny"],
        "naive-bayes": ["naive-bayes"],
        "xcit": ["xcit"],
        "50": ["50"],
    }
    assert {name: [model_family(one) for one in models] for name, models in named.items()} == {
        name: [name] * len(models) for name, models in named.items()
    }


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"top_share": 0.0}, "the top share is 0"),
        ({"top_share": 1.5}, "the top share is 1.5"),
        ({"bins": (0.8, 0.7)}, "must ascend"),
        ({"bins": (0.8, 1.7)}, "lie between 0 and 1"),
    ],
)
def test_refuses(more, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        of(*models(), **({"top_share": 0.1} | more))


def test_refuses_results_that_lack_an_accuracy() -> None:
    results = Results(np.array(["a"]), np.array([224]), {"original": np.array([0.7])})
    with pytest.raises(OptionError, match=r"no accuracy 'real'.*they have original"):
        results_verdict(results, rng=np.random.default_rng(0))
    with pytest.raises(OptionError, match="x and y are both 'original'"):
        results_verdict(results, y="original", rng=np.random.default_rng(0))
