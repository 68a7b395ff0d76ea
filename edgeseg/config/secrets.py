"""Passwords in config files: a file that has one must not be for everybody to read."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable
from pathlib import Path

# A password in an address; options of GStreamer's elements (rtspsrc, souphttpsrc, srtsrc) that take one.
_SECRET = re.compile(
    r"://[^/\s:@]*:[^/\s@]+@|\b(?:user-pw|proxy-pw|passphrase|password|passwd|secret|token)\s*=\s*\S", re.IGNORECASE
)


def is_secret(value: object) -> bool:
    """Whether a setting's value holds a password."""
    return isinstance(value, str) and _SECRET.search(value) is not None


def open_secrets(settings: Iterable[tuple[str, object, str]]) -> list[str]:
    """ "file:line: what" of each secret in a file that everybody may read. settings: (key, value, "file:line")."""
    faults = []
    for key, value, origin in settings:
        path, _, line = origin.rpartition(":")
        if is_secret(value) and line.isdigit() and _is_for_all(Path(path)):
            remedy = f"chgrp edgeseg {path}; chmod 640 {path}"
            faults.append(f"{origin}: {key} holds a password, and everybody may read the file: {remedy}")
    return faults


def _is_for_all(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH)
    except OSError:
        return False
