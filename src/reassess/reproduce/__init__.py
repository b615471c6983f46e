"""Published statements, each computed again from public files and compared.

==============  ==================================================================
`studies`       the studies by name, and `reproduce_study`
`published`     `PublishedValue`, `ReproducedValue`; read from data/statements/
`inputs`        the published data, each file read once, when it is asked for
`proposals`     "Are we done with ImageNet?": proposals, rated images, tasks, answers
`labelling`     the same: aggregation, labels, agreement with experts
`accuracies`    the same: accuracies, progress
`findings`      the same: preference, later predictions, co-occurring classes
`later_studies` later studies of mistakes and of labels
`imagenet_v2`   ImageNetV2 and its reassessed labels
`relabellings`  reassessments of ImageNet by others, and models under them
==============  ==================================================================

Each of the last seven is a table from the id of a published value to the function that computes
it. Does not print: `reassess.cli` does.
"""

from reassess.reproduce.published import (
    KINDS,
    Compute,
    Kind,
    PublishedValue,
    ReproducedValue,
    published_values,
)
from reassess.reproduce.studies import STUDIES, Study, reproduce_imagenet, reproduce_study

__all__ = [
    "KINDS",
    "STUDIES",
    "Compute",
    "Kind",
    "PublishedValue",
    "ReproducedValue",
    "Study",
    "published_values",
    "reproduce_imagenet",
    "reproduce_study",
]
