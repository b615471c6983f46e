"""Questions → votes: the store and the queue of the rating site, without any web.

A `Store` is one study in one database, SQLite or PostgreSQL. Everything that happens to it
is a function here that takes the store first; what must hold, the database holds (see
`schema`), so that any number of threads, processes and machines may call them.

===============  ========================================================================
`store`          `open_store`, `Store`, `settings_of`; `NoStopping`, which stops nothing;
                 `renew_identity`, `store_history`, `leave_mark`, `has_mark`, `study_id_of`,
                 `give_to_study`
`identity`       which database a store is, and what gives it another id
`questions`      `add_questions`, `question_table`: questions in, in bulk, at any time
`classes`        `class_ids`, `keep_classes`: which class each number in a question is
`queue`          `next_task`: the task that a rater gets next, leased to them
`leases`         `leased_task`, `earlier_task`, `keep_tasks`, `return_task`, `return_expired`,
                 `holds_image`
`class_grid`     `next_class_grid`, `grid_classes`: one class, a grid of images
`submission`     `submit`: answers in, durable when it returns; corrections
`surplus`        votes without a place, which take the first that is free
`counts`         `refresh`: assess every question again; how much is done
`coverage`       open questions that no rater who is there can be asked
`audit`          `audit`: recount every counter and check every invariant
`people`         `invite`, `accept_invitation`, `sign_in`, `set_password`, `rater`,
                 `raters_of`, `rater_named`, `rater_progress`, `sign_out_everywhere`
`consent`        `give_consent`, `has_consented`, `given_consents`: who agreed to which text
`recruiting`     `open_address`, `join_link`, `close_address`: addresses by which people come by
                 themselves, from Prolific, MTurk or a classroom
`enrolment`      `enrol`, `completion`, `enrolments_of`: who came, and what they hand in
`access`         `change_role`, `remove`, `end_sessions`, `open_invitations`,
                 `revoke_invitation`: how access ends
`sessions`       `open_sessions`, `end_session`, `begin_session`, `person_of_session`: a
                 person's devices
`erasure`        `erase_person`: name, texts and votes out of the store
`departures`     `departures`, `reapply`: who must stay out when a backup is put back
`ownership`      `change_settings`, `pause`, `resume`, `waive_qualification`,
                 `exclude_votes`, `restore_votes`, `close`, `reopen`, `set_use`,
                 `audit_log`
`withdrawal`     `withdraw_images`, `restore_images`, `withdrawn_images`, `is_withdrawn`,
                 `unchoose_gold`
`experts`        `choose_gold`, `next_gold_task`, `gold_waiting`, `judge`, `import_gold`, `gold`
`gold_tasks`     `gold_progress`, `gold_task`, `earlier_gold_task`, `decide_gold`
`adjudication`   `to_adjudicate`, `adjudicate`, `adjudications`
`figures`        `study_progress`, `contested_images`, `image_counts`, `remarks`,
                 `work_by_hour`, `some_images`
`rater_figures`  `rater_table`
`transfer`       `vote_batches`, `votes`, `import_votes`
===============  ========================================================================

A rater's session, whole::

    task = next_task(store, rater)                          # TaskLease or NoTask
    later = next_task(store, rater, beyond=(task.lease,))   # prefetch
    receipt = submit(store, rater, Submission(task.lease, key, answers))

Knows no posterior (the stopping rule is an argument), no page, no cookie and no file.
Letters: Q questions, R raters, V votes, k votes a question.
"""

from typing import TYPE_CHECKING, Any

from reassess.rating.access import (
    OpenInvitation,
    change_role,
    end_sessions,
    open_invitations,
    remove,
    revoke_invitation,
)
from reassess.rating.adjudication import (
    Adjudication,
    adjudicate,
    adjudications,
    to_adjudicate,
)
from reassess.rating.audit import audit
from reassess.rating.class_grid import grid_classes, next_class_grid
from reassess.rating.classes import class_ids, keep_classes
from reassess.rating.consent import (
    Consent,
    agreed_text,
    consent_digest,
    give_consent,
    given_consents,
    has_consented,
)
from reassess.rating.counts import refresh
from reassess.rating.departures import Departure, Reapplied, departures, reapply
from reassess.rating.enrolment import (
    Completion,
    Enrolment,
    completion,
    enrol,
    enrolments_of,
)
from reassess.rating.erasure import Erased, erase_person
from reassess.rating.experts import (
    GoldTask,
    choose_gold,
    gold,
    gold_waiting,
    import_gold,
    judge,
    next_gold_task,
)
from reassess.rating.figures import (
    HourlyWork,
    ImageCounts,
    QuestionCounts,
    Remark,
    StudyProgress,
    contested_images,
    image_counts,
    remarks,
    some_images,
    study_progress,
    work_by_hour,
)
from reassess.rating.gold_tasks import (
    GoldProgress,
    decide_gold,
    earlier_gold_task,
    gold_progress,
    gold_task,
)
from reassess.rating.leases import (
    earlier_task,
    holds_image,
    keep_tasks,
    leased_task,
    return_expired,
    return_task,
)
from reassess.rating.ownership import (
    Act,
    Use,
    audit_log,
    change_settings,
    close,
    exclude_votes,
    images_in_use,
    mark_practice,
    pause,
    practice_of_gold,
    reopen,
    restore_votes,
    resume,
    set_use,
    waive_qualification,
)
from reassess.rating.people import (
    accept_invitation,
    invite,
    rater,
    rater_named,
    rater_progress,
    raters_of,
    set_password,
    sign_in,
    sign_out_everywhere,
)
from reassess.rating.qualification import qualification_warning
from reassess.rating.questions import QuestionTable, add_questions, question_table
from reassess.rating.queue import next_task
from reassess.rating.rater_figures import RaterFigures, Share, rater_table
from reassess.rating.records import (
    Answer,
    Channel,
    EnrolmentError,
    Identity,
    InvitationError,
    LeaseError,
    NoTask,
    Rater,
    RaterError,
    RaterProgress,
    RatingError,
    Receipt,
    Role,
    Settings,
    Stage,
    StoreError,
    Submission,
    TaskLease,
    TaskQuestion,
)
from reassess.rating.recruiting import (
    JoinAddress,
    address_of,
    close_address,
    join_addresses_of,
    join_link,
    open_address,
)
from reassess.rating.sessions import (
    OpenSession,
    begin_session,
    end_session,
    open_sessions,
    person_of_session,
)
from reassess.rating.store import (
    Store,
    give_to_study,
    has_mark,
    leave_mark,
    open_store,
    renew_identity,
    settings_of,
    store_history,
    study_id_of,
)
from reassess.rating.submission import submit
from reassess.rating.transfer import PURPOSES, VoteBatch, import_votes, vote_batches, votes
from reassess.rating.withdrawal import (
    is_withdrawn,
    restore_images,
    unchoose_gold,
    withdraw_images,
    withdrawn_images,
)
from reassess.records import NoStopping

