"""The studies whose statements are computed again, by name."""

from collections.abc import Mapping
from dataclasses import dataclass

from reassess.catalog import Catalog
from reassess.progress import Progress, null_progress
from reassess.registry import Registry
from reassess.reproduce import (
    accuracies,
    findings,
    imagenet_v2,
    labelling,
    later_studies,
    proposals,
    relabellings,
)
from reassess.reproduce.inputs import Inputs
from reassess.reproduce.published import Compute, ReproducedValue, published_values


@dataclass(frozen=True, slots=True)
class Study:
    """A study and how its statements are computed.

    Attributes:
        name: what one types; its statements are ``data/statements/<name>.csv``.
        title: what it is about, for people.
        source: who published it, and where.
        computations: the function behind each statement that public files can check, by id.
    """

    name: str
    title: str
    source: str
    computations: Mapping[str, Compute]


STUDIES: Registry[Study] = Registry(
    "study",
    (
        Study(
            "imagenet",
            "Are we done with ImageNet?",
            "Beyer, Hénaff, Kolesnikov, Zhai, van den Oord (2020), arXiv 2006.07159",
            proposals.COMPUTATIONS
            | labelling.COMPUTATIONS
            | accuracies.COMPUTATIONS
            | findings.COMPUTATIONS
            | later_studies.COMPUTATIONS,
        ),
        Study(
            "imagenet-v2",
            "ImageNetV2, and its images with several labels",
            "Recht et al. (2019), arXiv 1902.10811; Anzaku et al. (2023), arXiv 2401.17736",
            imagenet_v2.COMPUTATIONS,
        ),
        Study(
            "shankar",
            "Evaluating machine accuracy on ImageNet",
            "Shankar et al. (2020), PMLR 119",
            relabellings.SHANKAR,
        ),
        Study(
            "flaws",
            "Flaws of ImageNet, computer vision's favorite dataset",
            "Kisel et al. (2025), ICLR blog posts, arXiv 2412.00076",
            relabellings.FLAWS,
        ),
        Study(
            "eth",
            "Automated classification of model errors on ImageNet",
            "Peychev, Müller, Fischer, Vechev (2023), NeurIPS, arXiv 2401.02430",
            relabellings.ETH,
        ),
    ),
)
"""In the order in which they are listed."""


def reproduce_study(
    study: str, catalog: Catalog | None = None, *, progress: Progress = null_progress
) -> list[ReproducedValue]:
    """Every statement of a study with the published value, ours, and whether it holds.

    A statement that cannot be checked, or whose file is absent, has no computed value and
    carries the reason; that is no error.

    Args:
        study: a name in `STUDIES`.
        catalog: where published files come from; the default one if None.
        progress: called after each statement.

    Raises:
        OptionError: there is no study of this name.
    """
    computations = STUDIES[study].computations
    inputs = Inputs(catalog or Catalog.default())
    values = published_values(study)
    reproduced = []
    for n_done, value in enumerate(values, start=1):
        reproduced.append(value.reproduce(computations.get(value.id), inputs))
        progress("statements", done=n_done, total=len(values))
    return reproduced


def reproduce_imagenet(
    catalog: Catalog | None = None, *, progress: Progress = null_progress
) -> list[ReproducedValue]:
    """`reproduce_study` of "Are we done with ImageNet?"."""
    return reproduce_study("imagenet", catalog, progress=progress)
