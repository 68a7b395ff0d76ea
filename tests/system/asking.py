"""The page asked from inside of a booted machine, for there is no way in from outside."""

from __future__ import annotations

import json
from typing import Any

from tests.lab.container import Container

_ASK = """\
import json, sys, urllib.request, urllib.error
method, path, text, *headers = json.loads(sys.argv[1])
body = text.encode("latin-1") if text else None
request = urllib.request.Request("http://127.0.0.1:8080" + path, method=method, data=body)
for name, value in headers:
    request.add_header(name, value)
try:
    answer = urllib.request.urlopen(request, timeout=60)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, answer.read().decode("latin-1")]))
"""


def ask(machine: Container, method: str, path: str, body: str = "", *headers: tuple[str, str]) -> tuple[int, str]:
    """The status and the body, whose characters are its bytes; 0 where nobody answers."""
    words = json.dumps([method, path, body, *headers])
    said = machine.run("/opt/edgeseg/current/bin/python", "-c", _ASK, words, check=False)
    if said.returncode:
        assert "Connection refused" in said.stderr, said.stderr
        return 0, ""
    status, text = json.loads(said.stdout)
    return status, text


def state(machine: Container, *headers: tuple[str, str]) -> dict[str, Any]:
    """What the API says of the run."""
    status, text = ask(machine, "GET", "/api/v1/state", "", *headers)
    assert status == 200, text
    return dict(json.loads(text))
