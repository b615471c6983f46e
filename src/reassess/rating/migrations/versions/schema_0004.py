"""What raters agreed to, addresses by which people enrol themselves, and a person's own limits.

A store that is there has neither consent nor addresses, and nobody in it has a limit.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add consent and recruiting; nothing that is there changes."""
    _consent()
    _recruiting()
    for column in (
        sa.Column("channel", sa.String(12), nullable=True),
        sa.Column("goal", sa.Integer(), nullable=True),
        sa.Column("most_tasks", sa.Integer(), nullable=True),
    ):
        op.add_column("raters", column)


def _consent() -> None:
    op.create_table(
        "consent_texts",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_consent_texts")),
    )
    op.create_table(
        "consents",
        sa.Column("rater", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["rater"], ["raters.id"], name=op.f("fk_consents_rater")),
        sa.ForeignKeyConstraint(
            ["digest"], ["consent_texts.digest"], name=op.f("fk_consents_digest")
        ),
        sa.PrimaryKeyConstraint("rater", "digest", name=op.f("pk_consents")),
    )


def _recruiting() -> None:
    op.create_table(
        "join_addresses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(12), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("most_people", sa.Integer(), nullable=False),
        sa.Column("n_people", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("goal", sa.Integer(), nullable=True),
        sa.Column("most_tasks", sa.Integer(), nullable=True),
        sa.Column("completion_code", sa.String(100), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "channel IN ('prolific', 'mturk', 'classroom')", name=op.f("ck_join_addresses_channel")
        ),
        sa.CheckConstraint(
            "n_people BETWEEN 0 AND most_people", name=op.f("ck_join_addresses_n_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_addresses")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_join_addresses_token_hash")),
    )
    op.create_table(
        "enrolments",
        sa.Column("address", sa.Integer(), nullable=False),
        sa.Column("person_hash", sa.String(64), nullable=False),
        sa.Column("rater", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=True),
        sa.Column("platform_study", sa.Text(), nullable=True),
        sa.Column("platform_session", sa.Text(), nullable=True),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("from_task", sa.Integer(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("completion_code", sa.String(100), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(
            ["address"], ["join_addresses.id"], name=op.f("fk_enrolments_address")
        ),
        sa.ForeignKeyConstraint(["rater"], ["raters.id"], name=op.f("fk_enrolments_rater")),
        sa.PrimaryKeyConstraint("address", "person_hash", name=op.f("pk_enrolments")),
    )
    op.create_index("ix_enrolments_person_hash", "enrolments", ["person_hash"])
    op.create_index("ix_enrolments_rater", "enrolments", ["rater"])
