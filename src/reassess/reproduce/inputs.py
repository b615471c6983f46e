"""The published data that statements are computed from: each read once, when it is asked for.

A file that is absent is asked for once too; whatever needs it fails at once afterwards.
The labels are our own, aggregated here from the published votes; the published ones are
``real``.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
from jaxtyping import Float, Int

from reassess.aggregation import calibrated, original_label_rater
from reassess.catalog import Catalog, imagenet_file
from reassess.errors import CatalogError, DataError
from reassess.files import read_benchmark, read_predictions
from reassess.files.access import read_json
from reassess.files.expert_mistakes import ExpertMistakes, read_expert_mistakes
from reassess.files.other_labels import LabelChecks, read_label_checks
from reassess.files.results import Results
from reassess.files.tables import ColumnFile, read_table
from reassess.labels import reassessed_labels
from reassess.records import (
    Benchmark,
    Gold,
    LabelSets,
    OperatingPoint,
    Pairs,
    Posterior,
    Predictions,
    Votes,
    align,
)

THRESHOLD = 0.8
"""The published operating point: a label is kept from this score on."""

LAST_ANIMAL = 397
"""ImageNet's classes 0 to 397 are animals."""

T = TypeVar("T")


class Inputs:
    """Published data, read when it is first asked for.

    Args:
        catalog: where it comes from.

    Every property raises `CatalogError` where a file that it needs is absent.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[str, object] = {}

    def _once(self, name: str, load: Callable[[], T]) -> T:
        """What ``load`` returned, or raised, the first time."""
        if name not in self._known:
            try:
                self._known[name] = load()
            except CatalogError as error:
                self._known[name] = error
        found = self._known[name]
        if isinstance(found, CatalogError):
            raise found
        return cast("T", found)

    @property
    def benchmark(self) -> Benchmark:
        """ImageNet's validation images."""
        return self._once("benchmark", lambda: self._catalog.benchmark("imagenet"))

    @property
    def original(self) -> Int[np.ndarray, "N"]:
        """Class of each image's original label, in the order of the benchmark.

        Raises:
            DataError: the benchmark has no original labels.
        """
        original = self.benchmark.original
        if original is None:
            raise DataError("imagenet: the original labels are not known, but must be.")
        return original

    @property
    def real(self) -> LabelSets:
        """The published label sets, in the order of the benchmark."""
        _ = self.benchmark  # where it is absent, fail before the catalogue asks again
        return self._once("real", lambda: self._catalog.labels("imagenet-real"))

    @property
    def votes(self) -> Votes:
        """Raters' answers."""
        return self._once("votes", lambda: self._catalog.votes("imagenet-votes"))

    @property
    def rated_pairs(self) -> Pairs:
        """The pairs of image and class that were rated."""
        return self.votes.questions.require_pairs()

    @property
    def rated_rows(self) -> Int[np.ndarray, "n"]:
        """Row in the benchmark of each image of `rated_pairs`."""
        ids, known = self.rated_pairs.image_ids, self.benchmark.image_ids
        return self._once("rated rows", lambda: align(ids, known, source="imagenet-votes"))

    @property
    def gold(self) -> Gold:
        """Experts' answers to gold questions."""
        return self._once("gold", lambda: self._catalog.gold("imagenet-gold"))

    @property
    def gold_votes(self) -> Votes:
        """Raters' answers to gold questions."""
        return self._once("gold votes", lambda: self._catalog.votes("imagenet-gold-votes"))

    @property
    def published_scores(self) -> Float[np.ndarray, "Q"]:
        """The authors' score of each question, in the order of the votes."""
        return self._once("scores", lambda: self._catalog.scores("imagenet-scores"))

    @property
    def posterior(self) -> Posterior:
        """Ours, by the published recipe."""
        votes, gold, gold_votes = self.votes, self.gold, self.gold_votes
        benchmark = self.benchmark

        def aggregate() -> Posterior:
            rater = original_label_rater(
                benchmark, votes.questions, gold, last_class=LAST_ANIMAL, min_expert_yes=2
            )
            return calibrated(
                votes,
                gold,
                gold_votes=gold_votes,
                confusion_prior="uniform",
                virtual_raters=[rater],
            )

        return self._once("posterior", aggregate)

    @property
    def labels(self) -> LabelSets:
        """Ours, at the published operating point."""
        return self.labels_at(THRESHOLD)

    def labels_at(self, threshold: float) -> LabelSets:
        """Ours, at another operating point."""
        posterior, benchmark = self.posterior, self.benchmark
        point = OperatingPoint("threshold", threshold)
        return self._once(
            f"labels at {threshold}", lambda: reassessed_labels(posterior, benchmark, point)
        )

    def predictions(self, model: str) -> Predictions:
        """A model of the ImageNetV2 repository."""
        benchmark = self.benchmark
        models = self._once(
            "imagenet-v2-repo",
            lambda: {
                one.model: one for one in self._catalog.predictions("imagenet-v2-repo", benchmark)
            },
        )
        return models[model]

    def torchvision(self, model: str) -> Predictions:
        """A model of torchvision."""
        benchmark = self.benchmark
        stem = f"imagenet/predictions/torchvision/{model}_pytorch_imagenet_top5"

        def read() -> Predictions:
            classes, scores = (
                self._catalog.path(f"{stem}{what}.npy") for what in ("preds", "probs")
            )
            both = f"{classes}:{scores}"
            return read_predictions(both, benchmark, order="imagefolder", scale="probability")[0]

        return self._once(stem, read)

    @property
    def results(self) -> Results:
        """Accuracies of many models, as timm publishes them."""
        return self._once("results", self._catalog.results)

    @property
    def table_5(self) -> ColumnFile:
        """The paper's Table 5, with fractions; it ships with the package."""
        return self._once("table 5", lambda: read_table(imagenet_file("table5.csv")))

    def expert_mistakes(self, model: str) -> ExpertMistakes:
        """Experts' verdicts on the remaining mistakes of a model."""
        relative = f"imagenet/mistakes/{model}_mistakes.json"
        return self._once(relative, lambda: read_expert_mistakes(self._catalog.path(relative)))

    @property
    def label_checks(self) -> LabelChecks:
        """Workers' checks of suspected label errors."""
        relative = "imagenet/imagenet_mturk.json"
        return self._once(relative, lambda: read_label_checks(self._catalog.path(relative)))

    @property
    def v2_benchmark(self) -> Benchmark:
        """ImageNetV2's matched-frequency images with their original labels."""
        relative = "imagenetv2/imagenetv2_mf_original.csv"
        classes = self.benchmark.classes
        return self._once(
            relative, lambda: read_benchmark(self._catalog.path(relative), classes=classes)
        )

    @property
    def v2_labels(self) -> LabelSets:
        """The reassessed labels of ImageNetV2's images, in the order of their benchmark."""
        relative, benchmark = "imagenetv2/imagenetv2_mf_multilabelfy.json", self.v2_benchmark

        def read() -> LabelSets:
            # class indices stand as texts in this file, which labels of ours never do
            found = read_json(self._catalog.path(relative))
            lists = [[int(word) for word in words] for words in found.values()]
            return LabelSets.from_lists("Multilabelfy", list(found), lists).align_to(benchmark)

        return self._once(relative, read)

    @property
    def v2_predictions(self) -> dict[str, Predictions]:
        """Models of the ImageNetV2 repository on ImageNetV2's images, by name."""
        relative, benchmark = "imagenetv2/matched_frequency_top5.npz", self.v2_benchmark

        def read() -> dict[str, Predictions]:
            path = self._catalog.path(relative)
            # the archive has no ids: its rows are in the order of the benchmark's file
            found = read_predictions(path, benchmark, ids=benchmark.image_ids)
            return {one.model: one for one in found}

        return self._once(relative, read)

    def table(self, relative: str) -> ColumnFile:
        """A published table that has a row an image or a model.

        Args:
            relative: its path below the cache folder.
        """
        return self._once(relative, lambda: read_table(self._catalog.path(relative)))

    def known(self, name: str, compute: Callable[[], T]) -> T:
        """What was computed from published data under this name, once."""
        return self._once(name, compute)

    @property
    def models(self) -> list[str]:
        """The models of `predictions`."""
        _ = self.predictions("alexnet")
        return list(cast("dict[str, Predictions]", self._known["imagenet-v2-repo"]))
