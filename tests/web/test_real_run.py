"""`edgeseg run --web` as people start it: a clip, a real model, a real server; from the start to SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
from paging import picture, soon
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").json()["status"] == "running"
    except (httpx.TransportError, KeyError):
        return False


def test_a_clip_with_its_page(asset: Callable[[str], Path], tier_file: Callable[..., Path], tmp_path: Path) -> None:
    tier_file()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "edgeseg",
        "run",
        "--source",
        str(asset("carphone")),
        "--realtime",
        "--web",
        "--json",
    ]
    command += ["--web-listen", f"127.0.0.1:{port}", "--background", "color:#0000ff"]
    environ = {**os.environ, "EDGESEG_STATE": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        try:
            soon(lambda: answers(url), 60)
            shown = picture(httpx.get(f"{url}/api/v1/snapshot.jpg").content).reshape(-1, 3)
            assert np.mean((shown[:, 0] > 200) & (shown[:, 2] < 60)) > 0.1  # blue, where the room was
            refused = httpx.patch(f"{url}/api/v1/settings", json={"source": "auto"})
            assert (refused.status_code, "A file is read" in refused.text) == (409, True)
            assert httpx.patch(f"{url}/api/v1/settings", json={"color": "#00ff00"}).status_code == 200
            with connect(f"ws://127.0.0.1:{port}/api/v1/live") as ws:
                assert json.loads(ws.recv(10))["state"]["engine"] == "cpu"
                process.send_signal(signal.SIGTERM)
                heard = []
                try:
                    while True:
                        heard.append(json.loads(ws.recv(10)))
                except ConnectionClosed:
                    pass
                states = [one["state"]["status"] for one in heard if one["type"] == "state"]
                assert states[-1:] == ["ended"], heard  # facts may come after it
            out, error = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, error
    assert json.loads(out)["frames"] > 0
    assert f"page: http://127.0.0.1:{port}/" in error


def test_it_refuses_in_a_sentence(tmp_path: Path) -> None:
    for options, code, words in (
        (["--web-listen", "nonsense"], 2, "--web-listen is 'nonsense'"),
        (["--web-listen", "203.0.113.7:8080"], 7, "cannot listen on 203.0.113.7:8080"),
    ):
        command = [sys.executable, "-m", "edgeseg", "run", "--source", "nosuch.mp4", "--web", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, words in done.stderr) == (code, True), done.stderr
        assert "Traceback" not in done.stderr


def test_a_run_without_a_page_loads_none_of_it(asset: Callable[[str], Path], tier_file: Callable[..., Path]) -> None:
    tier_file()
    code = (
        "import sys\nfrom edgeseg.cli import app\n"
        f"try: app(['run', '--source', {str(asset('astronaut'))!r}, '--frames', '1', '--json'])\n"
        "except SystemExit: pass\n"
        "outside = ('fastapi', 'uvicorn', 'edgeseg.remote', 'edgeseg.web', 'paho')\n"
        "print([one for one in sys.modules if one.startswith(outside)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
