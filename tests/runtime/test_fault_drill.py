"""Every kind of fault once, at random moments, in a real child of a live run; `drill_faults.py` does it many times."""

from __future__ import annotations

import pytest
from drill_faults import KINDS, Result, drill


@pytest.mark.slow
def test_the_cpu_takes_over_and_nothing_shows() -> None:
    done: list[Result] = []
    results, leaked = drill(1, 1, done.append)
    assert leaked == []
    assert {one.kind for one in results} == {one.kind for one in done} == set(KINDS)
    said = {one.kind: one.said for one in results}
    for kind in ("SIGSEGV", "SIGABRT", "SIGKILL", "SIGBUS"):
        assert kind in said[kind]
    for kind in ("SIGSTOP", "stuck"):
        assert "did not answer within 0.25 s" in said[kind]
    assert "exit code 3" in said["exit"]
    assert "(71, 128)" in said["shape"]
    assert "known-answer" in said["ones"]
    assert "is gone" in said["device gone"]
