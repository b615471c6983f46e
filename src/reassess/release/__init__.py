"""A study released: a folder that holds all that its numbers rest on, and nobody's name.

A release is itself a study, whose raters and experts have pseudonyms: whatever reads a study reads
it. `write_release` makes one, `check_release` computes every number of it again from the release
alone, and `compare_releases` says what changed between two.

============  =====================================================================
`facts`       what a release says of itself, computed from its records
`pseudonyms`  names that tell nothing, the same in every release of a study
`documents`   card, Croissant, citation: texts that are functions of the facts
`writing`     a study into a folder, whole or not at all
`checking`    the same numbers from the release alone
`changes`     what differs between two releases or studies
============  =====================================================================
"""

from reassess.release.changes import ReleaseChanges, compare_releases
from reassess.release.checking import CheckedPart, check_release
from reassess.release.facts import About, ReleaseFacts
from reassess.release.writing import write_release

__all__ = [
    "About",
    "CheckedPart",
    "ReleaseChanges",
    "ReleaseFacts",
    "check_release",
    "compare_releases",
    "write_release",
]
