"""Profiles and config files at the command line: runs that take them, and the commands that show and check them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import Done, edgeseg
from media import clip

BOARDS = Path(__file__).parents[1] / "boards"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a clip, and an empty folder for the user's config files below it."""
    clip(tmp_path / "a.mp4", 6)
    (tmp_path / "user" / "edgeseg").mkdir(parents=True)
    return tmp_path


def run(args: str | tuple[str, ...], folder: Path) -> Done:
    return edgeseg(args, folder, env={"XDG_CONFIG_HOME": str(folder / "user")})


def user_file(folder: Path, name: str, text: str) -> None:
    (folder / "user" / "edgeseg" / name).write_text(text)


def test_a_run_takes_the_user_s_files_and_a_flag_goes_before_them(folder: Path) -> None:
    user_file(folder, "config.yaml", "source: a.mp4\nbackground: none\nsink: images:from-config\n")
    user_file(folder, "door.yaml", "sink: images:from-door\n")
    for args, made in (
        ("run", "from-config"),
        ("run --instance door", "from-door"),
        ("run --sink images:flag --instance door --profile raspberry-pi-4", "flag"),
    ):
        done = run(args, folder)
        assert done.code == 0, done.err
        assert len(list((folder / made).iterdir())) == 6


def test_a_run_with_a_config_file_of_its_own(folder: Path) -> None:
    user_file(folder, "config.yaml", "sink: images:wrong\n")
    (folder / "mine.yaml").write_text("background: none\nsink: images:right\nfps: 1\n")
    assert run("run --config mine.yaml --source a.mp4", folder).code == 0
    assert [path.name for path in folder.iterdir() if path.name in ("wrong", "right")] == ["right"]


def test_a_sink_from_a_file_is_known_to_be_standard_output(folder: Path) -> None:
    user_file(folder, "config.yaml", 'sink: "-"\nbackground: none\n')
    done = run("run --source a.mp4 --json", folder)
    assert done.code == 2
    assert "standard output, where --json would write too" in done.err


def test_a_run_without_files_loads_nothing_of_them(folder: Path) -> None:
    """Start-up time counts: the board is not looked at, no YAML is read, nothing is checked by pydantic."""
    code = (
        "import os, sys; os._exit = lambda code: print(sorted(sys.modules))\n"
        "sys.argv = ['edgeseg', 'run', '--source', 'a.mp4', '--background', 'none']\n"
        "from edgeseg.__main__ import main; main()"
    )
    command = [sys.executable, "-c", code]
    empty = {"XDG_CONFIG_HOME": str(folder), "PATH": "/usr/bin"}
    done = subprocess.run(command, cwd=folder, env=empty, capture_output=True, text=True, check=True)
    assert "'edgeseg.runtime'" in done.stdout
    for name in (
        "yaml",
        "pydantic",
        "edgeseg.probe",
        "edgeseg.resolve",
        "edgeseg.config.effective",
        "edgeseg.commands.profile",
    ):
        assert f"'{name}'" not in done.stdout


BAD = {
    "a key": ("config.yaml", "sorce: a.mp4\n", "run", "config.yaml:1: 'sorce' is no known key: did you mean 'source'?"),
    "a word": ("config.yaml", "\ntier: selfi\n", "run", "config.yaml:2: There is no tier 'selfi'; did you mean"),
    "a profile": ("config.yaml", "profile: pi-4\n", "run", "config.yaml:1: there is no profile 'pi-4'"),
    "an instance": ("door.yaml", "size: 1\n", "run --instance door", "door.yaml:1: size: write WIDTHxHEIGHT"),
    "no instance": ("door.yaml", "", "run --instance dor", "There is no instance 'dor'"),
    "no profile": ("door.yaml", "", "run --profile pi-4", "There is no profile 'pi-4'"),
    "no file": ("door.yaml", "", "run --config c.yaml", "c.yaml cannot be read: No such file or directory."),
    "a folder": ("door.yaml", "", "run --config user", "user cannot be read: Is a directory."),
    "a clip": ("door.yaml", "", "run --config a.mp4", "a.mp4: this is not YAML"),
    "checked": ("door.yaml", "x: 1\n", "config check", "door.yaml:1: 'x' is no known key"),
    "a word checked": ("door.yaml", "sink: x\n", "config check", "door.yaml:1: There is no sink 'x'"),
    "a profile's": ("profiles/a.yaml", "title: a\nextends: a\n", "profile check", "a.yaml:2: 'extends' goes in a"),
    "match": ("profiles/a.yaml", "titel: a\n", "profile match", "a.yaml:1: 'title' is missing."),
    "nobody's": ("door.yaml", "", "profile show nobody", "There is no profile 'nobody'"),
    "shown": ("door.yaml", "", "profile show --instance door", "--instance and --config belong to --effective."),
    "root": ("door.yaml", "", "profile match --root nowhere", "--root nowhere does not exist"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "args", "says"), BAD.values(), ids=BAD)
