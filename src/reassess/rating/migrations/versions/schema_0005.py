"""On which devices people are signed in, so that one of them can be signed out.

Sessions that a store holds already have no row, and hold as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the sessions; nothing that is there changes."""
    op.create_table(
        "sessions",
        sa.Column("mark", sa.String(64), nullable=False),
        sa.Column("rater", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("device", sa.String(100), server_default=sa.text("''"), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["rater"], ["raters.id"], name=op.f("fk_sessions_rater")),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_rater", "sessions", ["rater"])
