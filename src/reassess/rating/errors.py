"""Every exception that the rating store raises on purpose, drawn as a tree.

::

    ReassessError
    └── RatingError
        ├── StoreError         the database is absent, full, busy, too new or not one of ours
        ├── LeaseError         a lease or question that this rater does not hold
        ├── RaterError         a rater who is unknown, paused, or has not the role
        └── InvitationError    an invitation that is unknown, used or out of date

The site turns `LeaseError` and `RaterError` into 403 or 404 and `StoreError` into 503. A
closed study is no exception but an `Idle`, an answer that meets no free slot a status in its
`Receipt`.
"""

from reassess.errors import ReassessError


class RatingError(ReassessError):
    """The root of what the rating store raises on purpose."""


class StoreError(RatingError):
    """Raised where the database is absent, full, busy, too new or not one of ours.

    Nothing of the transaction that raised it was stored.
    """


class LeaseError(RatingError):
    """Raised where a rater names a lease or a question that he does not hold."""


class RaterError(RatingError):
    """Raised where a rater is unknown, paused or has not the role that the act needs."""


class InvitationError(RatingError):
    """Raised where an invitation is unknown, used or out of date."""
