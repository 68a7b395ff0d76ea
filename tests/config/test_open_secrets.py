"""A password in a file that everybody may read is a fault of that line."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.config.places import Places, shipped
from edgeseg.config.secrets import hidden, is_secret
from edgeseg.errors import ConfigError
from edgeseg.resolve import resolve
from edgeseg.run_settings import wrong_words


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("gst:rtspsrc location=rtsp://me:pa55@camera/1 ! decodebin", True),
        ("gst:rtspsrc location=rtsp://camera/1 user-id=me user-pw=pa55", True),
        ("gst:srtsrc uri=srt://host passphrase=0123456789", True),
        ("http://:pa55@camera/", True),
        ("gst:rtspsrc location=rtsp://camera:554/1", False),
        ("gst:rtspsrc location=rtsp://me@camera/1", False),
        ("gst:videotestsrc ! video/x-raw,width=640", False),
        ("image:password.jpg", False),
        ("camera:0", False),
        (30, False),
        (None, False),
    ],
)
def test_what_is_a_password(value: object, secret: bool) -> None:
    assert is_secret(value) is secret


@pytest.mark.parametrize(("mode", "refused"), [(0o644, True), (0o604, True), (0o640, False), (0o600, False)])
def test_it_must_not_be_for_all_to_read(tmp_path: Path, mode: int, refused: bool) -> None:
    path = tmp_path / "door.yaml"
    path.write_text('profile: generic-x86\nsource: "gst:rtspsrc location=rtsp://me:pa55@camera/1"\n')
    path.chmod(mode)

    def never() -> object:
        raise AssertionError("the profile is named")

    effective = resolve(never, instance="door", where=Places((tmp_path,), (shipped(),)))  # type: ignore[arg-type]
    faults = wrong_words(effective)
    assert [fault.startswith(f"{path}:2: source holds a password") for fault in faults] == [True] * refused
    assert all("pa55" not in fault and f"chmod 640 {path}" in fault for fault in faults)


def test_the_error_is_one_of_config() -> None:
    assert ConfigError.exit_code == 2  # and the unit is not restarted for it


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("location=rtsp://me:pa55@camera/1 ! x", "location=rtsp://me:***@camera/1 ! x"),
        ("'rtspsrc user-pw=pa55 ! x' failed", "'rtspsrc user-pw=*** ! x' failed"),
        ("'rtspsrc user-pw=pa55' failed", "'rtspsrc user-pw=***' failed"),
        ("rtsp://camera:554/1 at 12:30 @ home", "rtsp://camera:554/1 at 12:30 @ home"),
    ],
)
def test_logs_show_none(text: str, shown: str) -> None:
    assert hidden(text) == shown
