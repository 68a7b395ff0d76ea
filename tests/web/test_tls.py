"""Behind nginx with TLS, by the text that docs/api.md has: sign in, stream, WebSocket, upload."""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from paging import Paging, paging, soon
from websockets.sync.client import connect

from edgeseg.web.access import token_file

DOCS = Path(__file__).parents[2] / "docs" / "api.md"
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
HEADS = "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
TEMPS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[tuple[Paging, int, ssl.SSLContext]]:
    if NGINX is None or shutil.which("openssl") is None:
        pytest.skip("there is no nginx here: run tests/lab/setup.sh")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", "/CN=cam.example",
         "-addext", "subjectAltName=DNS:cam.example,DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    token_file().unlink(missing_ok=True)
    with paging(hosts=("cam.example",)) as made:
        assert made.web is not None
        text = re.search(r"```nginx\n(.*?)```", DOCS.read_text(), re.DOTALL)
        assert text is not None
        server = (
            text[1]
            .replace("listen 443", f"listen 127.0.0.1:{port}")
            .replace("127.0.0.1:8080", f"127.0.0.1:{made.web.port}")
        )
        server = server.replace("/etc/ssl/private/cam.example.key", str(key)).replace(
            "/etc/ssl/cam.example.pem", str(certificate)
        )
        temps = "".join(f"{name}_temp_path {tmp_path}/{name};\n" for name in TEMPS)
        config = tmp_path / "nginx.conf"
        config.write_text(f"{HEADS.format(folder=tmp_path)}http {{\naccess_log off;\n{temps}{server}}}\n")
        process = subprocess.Popen([NGINX, "-e", str(tmp_path / "error.log"), "-c", str(config), "-p", str(tmp_path)])
        try:
            soon(lambda: _answers(port))
            yield made, port, ssl.create_default_context(cafile=str(certificate))
        finally:
            process.terminate()
            process.wait(10)


def test_the_documented_text_of_nginx_carries_all_of_it(behind: tuple[Paging, int, ssl.SSLContext]) -> None:
    made, port, trust = behind
    assert made.web is not None
    url, host = f"https://127.0.0.1:{port}", f"cam.example:{port}"
    named = {"Host": host}
    extensions = {"sni_hostname": "cam.example"}
    with closing(httpx.Client(base_url=url, verify=trust, headers=named, timeout=20.0)) as client:

        def ask(method: str, path: str, **more: object) -> httpx.Response:
            return client.request(method, path, extensions=extensions, **more)  # type: ignore[arg-type]

        assert ask("GET", "/").status_code == 200
        assert ask("GET", "/api/v1/state").status_code == 401
        assert ask("GET", "/", headers={"Host": "evil.example"}).status_code == 421
        signed = ask("POST", "/api/v1/session", json={"token": made.web.token}, headers={"Origin": f"https://{host}"})
        assert signed.status_code == 200
        assert signed.json()["warnings"] == []  # it is encrypted
        cookie = signed.headers["set-cookie"]
        assert "Secure" in cookie
        session = {"Cookie": cookie.split(";")[0], "X-CSRF-Token": signed.json()["csrf"], "Origin": f"https://{host}"}
        assert ask("GET", "/api/v1/state", headers=session).json()["status"] == "running"
        picture = cv2.imencode(".png", np.zeros((90, 160, 3), np.uint8))[1].tobytes()
        added = ask("POST", "/api/v1/backgrounds", content=picture, headers=session)
        assert added.status_code == 201
        assert ask("DELETE", added.json()["url"], headers=session).status_code == 204
        with client.stream("GET", "/api/v1/preview.mjpg", headers=session, extensions=extensions) as stream:
            parts = b""
            for chunk in stream.iter_bytes():
                parts += chunk
                if parts.count(b"--frame") > 5:
                    break
    with connect(
        f"wss://{host}/api/v1/live", ssl=trust, server_hostname="cam.example", sock=_plain(port),
        additional_headers={"Cookie": session["Cookie"]}, origin=f"https://{host}",  # type: ignore[arg-type]
    ) as ws:  # fmt: skip
        assert json.loads(ws.recv(5))["type"] == "state"


def _plain(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))


def _answers(port: int) -> bool:
    try:
        _plain(port).close()
    except OSError:
        return False
    return True
