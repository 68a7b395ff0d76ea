"""`edgeseg top` over the API."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from paging import paging

from edgeseg.web.access import token_file


def top(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgeseg", "top", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environ}, timeout=60, check=False
    )


def test_it_shows_what_runs_and_says_what_is_wrong() -> None:
    with paging() as made:
        done = top(made.url, "--once")
        assert done.returncode == 0, done.stderr
        assert "fake on" in done.stdout
        assert "infer" in done.stdout
        assert json.loads(top(made.url, "--json").stdout)["instance"] == "run"
    gone = top(made.url, "--once")
    assert (gone.returncode, gone.stderr.startswith("edgeseg: Nothing answers at")) == (69, True)
    assert top("ftp://x").returncode == 2


def test_it_shows_the_token() -> None:
    token_file().unlink(missing_ok=True)
    with paging(hosts=("cam.example",)) as made:
        assert made.web is not None
        refused = top(made.url, "--once")
        assert (refused.returncode, "Show the token first." in refused.stderr) == (8, True)
        assert top(made.url, "--once", EDGESEG_TOKEN=made.web.token or "").returncode == 0
