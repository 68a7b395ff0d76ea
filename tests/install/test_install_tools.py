"""What pip says when it fails, in a sentence that says what to do."""

from __future__ import annotations

import pytest

from edgeseg.errors import EdgesegError, OutputError, Unreachable
from edgeseg.install.tools import _of_ours, of_pip

SAID = [
    ("WARNING: Retrying (Retry(total=4)) after connection broken", Unreachable, "bring wheels with --wheelhouse"),
    ("ERROR: Could not install packages: [Errno 28] No space left on device", OutputError, "The disk is full"),
    (
        "ERROR: Cannot install edgeseg and numpy==1.24.2\nERROR: ResolutionImpossible: for help visit a page",
        OutputError,
        "do not fit together",
    ),
    ("ERROR: a\nERROR: No matching distribution found for av>=14\n", OutputError, "No matching distribution found for"),
    ("Killed", OutputError, "pip could not install edgeseg: Killed."),
]


@pytest.mark.parametrize(("said", "kind", "sentence"), SAID, ids=[sentence for _, _, sentence in SAID])
def test_pips_failures(said: str, kind: type[EdgesegError], sentence: str) -> None:
    found = of_pip(said)
    assert type(found) is kind
    assert sentence in str(found)


def test_only_our_own_words_are_taken_of_what_our_program_said() -> None:
    said = "INFO: Created a delegate.\nedgeseg: /etc/edgeseg/camera.yaml:1: no\n/etc/edgeseg/camera.yaml:2: nor this\n"
    assert _of_ours(said) == "/etc/edgeseg/camera.yaml:1: no\n/etc/edgeseg/camera.yaml:2: nor this"
    assert _of_ours("Killed\n") == "Killed"
    assert _of_ours("") == ""
