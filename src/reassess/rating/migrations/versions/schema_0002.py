"""The store's own id, epochs that are random, people who were removed, practice in the database.

Version 0.1.0 knew its database by nothing, so that cookies and leases of one were taken by the
next at the same address.
"""

import secrets
import time

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what tells one database from another; a study that is there gets an id."""
    _identity()
    op.execute("ALTER TABLE raters DROP COLUMN epoch")
    for column in (
        sa.Column("epoch", sa.String(32), nullable=False, server_default=sa.text("''")),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("shown_share", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("shown_after", sa.Integer(), nullable=False, server_default=sa.text("-1")),
    ):
        op.add_column("raters", column)
    op.add_column("invitations", sa.Column("revoked_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "practice_images",
        sa.Column("image", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["image"], ["images.id"], name=op.f("fk_practice_images_image")),
        sa.PrimaryKeyConstraint("image", name=op.f("pk_practice_images")),
    )
    op.create_index(
        "ix_leases_ran_out",
        "leases",
        ["rater"],
        sqlite_where=sa.text("state = 2"),
        postgresql_where=sa.text("state = 2"),
    )
    _fill()


def _identity() -> None:
    op.create_table(
        "identities",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("store_id", sa.String(32), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("first_lease", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("place", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "origin IN ('made', 'migrated', 'copied', 'rolled back', 'restored')",
            name=op.f("ck_identities_origin"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_identities")),
        sa.UniqueConstraint("store_id", name=op.f("uq_identities_store_id")),
    )
    op.create_table(
        "services",
        sa.Column("mark", sa.String(32), nullable=False),
        sa.Column("identity", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity"], ["identities.number"], name=op.f("fk_services_identity")
        ),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_services")),
    )


def _fill() -> None:
    """An id for a study that is there, and an epoch for everybody in it."""
    connection = op.get_bind()
    for number in connection.execute(sa.text("SELECT id FROM raters")).scalars().all():
        connection.execute(
            sa.text("UPDATE raters SET epoch = :epoch WHERE id = :id"),
            {"epoch": secrets.token_hex(16), "id": number},
        )
    if connection.execute(sa.text("SELECT 1 FROM study")).first() is not None:
        connection.execute(
            sa.text(
                "INSERT INTO identities (number, store_id, since, first_lease, origin, place) "
                "VALUES (1, :store_id, :since, 0, 'migrated', '?')"
            ),
            {"store_id": secrets.token_hex(16), "since": int(time.time() * 1000)},
        )
