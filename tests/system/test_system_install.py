"""One command puts the service on a clean Debian 12; it is upgraded, rolled back by itself, and taken away whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from edgeseg import __version__
from edgeseg.errors import Unreachable
from tests.lab import container
from tests.system import wheels

_WHY_NOT = container.why_not() if os.environ.get("EDGESEG_SYSTEM") else "runs by make test-system"
pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT or ""),
]
UNIT = "edgeseg/_data/systemd/edgeseg@.service"
GOOD, CRASHES, BLIND = "0.1.9", "0.1.10", "0.1.11"
# What changes by itself while a Debian runs, and what programs that make and remove users leave behind.
NOT_OURS = ("proc", "sys", "dev", "run", "tmp", "var/log", "var/tmp", "var/cache/ldconfig", "var/lib/systemd")
BACKUPS = ("etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/.pwd.lock", "etc/subuid-", "etc/subgid-")


@pytest.fixture(scope="module")
def brought(tmp_path_factory, asset, tier_file):
    """What is carried to the machine: wheels of some versions, the wheels they need, a long clip."""
    tier_file()
    folder = tmp_path_factory.mktemp("brought")
    folder.chmod(0o755)  # the service's own user reads the clip
    try:
        needed = wheels.wheelhouse()
    except Unreachable as error:
        pytest.skip(str(error))
    wheel = wheels.build_wheel(folder)
    wheels.looped(asset("carphone"), folder / "clip.mp4", 200)
    shutil.copy(Path(__file__).with_name("stand_in.py"), folder)
    change = {} if has_run(wheel) else {UNIT: stood_in}
    made = [wheels.other_version(wheel, version, change) for version in (GOOD, CRASHES)]
    wheel_of_first = wheels.other_version(wheel, f"{__version__}.1", change)
    crash = {UNIT: lambda text: text.replace(b"Type=notify", b"Type=notify\nExecStartPre=/bin/false")}
    wheels.other_version(made[0], CRASHES, crash)
    blind = {"edgeseg/golden/evaluate.py": lambda text: text.replace(b"alpha >= THRESHOLD", b"alpha < THRESHOLD")}
    wheels.other_version(made[0], BLIND, blind)
    return {"folder": folder, "wheelhouse": needed, "first": wheel_of_first.name}


@pytest.fixture(scope="module")
def machine(brought, tmp_path_factory):
    try:
        made = container.root_folder()
    except Unreachable as error:
        pytest.skip(str(error))
    root = tmp_path_factory.mktemp("machine") / "root"
    subprocess.run(["cp", "--archive", made, root], check=True)  # device nodes are in it
    one = container.Container(root, {"/srv": brought["folder"], "/mnt": brought["wheelhouse"]})
    one.boot()
    yield one
    one.remove()


def has_run(wheel: Path) -> bool:
    return "edgeseg/service/run.py" in zipfile.ZipFile(wheel).namelist()


def stood_in(text: bytes) -> bytes:
    return text.replace(
        b"/opt/edgeseg/current/bin/edgeseg service run --instance %i",
        b"/opt/edgeseg/current/bin/python /srv/stand_in.py",
    )


def status(machine) -> dict:
    return json.loads(machine.run("edgeseg", "service", "status", "--json", check=False).stdout)


def listing(root: Path) -> dict[str, bytes]:
    """All files of the machine, with the content of those of /etc."""
    found = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if name.startswith(NOT_OURS) or name in BACKUPS or "__pycache__" in name:
            continue
        is_plain = name.startswith("etc/") and path.is_file() and not path.is_symlink()
        found[name] = path.read_bytes() if is_plain else b""
    return found


def test_from_a_clean_machine_to_a_clean_machine(machine, brought):
    before = listing(machine.root)
    wheel = f"/srv/{brought['first']}"
    first = f"{__version__}.1"

    # 1. One command on a machine that has Python and nothing of edgeseg. In a container there are no cameras.
    install = ["python3", "-m", "edgeseg.install", "--camera", "file:/srv/clip.mp4", "--sink", "null"]
    install += ["--wheelhouse", "/mnt", "--no-calibrate"]
    said = machine.run(*install, "--dry-run", PYTHONPATH=wheel, PYTHONDONTWRITEBYTECODE="1").stdout
    assert f"make the release /opt/edgeseg/releases/{first}" in said
    assert listing(machine.root) == before
    machine.run(*install, PYTHONPATH=wheel, PYTHONDONTWRITEBYTECODE="1")
    now = status(machine)
    assert (now["release"], now["is_whole"]) == (first, True)
    assert now["instances"][0]["active"] == "active"
    assert now["instances"][0]["fps"] > 0
    assert now["instances"][0]["enabled"]

    # 2. Again: nothing to do.
    again = machine.run("edgeseg", "service", "install", "--wheel", wheel, *install[3:])
    assert again.stdout.startswith("nothing to do")

    # 3. A good release is kept, one that crashes goes back by itself, one that sees wrong is never switched to.
    upgrade = ["edgeseg", "service", "upgrade", "--wheelhouse", "/mnt", "--watch", "8", "--json"]
    kept = json.loads(machine.run(*upgrade, named(GOOD)).stdout)
    assert (kept["old"], kept["new"], kept["result"]) == (first, GOOD, "kept")
    crashed = machine.run(*upgrade, named(CRASHES), check=False)
    assert crashed.returncode == 4, crashed.stderr
    assert json.loads(crashed.stdout)["result"] == "rolled back"
    blind = machine.run(*upgrade, named(BLIND), check=False)
    assert blind.returncode == 4, blind.stderr
    assert json.loads(blind.stdout)["result"] == "refused"
    assert "scored" in json.loads(blind.stdout)["reason"]
    now = status(machine)
    assert (now["release"], now["instances"][0]["active"]) == (GOOD, "active")

    # 4. After a loss of power in a trial the release before it runs, by its own doing.
    trial = {"when": "now", "old": first, "new": GOOD, "units": ["edgeseg@camera.service"]}
    (machine.root / "opt/edgeseg/trial.json").write_text(json.dumps(trial))
    (machine.root / "opt/edgeseg/history.json").write_text("[]")
    machine.cut()
    machine.boot()
    now = status(machine)
    assert (now["release"], now["upgrade"], now["last"]["result"]) == (first, None, "rolled back")
    machine.run("systemctl", "is-active", "--wait", "edgeseg@camera.service", check=False)
    assert "edgeseg" in machine.run("edgeseg", "service", "logs", "-n", "5").stdout

    # 5. Nothing is left.
    machine.run("edgeseg", "service", "uninstall")
    after = listing(machine.root)
    assert set(after) - set(before) == set()
    assert {name for name in before if after.get(name) != before[name]} == set()


def named(version: str) -> str:
    return f"/srv/edgeseg-{version}-py3-none-any.whl"
