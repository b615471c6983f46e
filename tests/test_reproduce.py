import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from reassess.catalog import Catalog
from reassess.errors import CatalogError, DataError
from reassess.reproduce import (
    KINDS,
    STUDIES,
    PublishedValue,
    ReproducedValue,
    published_values,
    reproduce_imagenet,
    reproduce_study,
)
from reassess.reproduce.inputs import Inputs

_OTHER_PREPROCESSING = {
    f"torchvision.{model}.{labels}"
    for model in ("alexnet", "vgg16", "vgg16_bn", "resnet50", "resnet152", "inception_v3")
    for labels in ("original", "real")
}
_NEWER_WEIGHTS = {
    f"{what}.{model}"
    for what in ("top1", "mla")
    for model in ("resnet50", "resnet101", "resnet152")
}
KNOWN_MISSES = {
    "imagenet": {
        *_OTHER_PREPROCESSING,
        "tasks.count",
        "progress.slope_upper",
        "oracle.classes",
        "oracle.desktop_computer.accuracy",
        "oracle.muzzle.accuracy",
        "oracle.convertible.accuracy",
        "verdicts.vit3b.major_share",
    },
    "imagenet-v2": {"drop.most", "drop.mean"},
    "shankar": {"images.several_share", "images.unconfirmed", "predictions.per_image"},
    "flaws": {"together.identical_share", "together.original_share"},
    "eth": _NEWER_WEIGHTS,
}
"""What the public files do not give, each named in its statement or in docs/statistics.md."""

COMPUTATIONS = STUDIES["imagenet"].computations

real_data = pytest.mark.skipif(
    "REASSESS_DATA" not in os.environ, reason="REASSESS_DATA does not name the published data"
)


@pytest.fixture(scope="module")
def statements() -> dict[str, ReproducedValue]:
    """Those about ImageNet, as the command gives them."""
    from click.testing import CliRunner

    from reassess.cli import main

    ran = CliRunner().invoke(main, ["reproduce", "imagenet", "--json"], catch_exceptions=False)
    assert ran.exit_code == 0
    return {one["id"]: ReproducedValue(**one) for one in json.loads(ran.stdout)}


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")


def value(published: float | None, tolerance: float | None) -> PublishedValue:
    return PublishedValue("a.b", "printed", "A.", "paper", "", published, tolerance, "why", None)


# --- one value -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published", "computed", "tolerance", "holds"),
    [
        (0.75, 0.8, 0.05, True),  # as floats the difference is a little more
        (0.9, 0.9006, 0.0005, False),
        (0.9, 0.8994, 0.0005, False),
        (253.0, 252.0, 0.0, False),
        (253.0, 253.0, 0.0, True),
        (None, 1.0, None, None),
    ],
)
def test_a_value_holds_within_its_tolerance(
    published: float | None, computed: float, tolerance: float | None, holds: bool | None
) -> None:
    found = value(published, tolerance).reproduce(lambda _: computed, Inputs(Catalog(Path("none"))))
    assert (found.computed, found.holds, found.reason) == (computed, holds, None)


def test_an_absent_file_is_a_reason_and_a_fault_stays_one() -> None:
    inputs = Inputs(Catalog(Path("none")))

    def absent(_: Inputs) -> float:
        raise CatalogError("real.json: the file is absent.")

    def faulty(_: Inputs) -> float:
        raise DataError("broken")

    found = value(1.0, 0.0).reproduce(absent, inputs)
    assert (found.computed, found.holds) == (None, None)
    assert found.reason == "a published file is not at hand: real.json: the file is absent."
    with pytest.raises(DataError):
        value(1.0, 0.0).reproduce(faulty, inputs)


@pytest.mark.usefixtures("no_network")
def test_an_absent_file_is_asked_for_once(tmp_path: Path) -> None:
    asked: Counter[str] = Counter()

    class Counting(Catalog):
        def path(self, relative: str) -> Path:
            asked[relative] += 1
            return super().path(relative)

    assert reproduce_imagenet(Counting(tmp_path))
    assert set(asked.values()) == {1}


# --- the table of values -------------------------------------------------------------


@pytest.mark.parametrize("study", STUDIES)
def test_every_value_is_computed_or_says_why_not(study: str) -> None:
    values = published_values(study)
    ids = [one.id for one in values]
    assert len(set(ids)) == len(ids)
    assert {one.id for one in values if one.reason is None} == set(STUDIES[study].computations)
    for one in values:
        assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", one.id), one.id
        assert one.statement.endswith("."), one.id
        assert one.source, one.id
        assert one.kind in KINDS, one.id
        quoted = study == "imagenet" or one.kind == "measured by us" or one.passage
        assert quoted, one.id  # the text of "Are we done with ImageNet?" is not at hand
        checked = one.reason is None
        assert (one.tolerance is not None) == checked, one.id
        assert bool(one.tolerance_reason) == checked, one.id
        assert one.published is not None or not checked, one.id


