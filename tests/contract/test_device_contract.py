"""Every kind of device keeps the port's contract (`deploy/farm/device.py`)."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.farm.device import Device, DeviceLost
from tests.lab.farm_fixtures import nothing_needed

KINDS = ["local", "venv", "root", pytest.param("guest", marks=[pytest.mark.guest, pytest.mark.slow]), "ssh", "labgrid"]
SLOW_S = {"root": 8.0, "guest": 90.0}
pytestmark = pytest.mark.timeout(1800)

# A child, and one of that in a session of its own, each of which writes for as long as it lives.
FAMILY = """
import os, sys, time

def beat(name):
    while True:
        with open(name, "a") as file:
            file.write(".")
        time.sleep(0.05)

for name in ("child", "grandchild"):
    if os.fork() == 0:
        if name == "grandchild":
            os.setsid()
        beat(name)
while not (os.path.exists("child") and os.path.exists("grandchild")):
    time.sleep(0.05)
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module", params=KINDS)
def device(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    made = _made(request, request.param, tmp_path_factory.mktemp("cache"))
    said: list[str] = []
    try:
        made.setup(said.append)
    except DeviceLost as error:
        if "mirror" in str(error) or "index does not answer" in str(error):
            pytest.skip(str(error))
        raise
    made.open()
    yield made
    made.close()


def _made(request: pytest.FixtureRequest, kind: str, cache: Path) -> Device:
    variables = {"WORD": "of the entry"}
    if kind == "local":
        from deploy.farm.kinds.local import Local

        return Local("contract", Local.Entry(kind="local", env=variables), cache)
    if kind == "venv":
        from deploy.farm.kinds.venv import Venv

        keys = {"kind": "venv", "python": sys.executable, "env": variables, **nothing_needed()}
        return Venv("contract", Venv.Entry.model_validate(keys), cache)
    kept: Path = request.getfixturevalue("farm_cache") if kind in ("root", "guest") else cache
    if kept != cache:
        shutil.rmtree(kept / "devices" / "contract", ignore_errors=True)  # of an earlier session
    if kind == "root":
        from deploy.farm.kinds.root import Root

        return Root("contract", request.getfixturevalue("root_entry")(env=variables), kept)
    if kind == "guest":
        from deploy.farm.kinds.guest import Guest

        return Guest("contract", request.getfixturevalue("guest_entry")(env=variables), kept)
    if kind == "ssh":
        from deploy.farm.kinds.ssh import Ssh

        return Ssh("contract", request.getfixturevalue("ssh_entry")(env=variables), cache)
    from deploy.farm.kinds.labgrid import Labgrid

    return Labgrid("contract", request.getfixturevalue("place_entry")(env=variables), cache)


def run(device: Device, code: str, timeout_s: float = 300) -> tuple[list[str], int | None, str]:
    command = device.start(["python", "-c", code], timeout_s)
    lines = list(command.lines())
    ended = command.wait()
    return lines, ended.code, ended.stderr


def test_it_says_what_it_is(device: Device) -> None:
    tag, platform = device.python

    assert tag.startswith("cp3")
    assert platform.rpartition("_")[2] in ("64", "aarch64")
    assert device.timing == ("emulated" if device.kind in ("root", "guest") else "real")
    assert device.name == "contract"


def test_only_what_changed_is_sent(device: Device, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"1" * 1000)
    second.write_bytes(bytes(range(256)))
    files = {"a.bin": first, "deep/er/b c'.bin": second}

    assert device.put(files) == 1256
    assert device.put(files) == 0
    second.write_bytes(b"another")
    assert device.put(files) == 7
    device.get("deep/er/b c'.bin", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"another"


def test_what_was_changed_over_there_is_sent_again(device: Device, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"right")
    device.put({"file": tmp_path / "file"})
    run(device, "open('file', 'w').write('wrong!')")

    assert device.put({"file": tmp_path / "file"}) == 5
    assert run(device, "print(open('file').read())")[0] == ["right"]


def test_what_is_not_named_any_more_is_removed_and_what_commands_made_stays(device: Device, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"right")
    device.put({"old": tmp_path / "file", "kept": tmp_path / "file"})
    run(device, "open('made', 'w').write('x')")
    device.put({"kept": tmp_path / "file"})

    lines, _, _ = run(device, "import os; print([name for name in ('old', 'kept', 'made') if os.path.exists(name)])")
    assert lines == ["['kept', 'made']"]


def test_its_python_imports_what_was_brought(device: Device, tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("WORD = 'brought'")
    device.put({"brought_package/__init__.py": tmp_path / "mod.py"})

    assert run(device, "import brought_package; print(brought_package.WORD)")[0] == ["brought"]


def test_lines_exit_code_and_complaints_come_through(device: Device) -> None:
    lines, code, said = run(device, "import sys; print('é'); print('two'); print('why', file=sys.stderr); sys.exit(5)")

    assert (lines, code) == (["é", "two"], 5)
    assert said.strip() == "why"


def test_the_entry_s_variables_are_set(device: Device) -> None:
    assert run(device, "import os; print(os.environ['WORD'])")[0] == ["of the entry"]


def test_arguments_come_as_they_are(device: Device) -> None:
    words = ["a b", "'", '"', "$HOME", "*", "", "é", "-x"]
    command = device.start(["python", "-c", "import sys; print(sys.argv[1:])", *words], 300)

    assert list(command.lines()) == [str(words)]
    assert command.wait().code == 0


def test_lines_come_while_it_runs_and_a_kill_takes_its_children(device: Device, tmp_path: Path) -> None:
    run(device, "import os; [os.remove(name) for name in ('child', 'grandchild') if os.path.exists(name)]")
    command = device.start(["python", "-c", FAMILY], 300)
    lines = command.lines()
    assert next(lines) == "started"

    threading.Thread(target=command.kill).start()
    assert list(lines) == []
    command.wait()
    command.kill()
    assert _is_silent(device, tmp_path)


def test_what_takes_too_long_is_killed_with_its_children(device: Device, tmp_path: Path) -> None:
    run(device, "import os; [os.remove(name) for name in ('child', 'grandchild') if os.path.exists(name)]")
    lines, code, _ = run(device, FAMILY, SLOW_S.get(device.kind, 2.0))

    assert (lines, code) == (["started"], None)
    assert _is_silent(device, tmp_path)


def test_two_commands_run_at_once(device: Device) -> None:
    """The second ends while the first waits for it."""
    waits = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.05)\nprint('gone')"
    first = device.start(["python", "-c", waits], 300)
    run(device, "open('go', 'w').close()")

    assert list(first.lines()) == ["gone"]
    assert first.wait().code == 0
    run(device, "import os; os.remove('go')")


def test_a_file_and_a_folder_are_fetched(device: Device, tmp_path: Path) -> None:
    run(device, "import os; os.makedirs('out/x', exist_ok=True); open('out/x/y', 'w').write('1')")
    run(device, "open('out/z', 'w').write('2')")
    device.get("out/z", tmp_path / "z")
    device.get("out", tmp_path / "all")

    assert (tmp_path / "z").read_text() == "2"
    found = [one.relative_to(tmp_path / "all") for one in (tmp_path / "all").rglob("*") if one.is_file()]
    assert sorted(map(str, found)) == ["x/y", "z"]
    device.get("out", tmp_path / "all")
    with pytest.raises(FileNotFoundError):
        device.get("nothing", tmp_path / "nothing")


def test_it_can_be_closed_twice_and_opened_again(device: Device) -> None:
    device.close()
    device.close()
    device.open()

    assert run(device, "print(1)")[0] == ["1"]


def _is_silent(device: Device, tmp_path: Path) -> bool:
    def heard() -> list[int]:
        for name in ("child", "grandchild"):
            device.get(name, tmp_path / name)
        return [(tmp_path / name).stat().st_size for name in ("child", "grandchild")]

    before = heard()
    time.sleep(0.5)
    return heard() == before


def test_all_kinds_are_here() -> None:
    from deploy.farm import kinds

    assert {"local", "venv", "root", "guest", "ssh", "labgrid"} == set(kinds.KINDS)
