"""The paper's statements, each computed again from public files and compared.

==============  ==================================================================
`published`     `PublishedValue`, `ReproducedValue`; read from data/imagenet/statements.csv
`inputs`        the published data, each file read once, when it is asked for
`proposals`     proposals, rated images, tasks, answers
`labelling`     aggregation, labels, agreement with experts
`accuracies`    accuracies, progress
`findings`      preference, later predictions, co-occurring classes
`later_studies` later studies of mistakes and of labels
==============  ==================================================================

Each of the last five is a table from the id of a published value to the function that computes it.
Does not print: `reassess.cli` does.

Source: Beyer, Hénaff, Kolesnikov, Zhai, van den Oord (2020), "Are we done with
ImageNet?", arXiv 2006.07159.
"""

from reassess.catalog import Catalog
from reassess.progress import Progress, null_progress
from reassess.reproduce import accuracies, findings, labelling, later_studies, proposals
from reassess.reproduce.inputs import Inputs
from reassess.reproduce.published import Compute, PublishedValue, ReproducedValue, published_values

__all__ = [
    "COMPUTATIONS",
    "PublishedValue",
    "ReproducedValue",
    "published_values",
    "reproduce_imagenet",
]

COMPUTATIONS: dict[str, Compute] = (
    proposals.COMPUTATIONS
    | labelling.COMPUTATIONS
    | accuracies.COMPUTATIONS
    | findings.COMPUTATIONS
    | later_studies.COMPUTATIONS
)
"""How each published value that public files can check is computed, by id."""


def reproduce_imagenet(
    catalog: Catalog | None = None, *, progress: Progress = null_progress
) -> list[ReproducedValue]:
    """Every statement with the published value, ours, and whether it holds.

    A statement that cannot be checked, or whose file is absent, has no computed value and
    carries the reason; that is no error.

    Args:
        catalog: where published files come from; the default one if None.
        progress: called after each statement.
    """
    inputs = Inputs(catalog or Catalog.default())
    values = published_values()
    reproduced = []
    for n_done, value in enumerate(values, start=1):
        reproduced.append(value.reproduce(COMPUTATIONS.get(value.id), inputs))
        progress("statements", done=n_done, total=len(values))
    return reproduced
