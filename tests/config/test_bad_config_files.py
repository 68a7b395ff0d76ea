"""What people write wrong in profiles and config files: every fault at once, each with its line and what was meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeseg.config.places import shipped
from edgeseg.config.profile import ConfigFile, Profile
from edgeseg.config.profiles import chain, checked, find, read
from edgeseg.errors import ConfigError, UsageError


@dataclass(frozen=True)
class Case:
    """A file's text and all that is said of it, without the file's name."""

    name: str
    text: str
    says: tuple[str, ...]


def case(name: str, text: str, *says: str) -> Case:
    return Case(name, text, says)


CONFIG = [
    case("an unknown key", "backgrund: blur\n", "1: 'backgrund' is no known key: did you mean 'background'?"),
    case("inside", "limits:\n  temp: 70\n",
         "2: 'limits.temp' is no known key: did you mean 'temp_c', in degrees Celsius?"),
    case("unit", "limits: {temp_f: 160}\n",
         "1: 'limits.temp_f' is no known key: did you mean 'temp_c', in degrees Celsius?"),
    case("no unit", "max_mask_age: 250\n",
         "1: 'max_mask_age' is no known key: did you mean 'max_mask_age_ms', in milliseconds?"),
    case("seconds", "max_mask_age_s: 1\n",
         "1: 'max_mask_age_s' is no known key: did you mean 'max_mask_age_ms', in milliseconds?"),
    case("a value with its unit", "limits:\n  temp_c: 75 C\n",
         "2: limits.temp_c: write a number, not '75 C'; write degrees Celsius as a plain number."),
    case("text for a number", "threads: many\n", "1: threads: write a whole number, not 'many'."),
    case("half a thread", "threads: 1.5\n", "1: threads: write a whole number, not 1.5."),
    case("too cold", "limits: {temp_c: -273}\n",
         "1: limits.temp_c: must be 30 or more, not -273; write degrees Celsius as a plain"
         " number."),
    case("not a number", "limits: {temp_c: .nan}\n",
         "1: limits.temp_c: write a finite number, not nan; write degrees Celsius as a plain number."),
    case("endless", "max_mask_age_ms: .inf\n",
         "1: max_mask_age_ms: write a finite number, not inf; write milliseconds as a plain number."),
    case("a size", "targets:\n  size: big\n", "2: targets.size: write WIDTHxHEIGHT, such as 1280x720, not 'big'."),
    case("a size of none", "size: 720x0\n", "1: size: write WIDTHxHEIGHT, such as 1280x720, not '720x0'."),
    case("a rate", "fps: -1\n", "1: fps: write a number from 0.001 to 1000, such as 30 or 30000/1001, not -1."),
    case("a rate that is yes", "fps: yes\n",
         "1: fps: write a number from 0.001 to 1000, such as 30 or 30000/1001, not True."),
    case("text for yes", "hflip: maybe\n", "1: hflip: write true or false, not 'maybe'."),
    case("one for yes", "hflip: 1\n", "1: hflip: write true or false, not 1."),
    case("no for a word", "background: no\n", "1: background: write text, in quotation marks if need be, not False."),
    case("an empty word", "background: ''\n", "1: background: must not be empty, not ''."),
    case("an engine", "engines: [cpu, tpu]\n",
         "1: engines[1]: choose 'cpu', 'gpu', 'npu' or 'edgetpu', not 'tpu'."),
    case("no list", "engines: cpu\n", "1: engines: write a list, such as [a, b], not 'cpu'."),
    case("an empty list", "engines: []\n", "1: engines: must hold at least one."),
    case("an empty section", "source: auto\nlimits:\n", "2: limits must be a mapping of keys to values, not empty."),
    case("a section as a list", "limits: [70]\n", "1: limits must be a mapping of keys to values."),
    case("a list as a file", "- a\n", "1: the file must be a mapping of keys to values."),
    case("a word as a file", "blur\n", "1: the file must be a mapping of keys to values, not 'blur'."),
    case("a number as a key", "1: 2\n", "1: '1' is no known key: choose one of allow_software_gpu, background, engine,"
         " engine_device, engine_library,"
         " engines, follow, fps, governor, hflip, idle, idle_after_s, key_color, key_saturation, key_softness,"
         " key_tolerance, key_value, limits,"
         " max_mask_age_ms, models, profile, refine, segmenter, sink, size, source, steady, targets, threads,"
         " tidy, tier, vflip."),
    case("twice", "sink: a\nsource: b\nsink: c\n", "3: 'sink' is already given on line 1."),
    case("a tab", "limits:\n\ttemp_c: 70\n", "2: this is not YAML: found character '\\t' that cannot start any token"
         " (indent with blanks, not with tabs)."),
    case("all at once", "sinc: x\nlimits:\n  temp_c: hot\n  watt: 3\nthreads: -1\n",
         "1: 'sinc' is no known key: did you mean 'sink'?",
         "3: limits.temp_c: write a number, not 'hot'; write degrees Celsius as a plain number.",
         "4: 'limits.watt' is no known key: choose one of memory_mb, power_w, temp_c.",
         "5: threads: must be 0 or more, not -1."),
    case("what profiles say", "title: x\n", "1: 'title' is no known key: did you mean 'tier'?"),
    case("a path as a profile", "profile: ../pi\n",
         "1: profile: must be lower-case letters, digits, '.', '_' and '-', not '../pi'."),
]  # fmt: skip

PROFILE = [
    case("empty", "", "1: 'title' is missing."),
    case("a rule", "title: a\nmatch:\n- {sock: BCM2711}\n", "3: 'match[0].sock' is no known key: did you mean 'soc'?"),
    case("no rules", "title: a\nmatch: {soc: x}\n", "2: match: write a list, such as [a, b]."),
    case("a pattern", "title: a\nmatch:\n- soc: 1.5\n",
         "3: match[0].soc[0]: write text, in quotation marks if need be, not 1.5."),
    case("no pattern", "title: a\nmatch:\n- soc: []\n",
         "3: match[0].soc: must hold at least one."),
    case("what config files say", "title: a\nprofile: b\n", "2: 'profile' is no known key: did you mean 'refine'?"),
]  # fmt: skip


@pytest.mark.parametrize("one", CONFIG, ids=lambda one: one.name)
def test_a_wrong_config_file(tmp_path: Path, one: Case) -> None:
    assert faults(tmp_path, ConfigFile, one.text) == list(one.says)


@pytest.mark.parametrize("one", PROFILE, ids=lambda one: one.name)
def test_a_wrong_profile(tmp_path: Path, one: Case) -> None:
    assert faults(tmp_path, Profile, one.text) == list(one.says)


def faults(folder: Path, model: type[Profile] | type[ConfigFile], text: str) -> list[str]:
    path = folder / "a.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        checked(path, model)
    return [line.removeprefix(f"{path}:") for line in str(caught.value).split("\n")]


NINE = range(9)
BOMB = f"a: &a {['x' for _ in NINE]}\n" + "".join(
    f"{name}: &{name} [{', '.join(f'*{before}' for _ in NINE)}]\n"
    for before, name in zip("abcde", "bcdef", strict=True)
)
MERGES = "a0: &a0 {}\n" + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 12))
BAD_BYTES = {
    "a bomb": (BOMB.encode(), ":4: with its aliases (*) written out, this has more than 4000 values."),
    "a bomb of merges": (MERGES.encode(), "nested too deeply"),
    "aliases in a chain": (
        ("a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 1500))).encode(),
        "nested too deeply",
    ),
    "an alias of itself": (b"engines: &a [*a]\n", ":1: this holds itself through an alias (*), which has no end."),
    "too long": (b"#" * 64_001, "has more than 64000 bytes, which is too long for what it is."),
    "a program": (b"\x7fELF\x02\x01\x01" + bytes(200), "this is not YAML: special characters are not allowed."),
    "a huge number": (b"threads: " + b"9" * 5000, "this is not YAML: "),
}  # fmt: skip


@pytest.mark.parametrize(("content", "says"), BAD_BYTES.values(), ids=BAD_BYTES)
def test_a_file_that_would_do_harm(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        checked(path, ConfigFile)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for path, says in (
        (tmp_path, "cannot be read: Is a directory."),
        (tmp_path / "nothing", "cannot be read: No such file or directory."),
        (tmp_path / "loop", "cannot be read: Too many levels of symbolic links."),
        (Path("/dev/zero"), "has more than 64000 bytes, which is too long for what it is."),
    ):
        with pytest.raises(ConfigError) as caught:
            checked(path, ConfigFile)
        assert str(caught.value) == f"{path} {says}"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a": "title: a\nextends: a\n"}, "a.yaml:2: 'extends' goes in a circle: a -> a."),
        (
            {"a": "title: a\nextends: b\n", "b": "title: b\nextends: c\n", "c": "extends: b\ntitle: c\n"},
            "c.yaml:1: 'extends' goes in a circle: b -> c -> b.",
        ),
        (
            {"a": "title: a\nextends: generik\n"},
            "a.yaml:2: there is no profile 'generik' to extend; did you mean 'generic'?",
        ),
        ({"a": "title: a\nextends: b\n", "b": "titel: b\n"}, "b.yaml:1: 'title' is missing."),
    ],
)
def test_what_is_extended(tmp_path: Path, files: dict[str, str], says: str) -> None:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        chain("a", find([tmp_path, shipped()]))
    assert str(caught.value).split("\n")[0] == f"{tmp_path}/{says}"


def test_no_such_profile() -> None:
    with pytest.raises(UsageError, match=r"There is no profile 'raspbery-pi-4'; did you mean 'raspberry-pi-4'\?"):
        chain("raspbery-pi-4", find([shipped()]))


def test_a_user_s_profile_goes_before_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "generic.yaml").write_text("title: mine\n")
    assert read(find([tmp_path, shipped()])["generic"]).profile.title == "mine"
