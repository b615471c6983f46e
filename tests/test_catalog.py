"""Published names: each is taken wherever its kind is, on the benchmark that it is about."""

import numpy as np
import pytest

from reassess import sources
from reassess.catalog import ENTRIES, Catalog
from reassess.errors import CatalogError, DataError, OptionError
from reassess.notes import collect_notes
from reassess.pipeline import LabelOptions, make_labels
from reassess.scoring import original_accuracy

ELSEWHERE = {
    "imagenet", "imagenet-real", "imagenet-votes", "imagenet-gold", "imagenet-gold-votes",
    "imagenet-torchvision", "imagenet-v2-repo", "imagenet-mturk", "imagenet-mistakes",
    "timm-results",
}  # fmt: skip
"""What other tests read, by name."""
N_LABELLED = {
    "imagenet-v2": 9871, "imagenet-shankar": 18_692, "imagenet-flaws": 36_415, "cifar10n": 50_000,
}  # fmt: skip


def test_every_published_name_is_taken_as_its_kind(published: Catalog) -> None:
    del published
    seen = set()
    for one in ENTRIES:
        if one.name in ELSEWHERE:
            continue
        seen.add(one.name)
        for kind in (one.kind, *one.also):
            with collect_notes():
                if kind == "benchmark":
                    about = sources.benchmark(one.name)
                    assert about.original is not None
                    assert about.name == one.name == one.about_images_of
                elif kind in {"labels", "checks"}:
                    target = sources.evaluation_target(one.name)
                    assert target.benchmark.name == one.about_images_of
                    n = int((target.labels.sizes > 0).sum())
                    assert n == N_LABELLED.get(one.name, n)
                elif kind == "votes":
                    assert len(sources.votes(one.name)) == 511_000
                elif kind == "scores":
                    assert len(sources.posterior(one.name).questions) == 184_962
                elif kind == "results":
                    assert len(sources.results([one.name])) == 962
                else:
                    about = sources.benchmark(one.about_images_of)
                    models = sources.predictions(one.name, about)
                    assert np.median([original_accuracy(m, about).value for m in models]) > 0.5
    assert len(seen) + len(ELSEWHERE) == len(ENTRIES)


def test_a_file_that_the_catalogue_lacks_is_refused_by_name() -> None:
    with pytest.raises(CatalogError, match="'imagenet' is no file of the catalogue"):
        Catalog.default().path("imagenet")


def test_the_published_scores_make_the_published_labels(published: Catalog) -> None:
    posterior = sources.posterior("imagenet-scores")
    about = published.benchmark("imagenet")
    made = make_labels(
        posterior=posterior, benchmark=about, options=LabelOptions("threshold", 0.8)
    ).record
    real = published.labels("imagenet-real")
    assert [set(one) for one in made.lists()] == [set(one) for one in real.lists()]


def test_the_checks_of_cifar10_are_about_its_test_images(published: Catalog) -> None:
    """The given label is the original one of the image of the same number."""
    about = published.benchmark("cifar10")
    with collect_notes():
        votes = published.votes("cifar10h")
        labels = published.labels("cifar10-mturk")
    assert set(labels.image_ids) <= set(about.image_ids)
    counts = np.bincount(votes.question * 10 + votes.answer, minlength=100_000).reshape(-1, 10)
    assert int((counts.argmax(axis=1) == about.original).sum()) == 9921


def test_models_of_other_images_are_refused(published: Catalog) -> None:
    about = published.benchmark("cifar10")
    with pytest.raises(DataError, match="about the images of imagenet, but must be about those of"):
        published.predictions("imagenet-torchvision", about)
    with pytest.raises(OptionError, match="reassess compare-labels imagenet-real imagenet-mist"):
        sources.labels("imagenet-mistakes")
    with pytest.raises(OptionError, match="'imagenet-eth' is given among several --results"):
        sources.results(["timm-results", "imagenet-eth"])


def test_published_models_have_their_names(published: Catalog) -> None:
    """Not those of their files, under which version 0.1.0 knew them; these still choose one."""
    about = published.benchmark("cifar10")
    names = [one.model for one in published.predictions("cifar10-predictions", about)]
    assert names[:2] == ["densenet121", "densenet161"]
    assert not [one for one in names if "cifar10" in one]
    for model in ("resnet50", "resnet50_pytorch_cifar10_top5preds"):
        (chosen,) = sources.predictions(f"cifar10-predictions#{model}", about)
        assert chosen.model == "resnet50"
