"""farm.yaml: what is wrong in it is said with file and line, all at once; and which jobs it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.farm import farmfile, session
from deploy.farm.card import Golden
from deploy.farm.farmfile import DEFAULT
from deploy.farm.jobs import Given, jobs_of, spread
from edgeseg.errors import ConfigError, UsageError
from edgeseg.golden import SMALL
from edgeseg.golden.dataset import Item, load

GOOD = f"golden: {SMALL}\n"
A = GOOD + "devices:\n  a: "


def written(folder: Path, text: str) -> Path:
    path = folder / "farm.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ["1: 'golden' is missing.", "1: 'devices' is missing."]),
        (GOOD + "devices: {}\n", ["2: devices: "]),
        (GOOD + "devises: {a: {kind: local}}\n", ["1: 'devices' is missing.", "'devises' is no known key: did you"]),
        ("golden: nowhere\ndevices: {a: {kind: local}}\n", ["1: golden: there is no ", "nowhere."]),
        (A + "{}\n", ["3: 'devices.a.kind' is missing: choose one of "]),
        (A + "{kind: lokal}\n", ["3: devices.a: there is no kind 'lokal'; did you mean 'local'?"]),
        (GOOD + "devices:\n  A: {kind: local}\n", ["3: the device 'A' must be named by lower-case letters"]),
        (GOOD + "devices:\n  a/b: {kind: local}\n", ["3: the device 'a/b' must be named"]),
        (A + "{kind: local, theads: 2}\n", ["3: devices.a: 'theads' is no known key: did you mean 'thr"]),
        (GOOD + "devices:\n  a:\n    kind: local\n    threads: 0\n", ["5: devices.a: threads", "must be 1 or"]),
        (A + "{kind: local, engines: [cpu, gpo]}\n", ["3: devices.a: engines[1]: choose 'cpu', 'gpu'"]),
        (A + "{kind: local, tiers: selfy-*}\n", ["3: devices.a.tiers: no tier is meant by 'selfy-*'"]),
        (A + "{kind: local, timeout_ms: 5}\n", ["did you mean 'timeout_s', in seconds?"]),
        (A + "{kind: local, packages: [x]}\n", ["3: devices.a: 'packages' is no known key"]),
        (A + "{kind: venv, python: 3.11}\n", ["3: devices.a: python: write text, in quotation marks"]),
        (A + "{kind: local, pictures: {int8: 4}}\n", ["3: devices.a: pictures: write all, a number of 1"]),
        (A + "{kind: local, pictures: some}\n", ["3: devices.a: pictures: write all, ", "not 'some'."]),
        (A + "{kind: local, pictures: 0}\n", ["3: devices.a: pictures: write all, ", "not 0."]),
        (GOOD + "budget: {keep_runs: 0}\ndevices: {a: {kind: local}}\n", ["2: budget.keep_runs: must be 1"]),
        (GOOD + "models: nowhere\ndevices: {a: {kind: local}}\n", ["2: models: there is no folder"]),
        (GOOD + "candidates: {tiers: []}\ndevices: {a: {kind: local}}\n", ["2: candidates.tiers: must hold"]),
        (A + "{kind: x}\n  b: {kind: local, quik: true}\n", ["3: devices.a: there", "4: devices.b: 'quik'"]),
        (GOOD + "devices:\n\ta: {kind: local}\n", ["indent with blanks"]),
        (A + "{kind: local}\n  a: {kind: local}\n", ["4: 'a' is already given on line 3."]),
    ],
)  # fmt: skip
def test_a_bad_farm_file_is_told_all_its_faults(tmp_path: Path, text: str, says: list[str]) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        session.read(path)
    for words in says:
        assert words in str(caught.value)
    assert all(line.startswith(f"{path}:") for line in str(caught.value).splitlines())


def test_no_farm_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        session.read(tmp_path / "none.yaml")


def test_the_projects_own_farm_file_is_sound() -> None:
    farm = session.read(DEFAULT)
    assert {"local", "local-timed", "tflite-2.14"} <= set(farm.entries)
    with pytest.raises(UsageError, match="has no device 'locel'; did you mean 'local'"):
        session.chosen(farm, ["locel"])


def test_in_full_it_is_all_devices_and_all_pictures(tmp_path: Path) -> None:
    text = "devices: {a: {kind: local, pictures: 3}, b: {kind: guest, on_demand: true}}\n"
    farm = session.read(written(tmp_path, GOOD + text))
    assert session.chosen(farm, []) == ["a"]
    assert session.chosen(farm, ["b"]) == ["b"]
    full = farmfile.in_full(farm)
    assert session.chosen(full, []) == ["a", "b"]
    for name in ("a", "b"):
        assert not any(job.items for job in jobs_of(full, name, "real", given()))


def given() -> Given:
    golden = load(SMALL)
    return Given("a" * 64, session.tiers_of(None), golden.file.items, Golden("small", 1, "b" * 64, 7, 7))


def jobs_in(folder: Path, text: str, name: str = "a") -> list[object]:
    return list(jobs_of(session.read(written(folder, GOOD + text)), name, "real", given()))


def test_jobs_are_tiers_times_engines_times_threads(tmp_path: Path) -> None:
    text = "devices: {a: {kind: local, tiers: ['*-96x160-*'], engines: [cpu, gpu], threads: [1, 2]}}\n"
    made = jobs_in(tmp_path, text)
    assert len(made) == 3 * 2 * 2
    assert len({job.key for job in made}) == 12
    assert [str(job.candidate) for job in made[:2]] == [
        "selfie-landscape-96x160-fp32 on cpu, 1 thread", "selfie-landscape-96x160-fp32 on cpu, 2 threads",
    ]  # fmt: skip


def test_all_tiers_unless_told_otherwise(tmp_path: Path) -> None:
    assert len(jobs_in(tmp_path, "devices: {a: {kind: local}}\n")) == len(session.tiers_of(None))


@pytest.mark.parametrize(
    ("entry", "same"),
    [
        ("kind: local, tiers: '*-96x160-int8'", True),
        ("kind: local, tiers: '*-96x160-int8', quick: true", False),
        ("kind: local, tiers: '*-96x160-int8', pictures: 3", False),
        ("kind: local, tiers: '*-96x160-int8', env: {A: b}", False),
    ],
)
def test_a_key_changes_with_what_the_card_depends_on(tmp_path: Path, entry: str, same: bool) -> None:
    (before,) = jobs_in(tmp_path, "devices: {a: {kind: local, tiers: '*-96x160-int8'}}\n")
    (after,) = jobs_in(tmp_path, f"devices: {{a: {{{entry}}}}}\n")
    assert (before.key == after.key) == same


def test_a_few_pictures_by_precision(tmp_path: Path) -> None:
    text = "pictures: {int8: 4, float: 2}\ndevices: {a: {kind: local, tiers: '*-96x160-*'}}\n"
    counts = {job.tier.precision: (len(job.items), job.golden.items) for job in jobs_in(tmp_path, text)}
    assert counts == {"fp32": (2, 2), "fp16": (2, 2), "int8": (4, 4)}


def test_emulated_and_quick_devices_are_not_timed(tmp_path: Path) -> None:
    farm = session.read(written(tmp_path, GOOD + "devices: {a: {kind: local, tiers: '*-96x160-int8'}}\n"))
    (real,) = jobs_of(farm, "a", "real", given())
    (emulated,) = jobs_of(farm, "a", "emulated", given())
    assert real.is_timed
    assert real.argv[real.argv.index("--min-inferences") + 1] == "1024"
    assert not emulated.is_timed
    assert "--quick" in emulated.argv


def item(name: str, framing: str | None = None, **more: object) -> Item:
    return Item(image=name, mask=f"{name}.png", framing=framing, **more)


def test_a_few_are_spread_over_framings_and_always_the_same() -> None:
    items = [item(f"{framing}{n}", framing) for framing in ("body", "head") for n in range(9)]
    items += [item("room", tags=["empty"]), *(item(f"s{n}", sequence="s", frame=n) for n in range(9))]
    four = spread(items, 4)
    assert four == spread(list(items), 4)
    assert {name.rstrip("0123456789") for name in four} == {"body", "head", "room", "s"}
    assert set(spread(items, 2)) < set(four) < set(spread(items, 9))
    assert "room" not in spread(items, 1)
    assert spread(items, 99) == [one.image for one in items]
