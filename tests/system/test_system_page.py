"""The page in the unit's fence under Debian's own systemd: without its drop-in no network, with it one port."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeseg.errors import Unreachable
from edgeseg.install.page import PageWish, drop_in
from edgeseg.web.access import make_token
from tests.lab import booted_root, container, roots
from tests.lab.booted_root import Booted
from tests.system.asking import ask, state

ASKED = os.environ.get("EDGESEG_SYSTEM") == "1"
WHY_NOT = booted_root.missing() if ASKED else "boots systemd in a container: make test-system"
pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or ""),
]
FILE = """\
source: "gst:videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=30/1"
sink: "null"
background: "color:#123456"
idle: false
"""


@pytest.fixture(scope="module")
def machine(tier_file: Callable[..., Path]) -> Iterator[Booted]:
    tier_file()
    plain = roots.requirements()
    extras = {one for extra in ("web", "mqtt") for one in roots.requirements(extra=extra)} - set(plain)
    try:
        made = booted_root.build()
        with container.layered(made, made.parent / f"page-{os.getpid()}") as root:
            booted_root.edgeseg_into(root)
            roots.install_wheels(root / booted_root.SITE, "3.11", *sorted(extras))
            with Booted(root) as booted:
                booted.run("systemd-sysusers")
                booted.run("systemd-tmpfiles", "--create", check=False)
                booted.write("/etc/edgeseg/cam.yaml", FILE)
                yield booted
    except Unreachable as error:
        pytest.skip(str(error))


def test_on_the_page_lives_in_the_fence_and_off_it_is_gone(machine: Booted, tmp_path: Path) -> None:
    folder = "/etc/systemd/system/edgeseg@cam.service.d"
    machine.run("mkdir", "-p", folder)
    machine.write(f"{folder}/page.conf", drop_in(PageWish("cam")))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "edgeseg@cam")
    status, page = ask(machine, "GET", "/")
    assert (status, "<title>" in page) == (200, True)
    now = state(machine)
    assert (now["status"], now["instance"], now["size"]) == ("running", "cam", "640x360")
    # A stranger's picture is decoded in a process of its own, fenced in as the service is.
    import cv2
    import numpy as np

    picture = cv2.imencode(".png", np.full((90, 160, 3), (10, 200, 30), np.uint8))[1].tobytes().decode("latin-1")
    status, text = ask(machine, "POST", "/api/v1/backgrounds", picture, ("Content-Type", "image/png"))
    assert status == 201, text
    name = json.loads(text)["id"]
    change = json.dumps({"background": name})
    status, text = ask(machine, "PATCH", "/api/v1/settings", change, ("Content-Type", "application/json"))
    assert status == 200, text
    status, jpeg = ask(machine, "GET", "/api/v1/snapshot.jpg")
    shown = cv2.imdecode(np.frombuffer(jpeg.encode("latin-1"), np.uint8), cv2.IMREAD_COLOR)
    assert np.median(np.asarray(shown)[:20, :20].reshape(-1, 3), axis=0) == pytest.approx([10, 200, 30], abs=8)
    status, text = ask(machine, "GET", "/api/v1/probe")
    assert status == 200, text
    # What was set is kept over a restart.
    machine.run("systemctl", "restart", "edgeseg@cam")
    assert json.loads(ask(machine, "GET", "/api/v1/settings")[1])["settings"]["background"] == name
    machine.run("rm", f"{folder}/page.conf")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "edgeseg@cam")
    assert ask(machine, "GET", "/")[0] == 0


def test_beyond_loopback_it_waits_for_a_token(machine: Booted, tmp_path: Path) -> None:
    folder = "/etc/systemd/system/edgeseg@cam.service.d"
    machine.run("mkdir", "-p", folder)
    machine.write(f"{folder}/page.conf", drop_in(PageWish("cam", "0.0.0.0:8080")))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "edgeseg@cam")
    said = machine.run("journalctl", "--unit=edgeseg@cam", "--output=cat", "--no-pager").stdout
    assert "edgeseg service web token" in said
    token = make_token(tmp_path / "token")
    machine.write("/var/lib/edgeseg/page-token.json", (tmp_path / "token").read_text())
    machine.run("chown", "edgeseg:edgeseg", "/var/lib/edgeseg/page-token.json")
    machine.run("chmod", "600", "/var/lib/edgeseg/page-token.json")
    machine.run("systemctl", "restart", "edgeseg@cam")
    assert ask(machine, "GET", "/api/v1/state")[0] == 401
    assert ask(machine, "GET", "/api/v1/state", "", ("Authorization", f"Bearer {token}"))[0] == 200
    assert token not in machine.run("journalctl", "--unit=edgeseg@cam", "--output=cat", "--no-pager").stdout
