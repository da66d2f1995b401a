"""Passwords: which are accepted, and argon2id off the event loop, a bounded number at a time."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from sql import errors

LEAST_LENGTH = 12
GREATEST_LENGTH = 128
_COMMON = Path(__file__).parent / "common_passwords.txt"
T = TypeVar("T")


@dataclass(slots=True)
class _Hashing:
    hasher: argon2.PasswordHasher = field(default_factory=argon2.PasswordHasher)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "argon2"))
    # Verified for unknown accounts, so that they take as long as known ones.
    decoy: str | None = None


_hashing = _Hashing()


def configure(*, time_cost: int, memory_kib: int, parallelism: int, threads: int) -> None:
    """Set the cost of a hash and how many are computed at a time, for this process."""
    _hashing.pool.shutdown(wait=False)
    _hashing.hasher = argon2.PasswordHasher(
        time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism
    )
    _hashing.pool = ThreadPoolExecutor(threads, "argon2")
    _hashing.decoy = None


async def _off_loop(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_hashing.pool, work)


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    return await _off_loop(functools.partial(_hashing.hasher.hash, _bytes(password)))


def _bytes(password: str) -> bytes:
    # JSON can carry half a surrogate pair: such a password is wrong, and no failure of the server.
    return password.encode("utf-8", "surrogatepass")


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Return whether a password fits a hash; None (no such account) takes as long and is False."""
    if password_hash is None:
        if _hashing.decoy is None:
            # Making a hash takes as long as verifying one: the first unknown account takes no longer.
            _hashing.decoy = await hash_password("a password that nobody has")
        else:
            await _off_loop(functools.partial(_verify, _hashing.decoy, password))
        return False
    return await _off_loop(functools.partial(_verify, password_hash, password))


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hashing.hasher.verify(password_hash, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """Return whether a hash was made with other costs than today's."""
    return _hashing.hasher.check_needs_rehash(password_hash)


@functools.cache
def _common() -> frozenset[str]:
    return frozenset(_COMMON.read_text(encoding="utf-8").split())


def validate_password(password: str, *, email: str, field: str = "password") -> None:
    """Raise InvalidInput, naming the bound, for a password that is too short, too long or easily guessed."""
    reason = None
    lowered = password.casefold()
    local = email.strip().casefold().partition("@")[0]
    if not LEAST_LENGTH <= len(password) <= GREATEST_LENGTH:
        reason = f"{field} must have {LEAST_LENGTH} to {GREATEST_LENGTH} characters, not {len(password)}."
    elif any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in password):
        reason = f"{field} holds a character that can not be stored."
    elif lowered in _common() or len(set(lowered)) < 5 or _is_repeated(lowered) or _is_sequence(lowered):
        reason = f"{field} is among the passwords that are guessed first: take another."
    elif len(local) >= 4 and local in lowered and len(lowered) - len(local) < LEAST_LENGTH - 4:
        reason = f"{field} is mostly your e-mail address: take another."
    if reason is not None:
        raise errors.InvalidInput([errors.FieldError((field,), reason)])


def _is_repeated(text: str) -> bool:
    """Return whether a text is one short piece again and again: "abcabcabcabc"."""
    return any(
        len(text) % size == 0 and text == text[:size] * (len(text) // size)
        for size in range(1, len(text) // 2 + 1)
    )


def _is_sequence(text: str) -> bool:
    """Return whether each character follows the one before: "abcdefghijkl", "987654321098"."""
    steps = {ord(b) - ord(a) for a, b in itertools.pairwise(text)}
    return steps in ({1}, {-1}) or steps <= {1, -9} or steps <= {-1, 9}
