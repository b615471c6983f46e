"""The tables, and what the database itself holds to be true of them.

::

    images ◀── tasks ◀── questions ◀── slots ──▶ votes ──▶ submissions ──▶ leases ──▶ raters
                                        (question, slot)   (question, rater, round, version)

What must hold, and what holds it:

* at most k votes a question: a counted vote sits in a row of ``slots``; (question, slot) is
  its primary key, 0 ≤ slot < ``n_slots`` a CHECK, and ``n_slots`` a foreign key to k itself;
* by distinct raters: (rater, question) is unique in ``slots``;
* what is counted was said: a slot points to the very vote of this question and rater;
* an answer sent twice is there once: (lease, key) is unique in ``submissions``, and
  (question, rater, round, version) in ``votes``;
* votes are append-only: a trigger refuses to change or delete one; a correction is a new
  version that names the one it replaces;
* an answer is 0 no, 1 maybe or 2 yes: CHECK.

Which database this is, `reassess.rating.identity` says: ``identities`` holds its random ids, the
newest last, ``services`` every opening and closing of the site; ``study.study_id`` is the
study that it belongs to. ``practice_images`` are those that
the study's gold made practice; an owner may have made others so. ``classes`` says which class a
question's ``label`` is the number of.

A slot without a version is a lease. Counters in ``questions``, ``tasks`` and ``raters`` are
kept in the transaction that changes what they count; `reassess.rating.audit` recounts them.
The columns of small codes are spelt out below. Times are milliseconds since 1970, UTC.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from reassess.rating.records import CHANNELS, ORIGINS, ROLES, STAGES

RATING, GOLD, REPEAT, PRACTICE, QUALIFICATION, IMPORTED = range(6)
"""Why a task was shown, and a vote given: `leases.purpose`, `votes.purpose`."""

OPEN, ANSWERED, EXPIRED, RETURNED, UNSEEN = range(5)
"""What became of a lease: `leases.state`."""

FOR_RATING, FOR_PRACTICE, RETIRED = range(3)
"""What a task is there for: `tasks.use`."""

NOT_GOLD, CHOSEN, IS_GOLD = range(3)
"""Whether experts are to judge a task, and whether enough of them have: `tasks.gold`."""

LEVELS = 16
"""Urgency is kept in so many steps, so that an index can serve them."""

SHUFFLE = 2**31 - 1
"""Tasks lie on a ring of this length, at places in [0, SHUFFLE)."""

_big = BigInteger().with_variant(Integer, "sqlite")
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


study = Table(
    "study",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("n_slots", SmallInteger, nullable=False, unique=True),
    Column("settings", JSON, nullable=False),
    Column("secret", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("study_id", String(32)),
    CheckConstraint("id = 1", name="one_row"),
    CheckConstraint("n_slots BETWEEN 1 AND 100", name="n_slots"),
)

raters = Table(
    "raters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("role", String(10), nullable=False),
    Column("stage", String(15), nullable=False),
    Column("password_hash", String(200)),
    Column("created_at", BigInteger, nullable=False),
    Column("paused_at", BigInteger),
    Column("aside_at", BigInteger),
    Column("n_leases", Integer, nullable=False, server_default=text("0")),
    Column("n_screens", Integer, nullable=False, server_default=text("0")),
    Column("n_answers", Integer, nullable=False, server_default=text("0")),
    Column("n_counted", Integer, nullable=False, server_default=text("0")),
    Column("n_timed", Integer, nullable=False, server_default=text("0")),
    Column("n_fast", Integer, nullable=False, server_default=text("0")),
    Column("milliseconds", BigInteger, nullable=False, server_default=text("0")),
    Column("n_compared", Integer, nullable=False, server_default=text("0")),
    Column("n_agreed", Integer, nullable=False, server_default=text("0")),
    Column("epoch", String(32), nullable=False, server_default=text("''")),
    Column("removed_at", BigInteger),
    Column("shown_share", SmallInteger, nullable=False, server_default=text("0")),
    Column("shown_after", Integer, nullable=False, server_default=text("-1")),
    Column("channel", String(12)),
    Column("goal", Integer),
    Column("most_tasks", Integer),
    CheckConstraint(_one_of("role", ROLES), name="role"),
    CheckConstraint(_one_of("stage", STAGES), name="stage"),
    CheckConstraint("n_agreed BETWEEN 0 AND n_compared", name="n_agreed"),
)

BARRED_AT = func.coalesce(raters.c.removed_at, raters.c.paused_at).label("barred_at")
"""Since when a person may do nothing, as they were removed or paused; none where they may."""

invitations = Table(
    "invitations",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("rater", ForeignKey("raters.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Column("revoked_at", BigInteger),
)

consent_texts = Table(
    "consent_texts",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("rater", ForeignKey("raters.id"), primary_key=True, autoincrement=False),
    Column("digest", ForeignKey("consent_texts.digest"), primary_key=True),
    Column("given_at", BigInteger, nullable=False),
)

join_addresses = Table(
    "join_addresses",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("channel", String(12), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("most_people", Integer, nullable=False),
    Column("n_people", Integer, nullable=False, server_default=text("0")),
    Column("goal", Integer),
    Column("most_tasks", Integer),
    Column("completion_code", String(100), nullable=False, server_default=text("''")),
    CheckConstraint(_one_of("channel", CHANNELS), name="channel"),
    CheckConstraint("n_people BETWEEN 0 AND most_people", name="n_people"),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("address", ForeignKey("join_addresses.id"), primary_key=True, autoincrement=False),
    Column("person_hash", String(64), primary_key=True, index=True),
    Column("rater", ForeignKey("raters.id"), nullable=False, index=True),
    Column("platform_id", Text),
    Column("platform_study", Text),
    Column("platform_session", Text),
    Column("joined_at", BigInteger, nullable=False),
    Column("from_task", Integer, nullable=False),
    Column("completed_at", BigInteger),
    Column("completion_code", String(100), nullable=False, server_default=text("''")),
)

sessions = Table(
    "sessions",
    metadata,
    Column("mark", String(64), primary_key=True),
    Column("rater", ForeignKey("raters.id"), nullable=False, index=True),
    Column("epoch", String(32), nullable=False),
    Column("device", String(100), nullable=False, server_default=text("''")),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)

identities = Table(
    "identities",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("store_id", String(32), nullable=False, unique=True),
    Column("since", BigInteger, nullable=False),
    Column("first_lease", BigInteger, nullable=False),
    Column("origin", String(20), nullable=False),
    Column("place", Text, nullable=False, server_default=text("''")),
    CheckConstraint(_one_of("origin", ORIGINS), name="origin"),
)

services = Table(
    "services",
    metadata,
    Column("mark", String(32), primary_key=True),
    Column("identity", ForeignKey("identities.number"), nullable=False),
    Column("at", BigInteger, nullable=False),
)

images = Table(
    "images",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
)

practice_images = Table(
    "practice_images",
    metadata,
    Column("image", ForeignKey("images.id"), primary_key=True, autoincrement=False),
)

classes = Table(
    "classes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("image", ForeignKey("images.id"), nullable=False, index=True),
    Column("use", SmallInteger, nullable=False, server_default=text("0")),
    Column("gold", SmallInteger, nullable=False, server_default=text("0")),
    Column("shuffle", Integer, nullable=False),
    Column("level", SmallInteger, nullable=False, server_default=text("0")),
    Column("n_questions", SmallInteger, nullable=False),
    Column("n_open", SmallInteger, nullable=False),
    Column("n_done", SmallInteger, nullable=False, server_default=text("0")),
    Column("n_votes", Integer, nullable=False, server_default=text("0")),
    Column("n_contested", Integer, nullable=False, server_default=text("0")),
    CheckConstraint(f"use BETWEEN {FOR_RATING} AND {RETIRED}", name="use"),
    CheckConstraint(f"gold BETWEEN {NOT_GOLD} AND {IS_GOLD}", name="gold"),
    CheckConstraint("n_questions BETWEEN 1 AND 8", name="n_questions"),
    CheckConstraint("n_open BETWEEN 0 AND n_questions", name="n_open"),
    CheckConstraint("n_done BETWEEN 0 AND n_questions", name="n_done"),
)
_has_room = text("n_open > 0")
_is_chosen = text("gold > 0")
_practises = text(f"use = {FOR_PRACTICE}")
Index("ix_tasks_open", tasks.c.level, tasks.c.shuffle, sqlite_where=_has_room,
      postgresql_where=_has_room)  # fmt: skip
Index("ix_tasks_gold", tasks.c.gold, tasks.c.shuffle, sqlite_where=_is_chosen,
      postgresql_where=_is_chosen)  # fmt: skip
Index("ix_tasks_practice", tasks.c.id, sqlite_where=_practises, postgresql_where=_practises)

questions = Table(
    "questions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("task", ForeignKey("tasks.id"), nullable=False, index=True),
    Column("image", ForeignKey("images.id"), nullable=False),
    Column("label", Integer, nullable=False),
    Column("n_taken", SmallInteger, nullable=False, server_default=text("0")),
    Column("n_no", SmallInteger, nullable=False, server_default=text("0")),
    Column("n_maybe", SmallInteger, nullable=False, server_default=text("0")),
    Column("n_yes", SmallInteger, nullable=False, server_default=text("0")),
    Column("is_settled", Boolean(create_constraint=False), nullable=False,
           server_default=text("false")),
    Column("is_open", Boolean(create_constraint=False), nullable=False,
           server_default=text("true")),
    Column("level", SmallInteger, nullable=False, server_default=text("0")),
    Column("truth", Boolean(create_constraint=False)),
    UniqueConstraint("image", "label"),
    CheckConstraint("label >= 0", name="label"),
    CheckConstraint("n_no >= 0 AND n_maybe >= 0 AND n_yes >= 0", name="counts"),
    CheckConstraint("n_no + n_maybe + n_yes <= n_taken", name="n_taken"),
)  # fmt: skip
_is_open = text("is_open")
_is_known = text("truth IS NOT NULL")
Index("ix_questions_open", questions.c.label, questions.c.id, sqlite_where=_is_open,
      postgresql_where=_is_open)  # fmt: skip
Index("ix_questions_gold", questions.c.id, sqlite_where=_is_known, postgresql_where=_is_known)

leases = Table(
    "leases",
    metadata,
    Column("id", _big, primary_key=True),
    Column("rater", ForeignKey("raters.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("task", ForeignKey("tasks.id"), nullable=False),
    Column("purpose", SmallInteger, nullable=False),
    Column("is_sweep", Boolean(create_constraint=False), nullable=False),
    Column("state", SmallInteger, nullable=False, server_default=text("0")),
    Column("questions", JSON, nullable=False),
    Column("leased_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    UniqueConstraint("rater", "ordinal"),
    CheckConstraint(f"purpose BETWEEN {RATING} AND {QUALIFICATION}", name="purpose"),
    CheckConstraint(f"state BETWEEN {OPEN} AND {UNSEEN}", name="state"),
    CheckConstraint("(state = 0) = (ended_at IS NULL)", name="ended"),
)
_runs = text("state = 0")
_unseen = text("state = 4")
_ran_out = text("state = 2")
Index("ix_leases_rater_task", leases.c.rater, leases.c.task)
Index("ix_leases_expiry", leases.c.expires_at, sqlite_where=_runs, postgresql_where=_runs)
Index("ix_leases_running", leases.c.rater, sqlite_where=_runs, postgresql_where=_runs)
Index("ix_leases_ran_out", leases.c.rater, sqlite_where=_ran_out, postgresql_where=_ran_out)
Index("ix_leases_unseen", leases.c.id, sqlite_where=_unseen, postgresql_where=_unseen)

submissions = Table(
    "submissions",
    metadata,
    Column("lease", ForeignKey("leases.id"), nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("key", String(100), nullable=False),
    Column("given_at", BigInteger, nullable=False),
    Column("milliseconds", Integer),
    Column("something_else", Text),
    PrimaryKeyConstraint("lease", "number"),
    UniqueConstraint("lease", "key"),
    CheckConstraint("number >= 0", name="number"),
    CheckConstraint("milliseconds >= 0", name="milliseconds"),
    sqlite_with_rowid=False,
)
_says = text("something_else IS NOT NULL")
Index("ix_submissions_text", submissions.c.given_at, sqlite_where=_says, postgresql_where=_says)

votes = Table(
    "votes",
    metadata,
    Column("question", ForeignKey("questions.id"), nullable=False),
    Column("rater", ForeignKey("raters.id"), nullable=False),
    Column("round", SmallInteger, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("replaces", SmallInteger),
    Column("answer", SmallInteger, nullable=False),
    Column("purpose", SmallInteger, nullable=False),
    Column("given_at", BigInteger),
    Column("milliseconds", Integer),
    Column("lease", BigInteger),
    Column("submission", SmallInteger),
    Column("n_compared", SmallInteger, nullable=False, server_default=text("0")),
    Column("n_agreed", SmallInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("question", "rater", "round", "version"),
    ForeignKeyConstraint(
        ["question", "rater", "round", "replaces"],
        ["votes.question", "votes.rater", "votes.round", "votes.version"],
        name="fk_votes_replaces",
    ),
    ForeignKeyConstraint(["lease", "submission"], ["submissions.lease", "submissions.number"]),
    CheckConstraint("answer BETWEEN 0 AND 2", name="answer"),
    CheckConstraint(f"purpose BETWEEN {RATING} AND {IMPORTED}", name="purpose"),
    CheckConstraint("round >= 0 AND version >= 0", name="round"),
    CheckConstraint(
        "(version = 0 AND replaces IS NULL) OR (version > 0 AND replaces = version - 1)",
        name="replaces",
    ),
    CheckConstraint("milliseconds >= 0", name="milliseconds"),
    CheckConstraint("n_agreed BETWEEN 0 AND n_compared", name="n_agreed"),
    sqlite_with_rowid=False,
)
_repeats = text("round > 0")
Index("ix_votes_repeats", votes.c.rater, sqlite_where=_repeats, postgresql_where=_repeats)

slots = Table(
    "slots",
    metadata,
    Column("question", ForeignKey("questions.id"), nullable=False),
    Column("slot", SmallInteger, nullable=False),
    Column("n_slots", SmallInteger, ForeignKey("study.n_slots", onupdate="CASCADE"),
           nullable=False),
    Column("rater", ForeignKey("raters.id"), nullable=False),
    Column("round", SmallInteger, nullable=False, server_default=text("0")),
    Column("version", SmallInteger),
    PrimaryKeyConstraint("question", "slot"),
    UniqueConstraint("rater", "question"),
    ForeignKeyConstraint(
        ["question", "rater", "round", "version"],
        ["votes.question", "votes.rater", "votes.round", "votes.version"],
        name="fk_slots_vote",
    ),
    CheckConstraint("slot >= 0 AND slot < n_slots", name="slot"),
    CheckConstraint("round = 0", name="round"),
    sqlite_with_rowid=False,
)  # fmt: skip

expert_votes = Table(
    "expert_votes",
    metadata,
    Column("question", ForeignKey("questions.id"), nullable=False),
    Column("expert", ForeignKey("raters.id"), nullable=False),
    Column("for_gold", Boolean(create_constraint=False), nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("answer", SmallInteger, nullable=False),
    Column("note", Text, nullable=False, server_default=text("''")),
    Column("given_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("question", "expert", "for_gold", "version"),
    CheckConstraint("answer BETWEEN 0 AND 2", name="answer"),
    CheckConstraint("version >= 0", name="version"),
)

activity = Table(
    "activity",
    metadata,
    Column("rater", ForeignKey("raters.id"), nullable=False),
    Column("hour", Integer, nullable=False),
    Column("n_screens", Integer, nullable=False),
    Column("n_answers", Integer, nullable=False),
    Column("n_counted", Integer, nullable=False),
    Column("milliseconds", BigInteger, nullable=False),
    PrimaryKeyConstraint("rater", "hour"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", ForeignKey("raters.id")),
    Column("action", String(40), nullable=False),
    Column("detail", JSON, nullable=False),
)
