"""Index the records that wait for the graph by kind: a claim reads the front of each line."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WAITING = sa.text("dead_at IS NULL AND next_attempt_at IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_sync_records_in_line",
        "sync_records",
        ["kind", "changed_at", "id"],
        unique=False,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def downgrade() -> None:
    op.drop_index("ix_sync_records_in_line", table_name="sync_records")