__all__ = [
    "PURPOSES",
    "Act",
    "Adjudication",
    "Answer",
    "Channel",
    "Completion",
    "Consent",
    "Departure",
    "Enrolment",
    "EnrolmentError",
    "Erased",
    "GoldProgress",
    "GoldTask",
    "HourlyWork",
    "Identity",
    "ImageCounts",
    "InvitationError",
    "JoinAddress",
    "LeaseError",
    "NoStopping",
    "NoTask",
    "OpenInvitation",
    "OpenSession",
    "QuestionCounts",
    "QuestionTable",
    "Rater",
    "RaterError",
    "RaterFigures",
    "RaterProgress",
    "RatingError",
    "Reapplied",
    "Receipt",
    "Remark",
    "Role",
    "Settings",
    "Share",
    "Stage",
    "Store",
    "StoreError",
    "StudyProgress",
    "Submission",
    "TaskLease",
    "TaskQuestion",
    "Use",
    "VoteBatch",
    "accept_invitation",
    "add_questions",
    "address_of",
    "adjudicate",
    "adjudications",
    "agreed_text",
    "audit",
    "audit_log",
    "begin_session",
    "change_role",
    "change_settings",
    "choose_gold",
    "class_ids",
    "close",
    "close_address",
    "completion",
    "consent_digest",
    "contested_images",
    "decide_gold",
    "departures",
    "earlier_gold_task",
    "earlier_task",
    "end_session",
    "end_sessions",
    "enrol",
    "enrolments_of",
    "erase_person",
    "exclude_votes",
    "give_consent",
    "give_to_study",
    "given_consents",
    "gold",
    "gold_progress",
    "gold_task",
    "gold_waiting",
    "grid_classes",
    "has_consented",
    "has_mark",
    "holds_image",
    "image_counts",
    "images_in_use",
    "import_gold",
    "import_votes",
    "invite",
    "is_withdrawn",
    "join_addresses_of",
    "join_link",
    "judge",
    "keep_classes",
    "keep_tasks",
    "leased_task",
    "leave_mark",
    "mark_practice",
    "next_class_grid",
    "next_gold_task",
    "next_task",
    "open_address",
    "open_invitations",
    "open_sessions",
    "open_store",
    "pause",
    "person_of_session",
    "practice_of_gold",
    "qualification_warning",
    "question_table",
    "rater",
    "rater_named",
    "rater_progress",
    "rater_table",
    "raters_of",
    "reapply",
    "refresh",
    "remarks",
    "remove",
    "renew_identity",
    "reopen",
    "restore_images",
    "restore_votes",
    "resume",
    "return_expired",
    "return_task",
    "revoke_invitation",
    "set_password",
    "set_use",
    "settings_of",
    "sign_in",
    "sign_out_everywhere",
    "some_images",
    "store_history",
    "study_id_of",
    "study_progress",
    "submit",
    "to_adjudicate",
    "unchoose_gold",
    "vote_batches",
    "votes",
    "waive_qualification",
    "withdraw_images",
    "withdrawn_images",
    "work_by_hour",
]

_RENAMED = {
    "AskAll": "NoStopping",
    "GoldScreen": "GoldTask",
    "Idle": "NoTask",
    "Progress": "StudyProgress",
    "Screen": "TaskLease",
    "ScreenQuestion": "TaskQuestion",
    "Standing": "RaterProgress",
    "Work": "HourlyWork",
    "admit": "waive_qualification",
    "earlier_gold_screen": "earlier_gold_task",
    "earlier_screen": "earlier_task",
    "gold_screen": "gold_task",
    "next_gold_screen": "next_gold_task",
    "next_screen": "next_task",
    "next_sweep": "next_class_grid",
    "progress": "study_progress",
    "return_screen": "return_task",
    "screen_of": "leased_task",
    "set_aside": "exclude_votes",
    "standing": "rater_progress",
    "sweep_labels": "grid_classes",
    "take_back": "restore_votes",
}
"""Names of 0.1.0 and what they are called now: both work through 0.x."""


if not TYPE_CHECKING:  # a type checker would take every misspelt name for one of them

    def __getattr__(name: str) -> Any:
        if name in _RENAMED:
            return globals()[_RENAMED[name]]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
