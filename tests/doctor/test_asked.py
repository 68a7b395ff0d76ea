"""What a run would be asked for: options, files, the profile; faults of files become findings."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import BOARDS, NOTHING, taken, with_accelerator

from edgeseg.build import Settings
from edgeseg.config.places import Places, shipped
from edgeseg.doctor.asked import Asked, Options, ask
from edgeseg.doctor.examine import is_here, planned
from edgeseg.doctor.finding import Finding
from edgeseg.errors import UsageError
from edgeseg.frames import Size
from edgeseg.probe import probe


def files(tmp_path: Path, **texts: str) -> Places:
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return Places((tmp_path,), (shipped(),))


def of(where: Places, board: str = "pi-5", **options: object) -> tuple[Asked, list[Finding]]:
    return ask(probe(BOARDS / board / "root"), Options(**options), where)  # type: ignore[arg-type]


def test_without_files_a_run_takes_its_own_defaults(tmp_path: Path) -> None:
    asked, findings = of(Places((tmp_path,), (shipped(),)))
    assert findings == []
    assert not asked.uses_files
    assert (asked.settings.engine, asked.engine_by, asked.fps, asked.size) == ("auto", None, 30, Size(1280, 720))
    assert asked.limit("temp_c") == 78
    assert list(asked.engines()) == ["edgetpu", "cpu"]
    assert not any(asked.is_users(one) for one in asked.engines())


def test_who_asked_for_an_engine_is_known(tmp_path: Path) -> None:
    where = files(tmp_path, config="\nengine: gpu\n", door="engines: [npu]\nengine: npu\n")
    asked, _ = of(where)
    assert (asked.settings.engine, asked.engine_by) == ("gpu", f"{tmp_path}/config.yaml:2")
    assert asked.is_users("gpu")
    asked, _ = of(where, instance="door")
    assert asked.engines() == {"npu": f"{tmp_path}/door.yaml:2"}
    asked, _ = of(where, settings=Settings(engine="cpu", tier="auto"), flags=frozenset({"engine"}))
    assert asked.engine_by == "--engine"


def test_a_list_of_the_user_s_is_asked_for_and_one_of_a_profile_is_not(tmp_path: Path) -> None:
    asked, _ = of(files(tmp_path, config="engines: [gpu, cpu]\n"))
    assert [one for one in ("gpu", "npu", "cpu") if asked.is_users(one)] == ["gpu", "cpu"]
    assert asked.engine_by is None


FAULTY = {
    "a key": ("limts: {temp_c: 70}\n", [("config.yaml:1", "'limts' is no known key: did you mean 'limits'?")]),
    "a binary": ("\0\1", [("config.yaml", "This is not YAML: ")]),
    "too long": ("#" * 70_000, [("open()", "/config.yaml has more than 64000 bytes")]),
    "no YAML": ("a: [\n", [("config.yaml:2", "This is not YAML: ")]),
    "two": (
        "engine: gpx\nlimits: {temp_c: hot}\n",
        [("config.yaml:1", "Engine: choose "), ("config.yaml:2", "Limits.temp_c: write a number")],
    ),
    "no profile": ("profile: pi-9\n", [("config.yaml:1", "There is no profile 'pi-9'; ")]),
    "a word": ("fps: 15\nsink: nowhere\nengine: gpu\n", [("config.yaml:2", "There is no sink 'nowhere'; ")]),
    "a tier": ("tier: selfi\nengine: gpu\n", [("config.yaml:1", "There is no tier 'selfi'; ")]),
}


@pytest.mark.parametrize(("text", "said"), FAULTY.values(), ids=FAULTY)
def test_faults_of_files_are_findings_and_the_rest_holds(
    tmp_path: Path, text: str, said: list[tuple[str, str]]
) -> None:
    asked, findings = of(files(tmp_path, config=text))
    told = [(one.where.removeprefix(f"{tmp_path}/"), one.what.removeprefix(str(tmp_path))) for one in findings]
    assert [(place, what[: len(start)]) for (place, what), (_, start) in zip(told, said, strict=True)] == said
    assert {one.severity for one in findings} == {"fault"}
    assert asked.effective is not None
    assert asked.effective.profile == "raspberry-pi-5"
    if "engine: gpu" in text:
        assert asked.settings.sink == "null"
        assert asked.settings.tier == "auto"


def test_options_that_name_nothing_are_refused(tmp_path: Path) -> None:
    where = files(tmp_path, door="")
    for options, says in (
        ({"profile": "pi-9"}, "There is no profile 'pi-9'"),
        ({"instance": "dor"}, "There is no instance 'dor'"),
        ({"settings": Settings(engine="gpux", tier="auto"), "flags": frozenset({"engine"})}, "There is no engine"),
        ({"settings": Settings(tier="selfi", engine="auto"), "flags": frozenset({"tier"})}, "There is no tier"),
    ):
        with pytest.raises(UsageError, match=says):
            of(where, **options)


def test_a_board_that_no_profile_fits_is_told(tmp_path: Path) -> None:
    asked, findings = ask(probe(NOTHING), Options(), Places((), (tmp_path,)))
    assert asked.effective is None
    assert [(one.what, one.remedy) for one in findings] == [
        ("No profile fits this board.", "Name one: --profile NAME, or profile: in config.yaml.")
    ]
    assert (asked.fps, asked.size, asked.limit("temp_c")) == (30, Size(1280, 720), None)


def test_engines_are_tried_where_they_are_wanted_or_have_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES"):
        monkeypatch.delenv(name, raising=False)

    def names(found: object, asked: Asked, engine: str = "cpu") -> list[str]:
        return [one.engine for one in planned(found, asked, taken(engine))]  # type: ignore[arg-type]

    plain, _ = of(Places((tmp_path,), (shipped(),)))
    bare, gpu = probe(NOTHING), with_accelerator("gpu")
    assert names(bare, plain) == ["cpu"]
    assert names(bare, plain, "npu") == ["cpu", "npu"]
    assert names(gpu, plain) == ["cpu", "gpu"]
    wanted, _ = of(files(tmp_path, config="engine: edgetpu\n"))
    assert names(bare, wanted) == ["cpu", "edgetpu"]
    assert not is_here("gpu", bare)
    monkeypatch.setenv("VK_DRIVER_FILES", "/some/icd.json")
    assert is_here("gpu", bare)
