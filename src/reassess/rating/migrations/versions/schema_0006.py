"""The study that a store belongs to.

Earlier versions did not know: the study that opens such a store, and has its images, says so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the study's id, empty; nothing that is there changes."""
    op.add_column("study", sa.Column("study_id", sa.String(32), nullable=True))
