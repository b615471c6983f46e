"""A study and its rating store: what is loaded, when asking stops, votes in and out.

============ =========================================================================
`store`      where a study's database is, opening it, its vote limit, its cookie secret, and
             what reports and reviews read from it
`belonging`  which study a database belongs to; another study's is refused
`departures` who has left, so that no older copy lets them in again
`kept`       the hidden folder beside the manifest
`addresses`  where people reach the site
`sync`       the study's questions and gold into the store, as often as they change
`curation`   images withdrawn and gold unchosen, in the store and in the study's files
`stopping`   which questions need no more votes: rules that the study's own votes teach
`backups`    the store in one file, and back
`dumps`      the tools of PostgreSQL, and what is in a dump
`bundles`    the whole study in one archive
`transfer`   votes and experts' answers into files
`imports`    votes of a file into the store
============ =========================================================================

Joins `reassess.study`, `reassess.rating` and `reassess.aggregation`; pages are `reassess.web`'s.
"""

from reassess.site import backups
from reassess.site.addresses import (
    SiteAddress,
    link_address,
    name_address,
    note_served,
    site_address,
)
from reassess.site.imports import import_votes_file
from reassess.site.store import (
    cookie_secret,
    database_url,
    has_store,
    limit_votes,
    name_database,
    open_rating,
    rater_repeats,
    read_verdicts,
    site_progress,
)
from reassess.site.sync import SyncResult, sync
from reassess.site.transfer import (
    export_experts,
    export_remarks,
    export_votes,
)

__all__ = [
    "SiteAddress",
    "SyncResult",
    "backups",
    "cookie_secret",
    "database_url",
    "export_experts",
    "export_remarks",
    "export_votes",
    "has_store",
    "import_votes_file",
    "limit_votes",
    "link_address",
    "name_address",
    "name_database",
    "note_served",
    "open_rating",
    "rater_repeats",
    "read_verdicts",
    "site_address",
    "site_progress",
    "sync",
]