def test_what_is_refused(folder: Path, name: str, text: str, args: str, says: str) -> None:
    (folder / "user/edgeseg/profiles").mkdir()
    user_file(folder, name, text)
    done = run(args, folder)
    assert (done.code, done.out) == (2, b"")
    assert says in done.err
    assert "Traceback" not in done.err


def test_all_faults_are_lines_of_one_message(folder: Path) -> None:
    user_file(folder, "config.yaml", "a: 1\nlimits: {temp_c: 75 C}\n")
    user_file(folder, "door.yaml", "b: 1\n")
    done = run("config check", folder)
    assert done.code == 2
    assert [line.rpartition("edgeseg/")[2].partition(" ")[0] for line in done.err.splitlines()] == [
        "config.yaml:1:",
        "config.yaml:2:",
        "door.yaml:1:",
    ]


def test_what_is_fine_is_said(folder: Path) -> None:
    assert b"No config file in /etc/edgeseg or " in run("config check", folder).out
    user_file(folder, "config.yaml", "sink: null\n")
    user_file(folder, "door.yaml", "source: camera:1\n")
    where = folder / "user" / "edgeseg"
    assert run("config check", folder).out.decode() == f"{where}/config.yaml: fine\n{where}/door.yaml: fine\n"
    assert run("config check --instance door", folder).out.count(b": fine") == 2
    assert run(("config", "check", str(where)), folder).out.count(b": fine") == 2
    assert run(("config", "check", str(where / "door.yaml")), folder).out.decode() == f"{where}/door.yaml: fine\n"
    assert run("profile check", folder).out.count(b": fine") == len(run("profile list --json", folder).json)


def test_a_profile_is_shown_with_the_line_of_each_value(folder: Path) -> None:
    user_file(folder, "config.yaml", "profile: raspberry-pi-4\nlimits: {temp_c: 70}\n")
    plain = run("profile show raspberry-pi-4 --json", folder).json
    shown = run("profile show --effective --json", folder).json
    assert plain["profile"] == shown["profile"] == "raspberry-pi-4"
    assert plain["keys"]["limits.temp_c"]["value"] == 78
    assert shown["keys"]["limits.temp_c"] == {"value": 70.0, "origin": f"{folder}/user/edgeseg/config.yaml:2"}
    assert shown["keys"]["targets.size"]["value"] == "1280x720"
    lines = run("profile show --effective", folder).out.decode().splitlines()
    assert lines[0] == "profile: raspberry-pi-4"
    (line,) = (line for line in lines if line.startswith("limits.temp_c"))
    assert line.split() == ["limits.temp_c", "70", f"{folder}/user/edgeseg/config.yaml:2"]


def test_match_says_which_why_and_what_came_second(folder: Path) -> None:
    board = str(BOARDS / "pi-cm4" / "root")
    found = run(("profile", "match", "--json", "--root", board), folder).json
    assert found["profile"] == "raspberry-pi-cm4"
    (met,) = found["matches"][0]["met"]
    assert met["fact"] == "compatible"
    assert met["clue"] == {"value": "raspberrypi,4-compute-module", "where": "/proc/device-tree/compatible"}
    text = run(("profile", "match", "--root", board), folder).out.decode()
    assert "raspberry-pi-cm4 fits best: " in text
    assert "    after the one before, for raspberry-pi-cm4 goes by compatible (raspberrypi,4-compute-module)," in text
    assert "rk3588 does not fit: it wants soc RK3588 or RK3588S, and here it is BCM2711" in text


@pytest.mark.parametrize("args", ["profile schema", "profile schema --config"])
def test_the_schema_is_json_for_editors(folder: Path, args: str) -> None:
    schema = run(args, folder).json
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert json.dumps(schema["properties"]["max_mask_age_ms"]["description"]).startswith('"Milliseconds')
    assert ("profile" in schema["properties"]) == ("--config" in args)


def test_groups_of_commands_are_made_when_they_are_asked_for(folder: Path) -> None:
    listed = run("--help", folder).out.decode()
    assert [word for word in ("profile", "config") if f"\n  {word} " not in listed] == []
    assert "Did you mean 'profile'" in run("profil", folder).err
    assert "Did you mean 'match'" in run("profile mach", folder).err
