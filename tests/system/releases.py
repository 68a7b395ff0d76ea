"""Releases for the drills: this checkout under other version numbers, some of them bad, each in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from edgeseg import __version__
from tests.system.wheels import other_version

Change = Mapping[str, Callable[[bytes], bytes]]
FIRST = __version__
GOOD, BETTER, NEVER_STARTS, CRASHES, SLOW, BLIND = "0.1.901", "0.1.902", "0.1.903", "0.1.904", "0.1.905", "0.1.906"
# A machine that others use too may itself be slower in a release's 8 seconds than before: then it is tried again.
SLOWER, TRIES = "frames a second, and before it was", 4


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(text: bytes) -> bytes:
        assert old in text, f"the release is not spoilt: there is no {old!r}"
        return text.replace(old, new)

    return change


_WRITE = b"        if self._closed:\n"
CHANGES: dict[str, Change] = {
    GOOD: {},
    BETTER: {},
    NEVER_STARTS: {
        "edgeseg/_data/systemd/edgeseg@.service": replaced(b"Type=notify", b"Type=notify\nExecStartPre=/bin/false")
    },
    CRASHES: {
        "edgeseg/sinks/null.py": replaced(
            _WRITE,
            b"        self.n = getattr(self, 'n', 0) + 1\n        if self.n > 60:\n"
            b"            __import__('os').abort()\n" + _WRITE,
        )
    },
    SLOW: {"edgeseg/sinks/null.py": replaced(_WRITE, b"        __import__('time').sleep(0.15)\n" + _WRITE)},
    BLIND: {"edgeseg/stages/postprocess.py": replaced(b"alpha=255)", b"alpha=-255, beta=255)")},
}


def made(wheel: Path, version: str) -> str:
    """A version's wheel, made beside that of the checkout if it is not there; as a board sees it."""
    path = wheel.with_name(wheel.name.replace(f"-{FIRST}-", f"-{version}-"))
    if not path.exists():
        other_version(wheel, version, CHANGES[version])  # that of FIRST is the checkout's
    return f"/srv/{path.name}"


def install(wheel: Path, *more: str) -> tuple[list[str], dict[str, str]]:
    """The command that puts the service on a clean machine without a camera, and its environment."""
    argv = ["python3", "-m", "edgeseg.install", "--camera", "file:/srv/clip.mp4", "--sink", "null"]
    environment = {"PYTHONPATH": f"/srv/{wheel.name}", "PYTHONDONTWRITEBYTECODE": "1"}
    return [*argv, "--wheelhouse", "/mnt", *more], environment
