"""Questions → votes: the store and the queue of the rating site, without any web.

A `Store` is one study in one database, SQLite or PostgreSQL. Everything that happens to it
is a function here that takes the store first; what must hold, the database holds (see
`schema`), so that any number of threads, processes and machines may call them.

=======
==============  =========================================================================
`store`         `open_store`, `Store`
`settings`      `settings_of`, `change_settings`
`loading`       `add_questions`, `question_table`: questions in, in bulk, at any time
`queue`         `next_screen`: the screen that a rater gets next, leased to him
`leases`        `screen_of`, `earlier_screen`, `return_screen`, `return_expired`, `holds_image`
`sweep`         `next_sweep`, `sweep_labels`: one class, a grid of images
`submission`    `submit`: answers in, durable when it returns; corrections
`stopping`      `AskAll`, the rule that stops nothing
`counting`      `refresh`: assess every question anew
`audit`         `audit`: recount every counter and check every invariant
`people`        `invite`, `accept_invitation`, `sign_in`, `set_password`, `rater`, `raters_of`,
                `rater_named`, `standing`, `sign_out_everywhere`
`ownership`     `pause`, `resume`, `admit`, `set_aside`, `take_back`, `close`, `reopen`,
                `set_use`, `audit_log`
`experts`       `choose_gold`, `next_gold_screen`, `judge`, `import_gold`, `gold`
`authoring`     `gold_progress`, `gold_screen`, `earlier_gold_screen`, `decide_gold`
`adjudication`  `to_adjudicate`, `adjudicate`, `adjudications`
`work`          how much is done, and left at most
`figures`       `progress`, `contested_images`, `image_counts`, `remarks`, `work_by_hour`,
                `some_images`; `rater_table` is in `rater_figures`
`transfer`      `vote_batches`, `votes`
`importing`     `import_votes`
==============  =========================================================================

A rater's session, whole::

    screen = next_screen(store, rater)                      # Screen or Idle
    later = next_screen(store, rater, beyond=(screen.lease,))   # prefetch
    receipt = submit(store, rater, Submission(screen.lease, key, answers))

Knows no posterior (the stopping rule is an argument), no page, no cookie and no file.
Letters: Q questions, R raters, V votes, k votes a question.
"""

from reassess.rating.adjudication import (
    Adjudication,
    adjudicate,
    adjudications,
    to_adjudicate,
)
from reassess.rating.audit import audit
from reassess.rating.authoring import (
    GoldProgress,
    decide_gold,
    earlier_gold_screen,
    gold_progress,
    gold_screen,
)
from reassess.rating.counting import refresh
from reassess.rating.errors import (
    InvitationError,
    LeaseError,
    RaterError,
    RatingError,
    StoreError,
)
from reassess.rating.experts import (
    GoldScreen,
    choose_gold,
    gold,
    import_gold,
    judge,
    next_gold_screen,
)
from reassess.rating.figures import (
    ImageCounts,
    Progress,
    QuestionCounts,
    Remark,
    Work,
    contested_images,
    image_counts,
    progress,
    remarks,
    some_images,
    work_by_hour,
)
from reassess.rating.importing import import_votes
from reassess.rating.leases import (
    earlier_screen,
    holds_image,
    return_expired,
    return_screen,
    screen_of,
)
from reassess.rating.loading import QuestionTable, add_questions, question_table
from reassess.rating.ownership import (
    Act,
    Use,
    admit,
    audit_log,
    close,
    pause,
    reopen,
    resume,
    set_aside,
    set_use,
    take_back,
)
from reassess.rating.people import (
    accept_invitation,
    invite,
    rater,
    rater_named,
    raters_of,
    set_password,
    sign_in,
    sign_out_everywhere,
    standing,
)
from reassess.rating.queue import next_screen
from reassess.rating.rater_figures import RaterFigures, Share, rater_table
from reassess.rating.records import (
    Answer,
    Idle,
    Rater,
    Receipt,
    Role,
    Screen,
    ScreenQuestion,
    Settings,
    Stage,
    Standing,
    Submission,
)
from reassess.rating.settings import change_settings, settings_of
from reassess.rating.stopping import AskAll
from reassess.rating.store import Store, open_store
from reassess.rating.submission import submit
from reassess.rating.sweep import next_sweep, sweep_labels
from reassess.rating.transfer import PURPOSES, VoteBatch, vote_batches, votes

__all__ = [
    "PURPOSES",
    "Act",
    "Adjudication",
    "Answer",
    "AskAll",
    "GoldProgress",
    "GoldScreen",
    "Idle",
    "ImageCounts",
    "InvitationError",
    "LeaseError",
    "Progress",
    "QuestionCounts",
    "QuestionTable",
    "Rater",
    "RaterError",
    "RaterFigures",
    "RatingError",
    "Receipt",
    "Remark",
    "Role",
    "Screen",
    "ScreenQuestion",
    "Settings",
    "Share",
    "Stage",
    "Standing",
    "Store",
    "StoreError",
    "Submission",
    "Use",
    "VoteBatch",
    "Work",
    "accept_invitation",
    "add_questions",
    "adjudicate",
    "adjudications",
    "admit",
    "audit",
    "audit_log",
    "change_settings",
    "choose_gold",
    "close",
    "contested_images",
    "decide_gold",
    "earlier_gold_screen",
    "earlier_screen",
    "gold",
    "gold_progress",
    "gold_screen",
    "holds_image",
    "image_counts",
    "import_gold",
    "import_votes",
    "invite",
    "judge",
    "next_gold_screen",
    "next_screen",
    "next_sweep",
    "open_store",
    "pause",
    "progress",
    "question_table",
    "rater",
    "rater_named",
    "rater_table",
    "raters_of",
    "refresh",
    "remarks",
    "reopen",
    "resume",
    "return_expired",
    "return_screen",
    "screen_of",
    "set_aside",
    "set_password",
    "set_use",
    "settings_of",
    "sign_in",
    "sign_out_everywhere",
    "some_images",
    "standing",
    "submit",
    "sweep_labels",
    "take_back",
    "to_adjudicate",
    "vote_batches",
    "votes",
    "work_by_hour",
]
