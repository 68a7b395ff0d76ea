"""The page of an installed instance: on with its network and packages, off with neither."""

from __future__ import annotations

import socket

import pytest

from edgeseg.errors import NotPermitted, UsageError
from edgeseg.install import release
from edgeseg.install.page import PageWish, drop_in
from tests.install.made import UNIT, snapshot

DROP_IN = f"etc/systemd/system/{UNIT}.d/page.conf"


def test_on_opens_the_network_for_one_port_and_off_shuts_it(bench):
    bench.install()
    path = bench.where.root / DROP_IN
    assert not path.exists()
    done = bench.session.page_on(PageWish("camera", "0.0.0.0:8081", ("cam.example", "cam"), shows_source=True))
    assert done[0] == "add the page's packages to 1.0.0"
    text = path.read_text()
    for line in (
        "Environment=EDGESEG_WEB_LISTEN=0.0.0.0:8081", 'Environment="EDGESEG_WEB_HOSTS=cam.example cam"',
        "Environment=EDGESEG_WEB_SHOW_SOURCE=1", "PrivateNetwork=no", "SocketBindDeny=any", "SocketBindAllow=tcp:8081",
    ):  # fmt: skip
        assert line in text.splitlines()
    assert release.verify(bench.where, "1.0.0").files  # sealed anew, with the packages
    assert bench.systemd.runs(UNIT) == "1.0.0"
    assert bench.session.page_on(PageWish("camera", "0.0.0.0:8081", ("cam.example", "cam"), shows_source=True)) == []
    assert bench.session.page_off("camera", 90.0) == [f"take away /{DROP_IN}"]
    assert not path.exists()
    assert bench.systemd.runs(UNIT) == "1.0.0"
    assert bench.session.page_off("camera", 90.0) == []


def test_a_port_in_use_is_refused_unless_it_is_its_own(bench):
    bench.install()
    before = snapshot(bench.where.root)
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(NotPermitted, match=f"Port {port} is in use by another program; choose another by --listen"):
            bench.session.page_on(PageWish("camera", f"127.0.0.1:{port}"))
    assert snapshot(bench.where.root) == before
    bench.session.page_on(PageWish("camera", f"127.0.0.1:{port}"))
    with socket.socket() as its_own:
        its_own.bind(("", port))
        its_own.listen()
        assert bench.session.page_on(PageWish("camera", f"127.0.0.1:{port}")) == []


def test_a_folder_without_wheels_is_refused(bench, tmp_path):
    bench.install()
    with pytest.raises(UsageError, match="holds no wheels"):
        bench.session.page_on(PageWish("camera", wheelhouse=tmp_path))


def test_uninstall_takes_it_away_too(bench):
    bench.install()
    bench.session.page_on(PageWish("camera"))
    bench.session.uninstall(keep_state=False)
    assert not (bench.where.root / DROP_IN).exists()


def test_without_an_install_or_an_instance_it_says_so(bench):
    with pytest.raises(UsageError, match="There is no instance 'camera'"):
        bench.session.page_on(PageWish("camera"))
    bench.install()
    with pytest.raises(UsageError, match="There is no instance 'other'"):
        bench.session.page_on(PageWish("other"))


@pytest.mark.parametrize("listen", ["", "8080", "host:0", "a b:80", "host:70000", "0.0.0.0:80", "h:8080\nUser=root"])
def test_what_is_no_address_is_refused(listen):
    with pytest.raises(UsageError):
        drop_in(PageWish("camera", listen))


@pytest.mark.parametrize("host", ["", "a b", 'x"\nExecStart=/bin/sh'])
def test_what_is_no_name_is_refused(host):
    with pytest.raises(UsageError):
        drop_in(PageWish("camera", hosts=(host,)))
