"""What holds on a board: which profile is taken, and which files lie over it."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from edgeseg.config.files import instances
from edgeseg.config.places import Places, places, shipped, user_folder
from edgeseg.errors import ConfigError, UsageError
from edgeseg.probe import Capabilities, probe
from edgeseg.resolve import match, resolve

BOARDS = Path(__file__).parents[1] / "boards"
SHIPPED = Places((), (shipped(),))

# By hand, from what each board is: tests/boards/README.md. (the profile, what comes second)
PROFILES = {
    "jetson-nano-jp4": ("jetson-nano", "jetson"),
    "jetson-orin-nano-jp6": ("jetson-orin-nano", "jetson"),
    "jetson-xavier-nx-jp5": ("jetson-xavier-nx", "jetson"),
    "n100": ("x86-n100", "generic-x86"),
    "pi-3b-plus": ("raspberry-pi-3", "raspberry-pi"),
    "pi-400": ("raspberry-pi-32-bit", "raspberry-pi-400"),
    "pi-4b": ("raspberry-pi-4", "raspberry-pi"),
    "pi-4b-32bit": ("raspberry-pi-32-bit", "raspberry-pi-4"),
    "pi-5": ("raspberry-pi-5", "raspberry-pi"),
    "pi-5-coral-pcie": ("raspberry-pi-5", "raspberry-pi"),
    "pi-5-coral-usb": ("raspberry-pi-5", "raspberry-pi"),
    "pi-5-coral-usb-ready": ("raspberry-pi-5", "raspberry-pi"),
    "pi-5-hailo": ("raspberry-pi-5", "raspberry-pi"),
    "pi-cm4": ("raspberry-pi-cm4", "raspberry-pi-4"),
    "pi-zero-2w": ("raspberry-pi-zero-2-w", "raspberry-pi-3"),
    "rock-5b": ("rk3588", "generic-arm64"),
    "this-vm": ("virtual-machine", "generic-x86"),
}


@pytest.mark.parametrize("board", sorted(path.parent.name for path in BOARDS.glob("*/root")))
def test_each_saved_board_takes_its_profile(board: str) -> None:
    ranking = match(probe(BOARDS / board / "root"), SHIPPED)
    assert tuple(one.profile for one in ranking.matches[:2]) == PROFILES[board]
    assert ranking.matches[-1].profile == "generic"
    first, second = ranking.matches[:2]
    assert all(met.clue.where.startswith("/") for met in first.met), "evidence is a file"
    assert second.why_not is not None
    assert (first.weight, first.exactness) > (second.weight, second.exactness), "no board is decided by the alphabet"


def test_a_board_of_which_nothing_is_known_takes_generic(tmp_path: Path) -> None:
    assert resolve(probe(tmp_path), where=SHIPPED).profile == "generic"


def nobody_asks() -> NoReturn:
    raise AssertionError("the board was looked at")


@pytest.fixture
def folders(tmp_path: Path) -> Places:
    """The machine's folder and the user's, both empty."""
    machine, user = tmp_path / "machine", tmp_path / "user"
    machine.mkdir()
    user.mkdir()
    return Places((machine, user), (user / "profiles", shipped()))


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


def test_a_named_profile_is_taken_without_a_look_at_the_board() -> None:
    found = resolve(nobody_asks, profile="raspberry-pi-zero-2-w", where=SHIPPED)
    assert (found.profile, found.ranking) == ("raspberry-pi-zero-2-w", None)
    assert found.keys.limits.memory_mb == 200
    assert found.origin("limits.memory_mb").rpartition("/")[2].startswith("raspberry-pi-zero-2-w.yaml:")
    assert found.origin("limits.temp_c").rpartition("/")[2].startswith("raspberry-pi.yaml:")
    assert found.origin("threads").rpartition("/")[2].startswith("generic.yaml:")


def test_which_of_four_files_goes_first(folders: Places) -> None:
    machine, user = folders.config
    text = "threads: {}\n{}: {}\n"
    write(machine, "config", text.format(1, "fps", 11) + "limits: {temp_c: 51, power_w: 1}\nprofile: raspberry-pi-4\n")
    write(user, "config", text.format(2, "tier", "b") + "limits: {temp_c: 52}\n")
    write(machine, "door", text.format(3, "source", "c") + "profile: rk3588\n")
    write(user, "door", "# mine\nthreads: 4\n")
    found = resolve(nobody_asks, instance="door", where=folders)
    assert found.profile == "rk3588"
    keys = found.keys
    assert (keys.threads, keys.fps, keys.tier, keys.source) == (4, 11, "b", "c")
    assert (keys.limits.temp_c, keys.limits.power_w) == (52, 1)
    assert found.origin("threads") == f"{user}/door.yaml:2"
    assert found.origin("limits.temp_c") == f"{user}/config.yaml:3"
    assert found.origin("limits.power_w") == f"{machine}/config.yaml:3"
    assert resolve(nobody_asks, profile="jetson", instance="door", where=folders).profile == "jetson"
    assert resolve(nobody_asks, where=folders).profile == "raspberry-pi-4"


def test_a_config_file_stands_in_for_those_in_the_folders(folders: Places, tmp_path: Path) -> None:
    write(folders.config[0], "config", "threads: 1\nfps: 5\n")
    write(folders.config[0], "door", "tier: x\n")
    own = write(tmp_path, "own", "threads: 2\nprofile: generic\n")
    found = resolve(nobody_asks, config=own, instance="door", where=folders)
    assert (found.keys.threads, found.keys.fps, found.keys.tier) == (2, None, "x")


def test_a_profile_of_the_user_s_own_fits_a_board(folders: Places) -> None:
    text = "title: mine\nextends: raspberry-pi-5\nmatch:\n- {soc: BCM2712, accelerator: edgetpu}\nthreads: 3\n"
    write(folders.profiles[0], "mine", text)
    board: Capabilities = probe(BOARDS / "pi-5-coral-usb" / "root")
    found = resolve(board, where=folders)
    assert found.profile == "mine"
    assert found.ranking is not None
    assert found.ranking.matches[1].why_not == (
        "mine goes by accelerator (edgetpu), of which raspberry-pi-5 says nothing"
    )
    assert resolve(probe(BOARDS / "pi-5" / "root"), where=folders).profile == "raspberry-pi-5"


def test_the_faults_of_all_files_come_at_once(folders: Places) -> None:
    machine, user = folders.config
    write(machine, "config", "treads: 1\n")
    write(user, "door", "limits: {temp_f: 1}\n")
    with pytest.raises(ConfigError) as caught:
        resolve(nobody_asks, instance="door", where=folders)
    assert str(caught.value).split("\n") == [
        f"{machine}/config.yaml:1: 'treads' is no known key: did you mean 'threads'?",
        f"{user}/door.yaml:1: 'limits.temp_f' is no known key: did you mean 'temp_c', in degrees Celsius?",
    ]


def test_a_faulty_profile_among_others_is_told_of(folders: Places) -> None:
    write(folders.profiles[0], "mine", "titel: x\n")
    with pytest.raises(ConfigError, match=r"profiles/mine.yaml:1: 'title' is missing"):
        resolve(probe(BOARDS / "pi-5" / "root"), where=folders)


@pytest.mark.parametrize(
    ("instance", "says"),
    [
        ("dor", r"There is no instance 'dor': no dor\.yaml in .*machine or .*user; did you mean 'door'\?"),
        ("config", r"'config' cannot name an instance: write lower-case letters"),
        ("../door", r"'\.\./door' cannot name an instance"),
        ("", r"'' cannot name an instance"),
    ],
)
def test_no_such_instance(folders: Places, instance: str, says: str) -> None:
    write(folders.config[1], "door", "")
    with pytest.raises(UsageError, match=says):
        resolve(nobody_asks, instance=instance, where=folders)


def test_a_file_that_names_no_profile(folders: Places) -> None:
    path = write(folders.config[0], "config", "threads: 1\nprofile: raspbery-pi-4\n")
    with pytest.raises(ConfigError) as caught:
        resolve(nobody_asks, where=folders)
    assert str(caught.value) == f"{path}:2: there is no profile 'raspbery-pi-4'; did you mean 'raspberry-pi-4'?"


@pytest.mark.parametrize("chosen", ["", " ", "/somewhere"])
def test_the_user_s_folder_is_what_platformdirs_says(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    import platformdirs

    monkeypatch.setenv("XDG_CONFIG_HOME", chosen)
    assert user_folder() == platformdirs.user_config_path("edgeseg")


def test_a_user_without_a_home_has_no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a container that runs under a number of its own."""

    def nobody(number: int) -> NoReturn:
        raise KeyError(number)

    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    monkeypatch.chdir(tmp_path)
    assert not places(tmp_path).has_config


def test_what_editors_leave_is_no_profile_and_no_instance(folders: Places) -> None:
    (folders.profiles[0]).mkdir()
    for folder in (folders.profiles[0], folders.config[1]):
        (folder / ".#door.yaml").symlink_to("somebody@somewhere")
        (folder / "door.yaml~").write_text("x: 1")
    assert resolve(probe(BOARDS / "pi-5" / "root"), where=folders).profile == "raspberry-pi-5"
    assert instances(folders.config) == []


def test_places_below_a_root(tmp_path: Path) -> None:
    where = places(tmp_path)
    assert where.config == (tmp_path / "etc/edgeseg", user_folder())
    assert where.profiles[1:] == (tmp_path / "etc/edgeseg/profiles", shipped())
    assert not Places(where.config[:1], ()).has_config
    (tmp_path / "etc/edgeseg").mkdir(parents=True)
    (tmp_path / "etc/edgeseg/config.yaml").symlink_to("nowhere")
    assert where.has_config, "a broken link is somebody's mistake, and to be told of"
