"""The wheel: what is in it, what it says it needs, and that it runs where nothing of the checkout is."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import edgeseg
from edgeseg.tiers.catalogue import catalogue

ROOT = Path(__file__).parents[2]
# Chosen at run time, by name: they come from the OS, or from a wheel for other machines.
NOT_REQUIRED = {"pycocotools", "libcamera", "matplotlib", "picamera2", "tflite_runtime"}
NOT_REQUIRED |= {"_sha2", "_sha256"}  # the standard library's, each of some Pythons
NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/nowhere", "PIP_CONFIG_FILE": os.devnull}

pytest.importorskip("hatchling", reason="the wheel is built without the network, by the hatchling of the dev extra")


def run(*command: object, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    words, environment = [str(word) for word in command], os.environ | (env or {})
    done = subprocess.run(words, check=False, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ".")
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def members(wheel):
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A venv with the wheel, to which this Python's packages are lent."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", "--no-deps", wheel)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    Path(site, "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_every_file_of_the_package_is_in_the_wheel(members):
    files = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "edgeseg").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert files <= members
    assert {"edgeseg/py.typed", "edgeseg/tiers/catalogue.yaml", "edgeseg/known_answer/portrait.jpg"} <= files


def test_profiles_and_units_are_in_the_wheel_and_the_workstation_is_not(members):
    for folder in ("device_profiles", "systemd"):
        for path in (ROOT / folder).rglob("*"):
            assert path.is_dir() or f"edgeseg/_data/{path.relative_to(ROOT)}" in members
    info = f"edgeseg-{edgeseg.__version__}.dist-info/"
    assert {name.partition("/")[0] + "/" for name in members} == {"edgeseg/", info}
    assert {info + "licenses/LICENSE", info + "licenses/NOTICE"} <= members


def test_nothing_that_is_fetched_is_shipped(members):
    models = {name for name in members if name.endswith(".tflite")}
    assert not [name for name in members if name.endswith((".mp4", ".webm"))]
    assert {str(Path(name).parent) for name in models} <= {"edgeseg/tiers/models"}


def test_every_tier_is_in_the_wheel(wheel, tier_file):
    with zipfile.ZipFile(wheel) as file:
        for name, tier in catalogue().items():
            tier_file(name)
            assert hashlib.sha256(file.read(f"edgeseg/tiers/models/{name}.tflite")).hexdigest() == tier.sha256


def test_the_wheel_runs_without_the_checkout(installed, tmp_path):
    python = installed / "bin" / "python"
    code = "import edgeseg, sys; print(edgeseg.__file__, 'cv2' in sys.modules)"

    where, cv2_loaded = run(python, "-c", code, cwd=tmp_path).stdout.split()
    version = run(installed / "bin" / "edgeseg", "--version", cwd=tmp_path).stdout.strip()

    assert Path(where).is_relative_to(installed)
    assert cv2_loaded == "False"
    assert version == edgeseg.__version__


def test_the_installed_command_needs_nothing_but_the_wheel(installed, tmp_path, tier_file, asset):
    """No folder of the user's, nothing fetched, no checkout: a mask of each family, and a clip from end to end."""
    command = [installed / "bin" / "edgeseg"]
    home = tmp_path / "home"
    alone = NO_INDEX | {name: str(home) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "EDGESEG_ASSET_DIR")}
    rows = json.loads(run(*command, "tiers", "--json", cwd=tmp_path, env=alone).stdout)

    assert [row["name"] for row in rows] == list(catalogue())
    for row in rows:
        tier_file(row["name"])
        assert row["here"]
        assert Path(row["path"]).is_relative_to(installed)
    one_of_each = {tier.family: tier.name for tier in catalogue().values()}
    for family, name in one_of_each.items():
        run(*command, "mask", asset("astronaut"), f"{family}.png", "--tier", name, cwd=tmp_path, env=alone)
        assert (tmp_path / f"{family}.png").stat().st_size > 1000
    clip = [*command, "run", "--source", asset("carphone"), "--frames", "5", "--sink", "file:out.mp4"]
    run(*clip, cwd=tmp_path, env=alone)
    assert (tmp_path / "out.mp4").stat().st_size > 1000
    assert not home.exists()


def test_the_installed_command_has_its_profiles(installed, tmp_path):
    command = [installed / "bin" / "edgeseg", "profile"]
    alone = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    rows = json.loads(run(*command, "list", "--json", cwd=tmp_path, env=alone).stdout)

    assert {row["name"] for row in rows} == {path.stem for path in (ROOT / "device_profiles").glob("*.yaml")}
    assert all(Path(row["path"]).is_relative_to(installed) for row in rows)
    assert run(*command, "check", cwd=tmp_path, env=alone).stdout.count(": fine") == len(rows)


def test_the_installed_command_has_its_exit_codes(installed, tmp_path):
    command = [installed / "bin" / "edgeseg"]
    wrong = subprocess.run([*command, "run", "--no-such"], check=False, cwd=tmp_path, capture_output=True, text=True)

    assert (wrong.returncode, wrong.stderr[:9]) == (2, "edgeseg: ")


def test_what_edgeseg_imports_is_what_it_requires():
    wanted = importlib.metadata.requires("edgeseg") or []
    required = {re.split(r"[^\w-]", one)[0].lower() for one in wanted if "extra ==" not in one}
    outside = {re.split(r"[^\w-]", one)[0].lower() for one in wanted if re.search("extra == .(web|mqtt)", one)}
    owners = importlib.metadata.packages_distributions()
    unknown = {}
    for path in (ROOT / "edgeseg").rglob("*.py"):
        for name in imported(ast.parse(path.read_text(encoding="utf-8"))) - sys.stdlib_module_names - NOT_REQUIRED:
            known = required | outside if path.parent.name in ("web", "mqtt", "remote") else required
            if name != "edgeseg" and not {owner.lower().replace("_", "-") for owner in owners.get(name, [])} & known:
                unknown[name] = path.name

    assert not unknown


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names
