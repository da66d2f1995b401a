"""Access tokens: JWT, one fixed algorithm, at most 15 minutes, signed by the newest of two secrets."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from resolvers.problems import Unauthenticated
from sql import models

ALGORITHM = "HS256"
ISSUER = "lab-tutor"
AUDIENCE = "lab-tutor-api"
LEEWAY_SECONDS = 5
REMEMBERED = 4_096


class AccessTokens:
    """Issues and reads access tokens.

    A token names its key (`kid`), so that a changed secret and the one before it both verify.
    """

    def __init__(self, secret: str, previous_secret: str | None, lifetime_seconds: int) -> None:
        self._secret = secret
        self._kid = _kid(secret)
        self._keys = {self._kid: secret}
        if previous_secret:
            self._keys[_kid(previous_secret)] = previous_secret
        self._lifetime = timedelta(seconds=lifetime_seconds)
        # Token -> (person, end): once it held, only its end can change that.
        self._held: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def issue(self, user: models.User) -> tuple[str, datetime]:
        """Return (token, moment of its end) for a person."""
        now = datetime.now(UTC)
        expires_at = now + self._lifetime
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user.id),
            "iat": now,
            "nbf": now,
            "exp": expires_at,
            "jti": models.new_id(),
        }
        return jwt.encode(claims, self._secret, ALGORITHM, headers={"kid": self._kid}), expires_at

    def of_header(self, header: str | None) -> int | None:
        """Return whose token an Authorization header carries, None without one; raise Unauthenticated."""
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("The Authorization header must be: Bearer <access token>.")
        return self.user_id(token.strip())

    def user_id(self, token: str) -> int:
        """Return whose token it is; raise Unauthenticated for any that does not hold."""
        return self.read(token)[0]

    def expiry(self, header: str | None) -> float | None:
        """Return the Unix time at which the token of an Authorization header ends; None without one."""
        if header is None:
            return None
        return self.read(header.partition(" ")[2].strip())[1]

    def read(self, token: str) -> tuple[int, float]:
        """Return (whose token it is, Unix time of its end); raise Unauthenticated for any that does not hold."""
        held = self._held.get(token)
        if held is not None and time.time() - LEEWAY_SECONDS < held[1]:
            return held
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "nbf", "iat", "iss", "aud", "sub"]},
            )
            held = self._held[token] = (int(claims["sub"]), float(claims["exp"]))
            if len(self._held) > REMEMBERED:
                self._held.popitem(last=False)
            return held
        except (jwt.PyJWTError, KeyError, ValueError, TypeError):
            raise Unauthenticated(
                "The access token is not valid or has ended: refresh the session or sign in again."
            ) from None


def _kid(secret: str) -> str:
    return hashlib.sha256(b"kid:" + secret.encode()).hexdigest()[:12]
