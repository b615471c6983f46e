"""The first schema. Frozen: what changes later is another script beside this one.

It spells out what `reassess.rating.schema` said when it was written, and adds the triggers
that keep votes append-only, which metadata cannot say.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table of an empty database."""
    _people_and_study()
    _what_is_asked()
    _what_is_answered()
    _what_experts_and_owners_say()
    _append_only()


def _people_and_study() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("n_slots", sa.SmallInteger(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_study_one_row")),
        sa.CheckConstraint("n_slots BETWEEN 1 AND 100", name=op.f("ck_study_n_slots")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("n_slots", name=op.f("uq_study_n_slots")),
    )
    op.create_table(
        "raters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("stage", sa.String(length=15), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("aside_at", sa.BigInteger(), nullable=True),
        sa.Column("n_leases", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_screens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_answers", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_counted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_timed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_fast", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_compared", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_agreed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("role IN ('rater', 'expert', 'owner')", name=op.f("ck_raters_role")),
        sa.CheckConstraint(
            "stage IN ('practice', 'qualification', 'rating', 'failed')",
            name=op.f("ck_raters_stage"),
        ),
        sa.CheckConstraint("n_agreed BETWEEN 0 AND n_compared", name=op.f("ck_raters_n_agreed")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raters")),
        sa.UniqueConstraint("name", name=op.f("uq_raters_name")),
    )
    op.create_table(
        "invitations",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("rater", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["rater"], ["raters.id"], name=op.f("fk_invitations_rater")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_invitations")),
    )
    op.create_table(
        "activity",
        sa.Column("rater", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("n_screens", sa.Integer(), nullable=False),
        sa.Column("n_answers", sa.Integer(), nullable=False),
        sa.Column("n_counted", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["rater"], ["raters.id"], name=op.f("fk_activity_rater")),
        sa.PrimaryKeyConstraint("rater", "hour", name=op.f("pk_activity")),
    )


def _what_is_asked() -> None:
    op.create_table(
        "images",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("name", name=op.f("uq_images_name")),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("image", sa.Integer(), nullable=False),
        sa.Column("use", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("gold", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("shuffle", sa.Integer(), nullable=False),
        sa.Column("level", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_questions", sa.SmallInteger(), nullable=False),
        sa.Column("n_open", sa.SmallInteger(), nullable=False),
        sa.Column("n_done", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_votes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_contested", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("gold BETWEEN 0 AND 2", name=op.f("ck_tasks_gold")),
        sa.CheckConstraint("n_done BETWEEN 0 AND n_questions", name=op.f("ck_tasks_n_done")),
        sa.CheckConstraint("n_open BETWEEN 0 AND n_questions", name=op.f("ck_tasks_n_open")),
        sa.CheckConstraint("n_questions BETWEEN 1 AND 8", name=op.f("ck_tasks_n_questions")),
        sa.CheckConstraint("use BETWEEN 0 AND 2", name=op.f("ck_tasks_use")),
        sa.ForeignKeyConstraint(["image"], ["images.id"], name=op.f("fk_tasks_image")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_index(
        "ix_tasks_gold",
        "tasks",
        ["gold", "shuffle"],
        unique=False,
        sqlite_where=sa.text("gold > 0"),
        postgresql_where=sa.text("gold > 0"),
    )
    op.create_index(op.f("ix_tasks_image"), "tasks", ["image"], unique=False)
    op.create_index(
        "ix_tasks_open",
        "tasks",
        ["level", "shuffle"],
        unique=False,
        sqlite_where=sa.text("n_open > 0"),
        postgresql_where=sa.text("n_open > 0"),
    )
    op.create_index(
        "ix_tasks_practice",
        "tasks",
        ["id"],
        unique=False,
        sqlite_where=sa.text("use = 1"),
        postgresql_where=sa.text("use = 1"),
    )
    op.create_table(
        "questions",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("task", sa.Integer(), nullable=False),
        sa.Column("image", sa.Integer(), nullable=False),
        sa.Column("label", sa.Integer(), nullable=False),
        sa.Column("n_taken", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_no", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_maybe", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_yes", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_settled", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("level", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("truth", sa.Boolean(), nullable=True),
        sa.CheckConstraint("label >= 0", name=op.f("ck_questions_label")),
        sa.CheckConstraint("n_no + n_maybe + n_yes <= n_taken", name=op.f("ck_questions_n_taken")),
        sa.CheckConstraint(
            "n_no >= 0 AND n_maybe >= 0 AND n_yes >= 0", name=op.f("ck_questions_counts")
        ),
        sa.ForeignKeyConstraint(["image"], ["images.id"], name=op.f("fk_questions_image")),
        sa.ForeignKeyConstraint(["task"], ["tasks.id"], name=op.f("fk_questions_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
        sa.UniqueConstraint("image", "label", name=op.f("uq_questions_image_label")),
    )
    op.create_index(
        "ix_questions_gold",
        "questions",
        ["id"],
        unique=False,
        sqlite_where=sa.text("truth IS NOT NULL"),
        postgresql_where=sa.text("truth IS NOT NULL"),
    )
    op.create_index(
        "ix_questions_open",
        "questions",
        ["label", "id"],
        unique=False,
        sqlite_where=sa.text("is_open"),
        postgresql_where=sa.text("is_open"),
    )
    op.create_index(op.f("ix_questions_task"), "questions", ["task"], unique=False)


def _what_is_answered() -> None:
    op.create_table(
        "leases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rater", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("task", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.SmallInteger(), nullable=False),
        sa.Column("is_sweep", sa.Boolean(), nullable=False),
        sa.Column("state", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("leased_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(state = 0) = (ended_at IS NULL)", name=op.f("ck_leases_ended")),
        sa.CheckConstraint("purpose BETWEEN 0 AND 4", name=op.f("ck_leases_purpose")),
        sa.CheckConstraint("state BETWEEN 0 AND 4", name=op.f("ck_leases_state")),
        sa.ForeignKeyConstraint(["rater"], ["raters.id"], name=op.f("fk_leases_rater")),
        sa.ForeignKeyConstraint(["task"], ["tasks.id"], name=op.f("fk_leases_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leases")),
        sa.UniqueConstraint("rater", "ordinal", name=op.f("uq_leases_rater_ordinal")),
    )
    op.create_index(
        "ix_leases_expiry",
        "leases",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 0"),
        postgresql_where=sa.text("state = 0"),
    )
    op.create_index("ix_leases_rater_task", "leases", ["rater", "task"], unique=False)
    op.create_index(
        "ix_leases_running",
        "leases",
        ["rater"],
        unique=False,
        sqlite_where=sa.text("state = 0"),
        postgresql_where=sa.text("state = 0"),
    )
    op.create_index(
        "ix_leases_unseen",
        "leases",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 4"),
        postgresql_where=sa.text("state = 4"),
    )
    op.create_table(
        "submissions",
        sa.Column("lease", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=True),
        sa.Column("something_else", sa.Text(), nullable=True),
        sa.CheckConstraint("milliseconds >= 0", name=op.f("ck_submissions_milliseconds")),
        sa.CheckConstraint("number >= 0", name=op.f("ck_submissions_number")),
        sa.ForeignKeyConstraint(["lease"], ["leases.id"], name=op.f("fk_submissions_lease")),
        sa.PrimaryKeyConstraint("lease", "number", name=op.f("pk_submissions")),
        sa.UniqueConstraint("lease", "key", name=op.f("uq_submissions_lease_key")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_submissions_text",
        "submissions",
        ["given_at"],
        unique=False,
        sqlite_where=sa.text("something_else IS NOT NULL"),
        postgresql_where=sa.text("something_else IS NOT NULL"),
    )
    op.create_table(
        "votes",
        sa.Column("question", sa.Integer(), nullable=False),
        sa.Column("rater", sa.Integer(), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("replaces", sa.SmallInteger(), nullable=True),
        sa.Column("answer", sa.SmallInteger(), nullable=False),
        sa.Column("purpose", sa.SmallInteger(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=True),
        sa.Column("lease", sa.BigInteger(), nullable=True),
        sa.Column("submission", sa.SmallInteger(), nullable=True),
        sa.Column("n_compared", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_agreed", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "(version = 0 AND replaces IS NULL) OR (version > 0 AND replaces = version - 1)",
            name=op.f("ck_votes_replaces"),
        ),
        sa.CheckConstraint("answer BETWEEN 0 AND 2", name=op.f("ck_votes_answer")),
        sa.CheckConstraint("milliseconds >= 0", name=op.f("ck_votes_milliseconds")),
        sa.CheckConstraint("n_agreed BETWEEN 0 AND n_compared", name=op.f("ck_votes_n_agreed")),
        sa.CheckConstraint("purpose BETWEEN 0 AND 5", name=op.f("ck_votes_purpose")),
        sa.CheckConstraint("round >= 0 AND version >= 0", name=op.f("ck_votes_round")),
        sa.ForeignKeyConstraint(
            ["lease", "submission"],
            ["submissions.lease", "submissions.number"],
            name=op.f("fk_votes_lease_submission"),
        ),
        sa.ForeignKeyConstraint(
            ["question", "rater", "round", "replaces"],
            ["votes.question", "votes.rater", "votes.round", "votes.version"],
            name="fk_votes_replaces",
        ),
        sa.ForeignKeyConstraint(["question"], ["questions.id"], name=op.f("fk_votes_question")),
        sa.ForeignKeyConstraint(["rater"], ["raters.id"], name=op.f("fk_votes_rater")),
        sa.PrimaryKeyConstraint("question", "rater", "round", "version", name=op.f("pk_votes")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_votes_repeats",
        "votes",
        ["rater"],
        unique=False,
        sqlite_where=sa.text("round > 0"),
        postgresql_where=sa.text("round > 0"),
    )
    op.create_table(
        "slots",
        sa.Column("question", sa.Integer(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("n_slots", sa.SmallInteger(), nullable=False),
        sa.Column("rater", sa.Integer(), nullable=False),
        sa.Column("round", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint("round = 0", name=op.f("ck_slots_round")),
        sa.CheckConstraint("slot >= 0 AND slot < n_slots", name=op.f("ck_slots_slot")),
        sa.ForeignKeyConstraint(
            ["n_slots"], ["study.n_slots"], name=op.f("fk_slots_n_slots"), onupdate="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["question", "rater", "round", "version"],
            ["votes.question", "votes.rater", "votes.round", "votes.version"],
            name="fk_slots_vote",
        ),
        sa.ForeignKeyConstraint(["question"], ["questions.id"], name=op.f("fk_slots_question")),
        sa.ForeignKeyConstraint(["rater"], ["raters.id"], name=op.f("fk_slots_rater")),
        sa.PrimaryKeyConstraint("question", "slot", name=op.f("pk_slots")),
        sa.UniqueConstraint("rater", "question", name=op.f("uq_slots_rater_question")),
        sqlite_with_rowid=False,
    )


def _what_experts_and_owners_say() -> None:
    op.create_table(
        "expert_votes",
        sa.Column("question", sa.Integer(), nullable=False),
        sa.Column("expert", sa.Integer(), nullable=False),
        sa.Column("for_gold", sa.Boolean(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("answer", sa.SmallInteger(), nullable=False),
        sa.Column("note", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("answer BETWEEN 0 AND 2", name=op.f("ck_expert_votes_answer")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_expert_votes_version")),
        sa.ForeignKeyConstraint(["expert"], ["raters.id"], name=op.f("fk_expert_votes_expert")),
        sa.ForeignKeyConstraint(
            ["question"], ["questions.id"], name=op.f("fk_expert_votes_question")
        ),
        sa.PrimaryKeyConstraint(
            "question", "expert", "for_gold", "version", name=op.f("pk_expert_votes")
        ),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["actor"], ["raters.id"], name=op.f("fk_audit_log_actor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )


def _append_only() -> None:
    """Let the database refuse to change or delete a vote, an expert's answer, or the log."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
    for table in ("votes", "submissions", "expert_votes", "audit_log"):
        if postgresql:
            op.execute(
                f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
            continue
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_append_only_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