# --- without data --------------------------------------------------------------------


@pytest.mark.usefixtures("no_network")
def test_without_files_only_what_ships_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REASSESS_DATA", str(tmp_path))
    seen: list[tuple[int | None, int | None]] = []

    def progress(_: str, *, done: int | None = None, total: int | None = None) -> None:
        seen.append((done, total))

    found = reproduce_imagenet(progress=progress)
    computed = {one.id for one in found if one.computed is not None}
    from_table_5 = {i for i in COMPUTATIONS if i.startswith("progress.")}
    assert computed == from_table_5 | {"mistakes.original", "mistakes.real"}
    for one in found:
        assert (one.computed is None) == (one.holds is None) == (one.reason is not None), one.id
    absent = next(one for one in found if one.id == "labels.count")
    assert absent.published == 57_553
    assert "the file is absent and cannot be fetched" in str(absent.reason)
    assert seen == [(n, len(found)) for n in range(1, len(found) + 1)]


@real_data
@pytest.mark.usefixtures("no_network")
def test_with_one_file_what_needs_no_other_is_computed(tmp_path: Path) -> None:
    there = Path(os.environ["REASSESS_DATA"]) / "imagenet" / "golden.npz"
    (tmp_path / "imagenet").mkdir()
    (tmp_path / "imagenet" / "golden.npz").symlink_to(there.resolve())
    found = {one.id: one for one in reproduce_imagenet(Catalog(tmp_path))}
    assert found["gold.present"].holds is True
    assert found["experts.168.recall"].holds is True
    assert found["gold.original_precision"].holds is None
    assert found["gold.precision"].holds is None


# --- with data -----------------------------------------------------------------------


@real_data
@pytest.mark.parametrize(
    ("name", "value", "within"),
    [
        ("scores.max_abs_difference", 0, 1e-9),
        ("labels.identical_sets", 50_000, 0),
        ("labels.count", 57_553, 0),
        ("labels.images", 46_837, 0),
        ("original.real_accuracy", 0.9002, 0.00005),
        ("progress.slope_lower", 0.862, 0.0005),
        ("progress.z", 10.4, 0.05),
        ("gold.precision", 0.898, 0.0005),
        ("gold.recall", 0.778, 0.0005),
    ],
)
def test_the_headline_statements_hold(
    statements: dict[str, ReproducedValue], name: str, value: float, within: float
) -> None:
    found = statements[name]
    assert found.computed == pytest.approx(value, abs=within, rel=0)
    assert found.holds is True


@real_data
@pytest.mark.parametrize("study", STUDIES)
def test_all_but_the_known_misses_hold(study: str, statements: dict[str, ReproducedValue]) -> None:
    imagenet = study == "imagenet"
    found = list(statements.values()) if imagenet else reproduce_study(study)
    assert {one.id for one in found if one.holds is False} == KNOWN_MISSES[study]
    open_ = {one.id for one in found if one.holds is None}
    assert open_ == {one.id for one in published_values(study) if one.reason is not None}
    printed = [one.id for one in found if one.kind == "printed" and one.holds]
    least = {"imagenet": 50, "imagenet-v2": 15, "shankar": 1, "flaws": 5, "eth": 20}
    assert len(printed) >= least[study]


def test_the_studies_are_listed_and_kinds_counted_apart() -> None:
    from click.testing import CliRunner

    from reassess.cli import main
    from reassess.cli.reproduce import statements_table

    listed = json.loads(CliRunner().invoke(main, ["reproduce", "--json"]).stdout)
    assert [one["name"] for one in listed] == list(STUDIES)
    refused = CliRunner().invoke(main, ["reproduce", "shanker"])
    assert refused.exit_code == 2
    assert "shankar" in refused.output
    both = [
        PublishedValue(f"a.{kind[0]}", kind, "A.", "paper", "", 1.0, 0.0, "why", None).reproduce(
            lambda _, kind=kind: 1.0 if kind == "printed" else 2.0, Inputs(Catalog(Path("none")))
        )
        for kind in ("printed", "derived")
    ]
    notes = statements_table(both).notes
    assert tuple(notes) == (
        "Printed: 1 hold, 0 do not, 0 not computed.",
        "Derived: 0 hold, 1 do not, 0 not computed.",
        "Missed: a.d.",
    )


@real_data
def test_proportions_are_fractions(statements: dict[str, ReproducedValue]) -> None:
    shares = ("accuracy.", "torchvision.", "preference.", "later.", "experts.", "majority.")
    checked = [s for s in statements.values() if s.id.startswith(shares) and s.computed is not None]
    assert len(checked) > 60
    assert all(0 < one.computed < 1 for one in checked if one.computed is not None)
