"""Idempotency keys: a repeated create answers with the record it made the first time."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from sql import errors, models
from sql.models import IdempotencyReceipt
from sql.sync_cleanup import KEEP

ANONYMOUS = 0


def key_reused() -> errors.Conflict:
    """Return the refusal of a key that came with another input."""
    return errors.Conflict(
        "KEY_REUSED", "This idempotency key was used for another input.", path=("idempotencyKey",)
    )


async def find(
    session: AsyncSession, user_id: int | None, mutation: str, key: str, input_hash: str
) -> IdempotencyReceipt | None:
    """Return the receipt of an earlier call with this key, or None.

    Raises Conflict(KEY_REUSED) when the key came with another input.
    """
    receipt = await session.get(IdempotencyReceipt, (user_id or ANONYMOUS, mutation, key))
    if receipt is None:
        return None
    if receipt.created_at < models.now() - KEEP:
        # It may outlive its day until the next clean-up; the caller need not know.
        await session.delete(receipt)
        await session.flush()
        return None
    if receipt.input_hash != input_hash:
        raise key_reused()
    return receipt


async def store(
    session: AsyncSession,
    user_id: int | None,
    mutation: str,
    key: str,
    input_hash: str,
    *,
    record_key: object,
    write_id: str | None = None,
) -> IdempotencyReceipt:
    """Keep what a create answered, in the transaction of the create."""
    receipt = IdempotencyReceipt(
        user_id=user_id or ANONYMOUS,
        mutation=mutation,
        key=key,
        input_hash=input_hash,
        record_key=str(record_key),
        write_id=write_id,
        created_at=models.now(),
    )
    session.add(receipt)
    await session.flush()
    return receipt
