"""Refresh tokens: stored as hashes, used once, and the reuse of one ends its whole family."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

import sql.audit
from sql import models
from sql.models import RefreshToken

TOKEN_BYTES = 32
GREATEST_LENGTH = 200


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new refresh token in clear: shown once, never stored."""

    token: str
    expires_at: datetime


def _hash(token: str) -> str:
    # The token is 256 random bits: a plain hash can not be guessed back.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


async def issue(
    session: AsyncSession, user_id: int, *, lifetime: timedelta, family: str | None = None
) -> IssuedToken:
    """Return a new refresh token, of a new family unless one is named."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    expires_at = models.now() + lifetime
    session.add(
        RefreshToken(
            token_hash=_hash(token), family=family or models.new_id(), user_id=user_id, expires_at=expires_at
        )
    )
    await session.flush()
    return IssuedToken(token, expires_at)


async def rotate(
    session: AsyncSession, token: str, *, lifetime: timedelta
) -> tuple[models.User, IssuedToken] | None:
    """Spend a token for a new one of its family; None when it does not hold.

    A token that was spent before ends its family: one of its two holders is a thief. This is an outcome
    and no exception, so that the transaction with the revocation commits.
    """
    if len(token) > GREATEST_LENGTH:
        return None
    moment = models.now()
    # The update is the lock: of two callers with one token only one spends it.
    spent = await session.execute(
        update(RefreshToken)
        .where(
            RefreshToken.token_hash == _hash(token),
            RefreshToken.used_at.is_(None),
            RefreshToken.revoked_at.is_(None),
            RefreshToken.expires_at > moment,
        )
        .values(used_at=moment)
        .returning(RefreshToken.user_id, RefreshToken.family)
    )
    row = spent.one_or_none()
    if row is None:
        known = await session.get(RefreshToken, _hash(token))
        if known is not None and known.used_at is not None and known.revoked_at is None:
            await _revoke_family(session, known.family)
            await sql.audit.write(session, None, "refreshTokenReused", models.Kind.USER, known.user_id)
        return None
    user = await session.get(models.User, row.user_id)
    if user is None or not user.active:
        return None
    return user, await issue(session, user.id, lifetime=lifetime, family=row.family)


async def _revoke_family(session: AsyncSession, family: str) -> None:
    await session.execute(
        update(RefreshToken)
        .where(RefreshToken.family == family, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=models.now())
    )


async def revoke(session: AsyncSession, token: str, *, everywhere: bool = False) -> int:
    """End the session of a token, or all of its account; return how many sessions ended (families).

    A token that is over ends nothing: who finds an old one must not be able to sign its owner out.
    """
    known = await session.get(RefreshToken, _hash(token)) if len(token) <= GREATEST_LENGTH else None
    if known is None or known.revoked_at is not None or known.expires_at <= models.now():
        return 0
    condition = RefreshToken.user_id == known.user_id if everywhere else RefreshToken.family == known.family
    return await _end(session, condition)


async def revoke_all(session: AsyncSession, user_id: int) -> int:
    """End every session of an account; return how many ended."""
    return await _end(session, RefreshToken.user_id == user_id)


async def _end(session: AsyncSession, condition: ColumnElement[bool]) -> int:
    moment = models.now()
    live = (
        RefreshToken.revoked_at.is_(None),
        RefreshToken.used_at.is_(None),
        RefreshToken.expires_at > moment,
    )
    families = set(await session.scalars(select(RefreshToken.family).where(condition, *live)))
    await session.execute(
        update(RefreshToken).where(condition, RefreshToken.revoked_at.is_(None)).values(revoked_at=moment)
    )
    return len(families)
