"""Which wheels another machine's Python is brought, from an index that is a folder of wheels made here."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from deploy.farm import there, wheels
from deploy.farm.device import DeviceLost

PI = wheels.Target((3, 11, 2), "aarch64", (2, 36))


def wheel(folder: Path, name: str, version: str, *requires: str, tag: str = "py3-none-any") -> None:
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {one}" for one in requires]
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as archive:
        archive.writestr(f"{name}/__init__.py", f"VERSION = {version!r}")
        archive.writestr(f"{name}-{version}.data/platlib/{name}/part.py", "")
        archive.writestr(f"{name}-{version}.data/scripts/{name}", "#!python")
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def fetched(
    index: Path,
    *asked: str,
    without: tuple[str, ...] = (),
    target: wheels.Target = PI,
    held: dict[str, str] | None = None,
) -> list[str]:
    found = wheels.fetch(asked, target, without, index.parent / "cache", lambda line: None, held)
    return ["-".join(one.name.split("-")[:2]) for one in found]


def test_markers_are_asked_of_the_device_and_not_of_this_machine(index: Path) -> None:
    wheel(
        index,
        "top",
        "1",
        "arm; platform_machine == 'aarch64'",
        "intel; platform_machine == 'x86_64'",
        "old; python_version < '3.11'",
    )
    for name in ("arm", "intel", "old"):
        wheel(index, name, "1")

    assert fetched(index, "top") == ["arm-1", "top-1"]


def test_a_wheel_for_its_machine_and_libc_is_chosen(index: Path) -> None:
    for tag in ("manylinux_2_17_aarch64", "manylinux_2_28_aarch64", "manylinux_2_39_aarch64", "manylinux_2_28_x86_64"):
        wheel(index, "fast", "1" if "28" not in tag else "2", tag=f"cp311-cp311-{tag}")
    wheel(index, "fast", "3", tag="cp311-cp311-manylinux_2_39_aarch64")

    assert fetched(index, "fast") == ["fast-2"]
    assert fetched(index, "fast", target=wheels.Target((3, 11, 2), "aarch64", (2, 27))) == ["fast-1"]


def test_what_the_device_has_itself_is_left_out_however_deep_it_is_asked_for(index: Path) -> None:
    wheel(index, "top", "1", "Middle_Part>=1")
    wheel(index, "middle_part", "1", "numpy")

    assert fetched(index, "top", without=("numpy",)) == ["middle_part-1", "top-1"]


def test_what_stays_as_it_is_there_is_fitted_by_all_else_however_deep(index: Path) -> None:
    wheel(index, "top", "1", "middle", "arrays>=1")
    wheel(index, "middle", "3", "Arrays>=2; python_version >= '3.9'")
    wheel(index, "middle", "2", "arrays<3,>=2", "beside")
    wheel(index, "middle", "1", "arrays", "below")
    wheel(index, "below", "1", "arrays>=2; python_version < '3.9'")
    for name in ("arrays", "beside"):
        wheel(index, name, "9")

    assert fetched(index, "top", held={"arrays": "1.5"}) == ["below-1", "middle-1", "top-1"]
    assert fetched(index, "top", held={"arrays": "2.5"}) == ["middle-3", "top-1"]
    with pytest.raises(DeviceLost, match="pip found no wheel"):
        fetched(index, "top", held={"arrays": "0.5"})


def test_extras_are_followed(index: Path) -> None:
    wheel(index, "top", "1", "low[more]")
    wheel(index, "low", "1", "most; extra == 'more'", "never; extra == 'other'")
    wheel(index, "most", "1")

    assert fetched(index, "top") == ["low-1", "most-1", "top-1"]


def test_limits_from_both_sides_hold(index: Path) -> None:
    wheel(index, "top", "1", "low<3")
    wheel(index, "side", "1", "low>=2")
    for version in ("1", "2", "3"):
        wheel(index, "low", version)

    assert fetched(index, "top", "side") == ["low-2", "side-1", "top-1"]


def test_what_was_fetched_is_not_fetched_again(index: Path) -> None:
    wheel(index, "top", "1")
    fetched(index, "top")
    (index / "top-1-py3-none-any.whl").unlink()

    assert fetched(index, "top") == ["top-1"]
    with pytest.raises(DeviceLost, match="pip found no wheel for the device: No matching distribution found for top"):
        fetched(index, "top", without=("other",))


def test_what_edgeseg_asks_for_itself_can_be_left_out_or_pinned() -> None:
    own = wheels.wanted([], ["NumPy", "ai_edge_litert"])

    assert not [one for one in own if one.startswith(("numpy", "ai-edge-litert"))]
    assert [one for one in wheels.wanted(["ai-edge-litert==2.3.0"], []) if "litert" in one] == ["ai-edge-litert==2.3.0"]
    with pytest.raises(DeviceLost, match="under 'packages' is no requirement"):
        wheels.wanted(["a b c"], [])


def test_wheels_are_unpacked_without_their_scripts(index: Path, tmp_path: Path) -> None:
    wheel(index, "top", "1")
    site = tmp_path / "site"
    (site / "old").mkdir(parents=True)
    there.unpack(list(index.glob("*.whl")), site)

    files = sorted(str(one.relative_to(site)) for one in site.rglob("*") if one.is_file())
    assert files == [
        "top-1.dist-info/METADATA",
        "top-1.dist-info/RECORD",
        "top-1.dist-info/WHEEL",
        "top/__init__.py",
        "top/part.py",
    ]
