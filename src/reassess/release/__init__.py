"""A study released: a folder that holds all that its numbers rest on, and nobody's name.

A release is itself a study, whose raters and experts have pseudonyms: whatever reads a study reads
it. `write_release` makes one, `check_release` computes every number of it again from the release
alone, and `compare_releases` says what changed between two. Its card, Croissant and citation are
those of any data set (`reassess.files.dataset_documents`).

============  =====================================================================
`facts`       the numbers of a release, computed from its records
`pseudonyms`  names that tell nothing, the same in every release of a study
`writing`     a study into a folder, whole or not at all
`checking`    the same numbers from the release alone
`changes`     what differs between two releases or studies
============  =====================================================================
"""

from reassess.files.dataset_documents import About, DatasetFacts
from reassess.release.changes import ReleaseChanges, compare_releases
from reassess.release.checking import CheckedPart, check_release
from reassess.release.writing import write_release

__all__ = [
    "About",
    "CheckedPart",
    "DatasetFacts",
    "ReleaseChanges",
    "check_release",
    "compare_releases",
    "write_release",
]
