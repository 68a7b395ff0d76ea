"""The API held to its own OpenAPI by schemathesis: every answer is one that was announced, and none is a 500."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from paging import Paging, no_rate_limit, paging

# Of each route a few; with EDGESEG_SYSTEM=1 more of them, and every corner of every schema.
PHASES, EXAMPLES = ("examples,coverage,fuzzing", "40") if os.environ.get("EDGESEG_SYSTEM") else ("fuzzing", "3")
# A precondition that does not hold, and bytes that are no picture, are valid by the schema.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "413", "415", "429", "5xx"]
"""
# The streams do not end, the doctor takes a minute, and so do snapshots of a run that has been made to stop.
LEFT_OUT = r"mjpg|doctor|probe|snapshot"


@pytest.fixture(scope="module")
def one() -> Iterator[Paging]:
    with pytest.MonkeyPatch.context() as patch:
        no_rate_limit(patch)
        with paging() as made:
            yield made


def test_the_schema_knows_every_route(one: Paging) -> None:
    paths = one.client.get("/api/v1/openapi.json").json()["paths"]
    assert {"/api/v1/state", "/api/v1/settings", "/api/v1/backgrounds/{name}", "/metrics", "/readyz"} <= set(paths)
    for path, methods in paths.items():
        for method, route in methods.items():
            assert route["description"], (method, path)
            codes = route["responses"]
            assert "application/problem+json" in codes["422"]["content"], (method, path)


def test_schemathesis_finds_nothing(one: Paging, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{one.url}/api/v1/openapi.json",
        "--checks", "all", "--phases", PHASES, "--max-examples", EXAMPLES, "--seed", "1",
        "--exclude-path-regex", LEFT_OUT, "--request-timeout", "20", "--no-color", "--continue-on-failure",
        "--generation-database", "none", "--workers", "1",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert one.client.get("/readyz").status_code == 200
    assert json.loads(one.client.get("/api/v1/settings").text)["revision"]
