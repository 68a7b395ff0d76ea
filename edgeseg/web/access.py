"""Who may come in: a token that is made once, shown once and kept as a hash, and the sessions that it opens.

A token has 160 random bits, so that its plain SHA-256 can be kept: nobody can try them all, and a slow hash would only
cost the board.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeseg.errors import NotPermitted
from edgeseg.tiers.kept import state_folder

SESSION_S = 12 * 3600.0
MOST_SESSIONS = 64
FILE_NAME = "page-token.json"


def token_file() -> Path:
    """Where this user's, or this service's, token is kept."""
    return state_folder() / FILE_NAME


def make_token(path: Path) -> str:
    """A new token in place of the one before, whose sessions end. Raises NotPermitted."""
    token = secrets.token_urlsafe(20)
    aside = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"sha256": _hash(token), "made": int(time.time())}, file)
        aside.replace(path)
    except OSError as error:
        raise NotPermitted(f"The token cannot be kept in {path}: {error.strerror}.") from error
    return token


@dataclass(slots=True)
class Session:
    """Somebody who showed the token. csrf: what our page knows and another site does not. of: the token's hash."""

    csrf: str
    until: float
    of: str | None


class Access:
    """The token's file, and who is signed in. now: seconds, never going back."""

    def __init__(self, path: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._path, self._now = path, now
        self._sessions: dict[str, Session] = {}
        self.csrf = secrets.token_urlsafe(16)  # of those who need no token

    @property
    def has_token(self) -> bool:
        """Whether there is one."""
        return self._kept() is not None

    def knows(self, token: str) -> bool:
        """Whether this is the token."""
        kept = self._kept()
        return kept is not None and hmac.compare_digest(kept, _hash(token))

    def open(self) -> tuple[str, Session]:
        """A new session; the oldest one goes where there are too many."""
        now = self._now()
        self._sessions = {name: one for name, one in self._sessions.items() if one.until > now}
        while len(self._sessions) >= MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))
        name = secrets.token_urlsafe(24)
        session = self._sessions[name] = Session(secrets.token_urlsafe(16), now + SESSION_S, self._kept())
        return name, session

    def session(self, name: str | None) -> Session | None:
        """The session of this cookie, if it lasts still and the token is the one that opened it."""
        found = self._sessions.get(name) if name else None
        if found is None or found.until <= self._now() or found.of != self._kept():
            return None
        return found

    def end(self, name: str | None) -> None:
        """Sign out."""
        if name:
            self._sessions.pop(name, None)

    def _kept(self) -> str | None:
        """Read anew each time, so that a new token holds at once."""
        try:
            kept = json.loads(self._path.read_bytes())["sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return kept if isinstance(kept, str) and len(kept) == 64 else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
