"""Where tiers are found, and what a folder of models adds; the folders of this machine are put aside."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgeseg.errors import AssetError, CandidateError, NotPermitted, UsageError
from edgeseg.ports import ModelIO
from edgeseg.tiers import files
from edgeseg.tiers.catalogue import DEFAULT_TIER, catalogue

DEFAULT = catalogue()[DEFAULT_TIER]
COMPILED = b"\x1c\x00\x00\x00TFL3 edgetpu-custom-op " + bytes(20)


@dataclass(frozen=True)
class Places:
    """One folder of each kind, in the order in which they are looked in; all are empty."""

    given: Path
    own: Path
    machine: Path
    built: Path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    found = Places(*(tmp_path / name for name in ("given", "own", "machine", "built")))
    for folder in (found.given, found.own, found.machine, found.built):
        folder.mkdir()
    monkeypatch.setenv(files.VARIABLE, str(found.own))
    monkeypatch.setattr(files, "MACHINE", found.machine)
    monkeypatch.setattr(files, "BUILT", found.built)
    return found


def put(folder: Path, content: bytes = b"no model", name: str = f"{DEFAULT_TIER}.tflite") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def own_row(content: bytes = b"my model", **changes: object) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    row = {"family": "mine", "asset": "mine.h5", "height": 64, "width": 96, "precision": "int8", "fit": "stretch"}
    numbers = {"input": {"dtype": "int8"}, "output": {"dtype": "int8"}}
    return {**row, **numbers, "licence": "CC0-1.0", "sha256": digest, "bytes": len(content), **changes}


def own_catalogue(folder: Path, **rows: dict[str, Any]) -> None:
    (folder / "catalogue.yaml").write_text(json.dumps(rows))


class TestFolders:
    def test_their_order(self, places: Places) -> None:
        assert files.folders(places.given) == [places.given, places.own, places.machine, places.built]
        assert files.folders() == [places.own, places.machine, places.built]
        here = [put(folder) for folder in files.folders(places.given)]
        for path in here:
            assert files.find(DEFAULT, places.given) == path
            path.unlink()
        assert files.find(DEFAULT, places.given) is None

    def test_without_one_given_the_built_files_come_first_and_the_others_after(self, places: Places) -> None:
        own, machine, built = (put(folder) for folder in files.folders())
        assert files.find(DEFAULT) == built
        built.unlink()
        assert files.find(DEFAULT) == own
        own.unlink()
        assert files.find(DEFAULT) == machine

    def test_the_users_own_is_in_the_data_directory(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv(files.VARIABLE, raising=False)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert files.own_folder() == tmp_path / "edgeseg" / "models"
        monkeypatch.setenv(files.VARIABLE, "")
        assert files.own_folder() == tmp_path / "edgeseg" / "models"
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv(files.VARIABLE, "~/m")
        assert files.own_folder() == tmp_path / "m"
        assert Path("/usr/share/edgeseg/models") == files.MACHINE
        assert Path(files.__file__).parent / "models" == files.BUILT

    @pytest.mark.parametrize("name", ["none", "file"])
    def test_one_given_has_to_be_a_folder(self, places: Places, name: str) -> None:
        put(places.given.parent, name="file")
        folder = places.given.parent / name
        for ask in (files.folders, files.tiers, lambda models: files.tier(DEFAULT_TIER, models)):
            with pytest.raises(UsageError, match=rf"The folder of models '{folder}' is not there; check --models\."):
                ask(folder)

    def test_a_home_of_nobody(self, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(UsageError, match=r"'~nobody-has-this-name' is nowhere; check --models\."):
            files.folders("~nobody-has-this-name")
        monkeypatch.setenv(files.VARIABLE, "~nobody-has-this-name/m")
        with pytest.raises(UsageError, match=r"'~nobody-has-this-name/m' is nowhere; check \$EDGESEG_MODELS\."):
            files.folders()

    def test_folders_that_are_not_there_or_no_folders_have_nothing(
        self, places: Places, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(files.VARIABLE, str(put(places.own)))
        places.machine.rmdir()
        assert files.tiers() == catalogue()
        assert files.find(DEFAULT) is None


class TestLoad:
    def test_the_very_bytes(self, tier_file: Any) -> None:
        content = files.load(DEFAULT)
        assert hashlib.sha256(content).hexdigest() == DEFAULT.sha256
        assert len(content) == DEFAULT.bytes
        assert content == tier_file().read_bytes()

    @pytest.mark.parametrize("name", list(catalogue()))
    def test_every_built_file_is_the_catalogues(self, tier_file: Any, name: str) -> None:
        tier_file(name)
        assert len(files.load(files.tier(name))) == catalogue()[name].bytes

    def test_from_the_folder_given(self, places: Places, tier_file: Any) -> None:
        content = Path(files.__file__).parent.joinpath("models", f"{DEFAULT_TIER}.tflite")
        if not content.exists():
            pytest.skip("the default tier is not built")
        put(places.built)
        put(places.given, content.read_bytes())
        assert files.load(DEFAULT, places.given) == content.read_bytes()
        assert files.load(DEFAULT, str(places.given)) == content.read_bytes()

    def test_a_missing_file_says_what_brings_it(self, places: Places) -> None:
        with pytest.raises(CandidateError) as caught:
            files.load(DEFAULT, places.given)
        assert str(caught.value) == (
            f"The tier {DEFAULT_TIER} is in none of the folders of models: run make setup in edgeseg's checkout, which"
            " builds it, or install a wheel from make wheel."
        )
        assert caught.value.exit_code == 4

    @pytest.mark.parametrize(
        ("place", "remedy"),
        [
            ("given", "remove it, or put the right file there."),
            ("built", "remove it and run make setup in edgeseg's checkout, or install the wheel again."),
        ],
    )
    def test_another_file_is_refused_and_kept(self, place: str, remedy: str, places: Places) -> None:
        path = put(getattr(places, place))
        with pytest.raises(AssetError) as caught:
            files.load(DEFAULT, places.given)
        assert str(caught.value) == (
            f"{path} is not the tier {DEFAULT_TIER} of the catalogue, for its sha256 is another; {remedy}"
        )
        assert caught.value.exit_code == 6
        assert path.read_bytes() == b"no model"

    def test_a_file_that_goes_away_or_may_not_be_read(self, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
        path = put(places.built)

        def refuse(self: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(NotPermitted, match=rf"The model {path} cannot be read: Permission denied; check its perm"):
            files.load(DEFAULT)

    def test_a_folder_of_anothers_has_nothing(self, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
        """As root's home is under `sudo -u`: what is looked up in it fails, and the next folder's turn comes."""
        put(places.own)
        built, stat = put(places.machine), os.stat

        def refuse(path: Any, *args: Any, **more: Any) -> os.stat_result:
            if isinstance(path, (str, os.PathLike)) and Path(path).is_relative_to(places.own):
                raise PermissionError(13, "Permission denied", str(path))
            return stat(path, *args, **more)

        monkeypatch.setattr(os, "stat", refuse)
        assert files.find(DEFAULT) == built
        assert files.tiers() == catalogue()


class TestOwnCatalogue:
    def test_it_adds_tiers(self, places: Places) -> None:
        own_catalogue(places.own, mine=own_row())
        path = put(places.own, b"my model", "mine.tflite")
        mine = files.tier("mine")
        assert mine.io == ModelIO(64, 96, "stretch", "int8")
        assert (files.find(mine), files.load(mine)) == (path, b"my model")
        assert list(files.tiers()) == [*catalogue(), "mine"]
        assert files.tier() == DEFAULT

    @pytest.mark.parametrize("place", ["given", "own", "machine"])
    def test_in_each_folder_but_ours(self, places: Places, place: str) -> None:
        own_catalogue(getattr(places, place), mine=own_row())
        own_catalogue(places.built, ours=own_row())
        added = files.tiers(places.given).keys() - catalogue().keys()
        assert added == {"mine"}

    def test_the_first_folders_row_counts_and_this_versions_before_all(self, places: Places) -> None:
        own_catalogue(places.given, **{"mine": own_row(height=32), DEFAULT_TIER: own_row()})
        own_catalogue(places.own, mine=own_row())
        assert files.tiers(places.given)["mine"].height == files.tier("mine", places.given).height == 32
        assert files.tiers(places.given)[DEFAULT_TIER] == files.tier(DEFAULT_TIER, places.given) == DEFAULT

    def test_its_files_are_missed_and_checked_as_ours_are(self, places: Places) -> None:
        own_catalogue(places.own, mine=own_row())
        with pytest.raises(CandidateError, match=r"put mine\.tflite beside the catalogue\.yaml that has its row\.$"):
            files.load(files.tier("mine"))
        path = put(places.own, b"another", "mine.tflite")
        with pytest.raises(AssetError, match=r"put the right file there, or its sha256 into catalogue\.yaml\.$"):
            files.load(files.tier("mine"))
        assert path.read_bytes() == b"another"

    def test_a_wrong_one_is_named_when_it_matters(self, places: Places) -> None:
        own_catalogue(places.own, mine=own_row(heigth=5))
        assert files.tier() == DEFAULT  # a built-in tier does not need it
        with pytest.raises(UsageError, match=rf"{places.own}/catalogue\.yaml: tier mine: there is no field 'heigth'"):
            files.tier("mine")


class TestCompiled:
    def test_a_file_of_corals_compiler_is_a_tier(self, places: Places) -> None:
        path = put(places.own, COMPILED, f"{DEFAULT_TIER}_edgetpu.tflite")
        twin = files.tier(f"{DEFAULT_TIER}-edgetpu")
        assert (twin.twin, twin.bytes, twin.golden) == (DEFAULT_TIER, len(COMPILED), {})
        assert (twin.io, twin.family, twin.licence) == (DEFAULT.io, DEFAULT.family, DEFAULT.licence)
        assert (files.find(twin), files.load(twin)) == (path, COMPILED)
        assert files.tiers().keys() - catalogue().keys() == {twin.name}

    def test_a_file_that_was_changed_since_is_refused(self, places: Places) -> None:
        path = put(places.own, COMPILED, f"{DEFAULT_TIER}_edgetpu.tflite")
        twin = files.tier(f"{DEFAULT_TIER}-edgetpu")
        path.write_bytes(COMPILED + b"more")
        with pytest.raises(AssetError):
            files.load(twin)

    def test_what_the_compiler_could_not_take_is_no_tier(self, places: Places) -> None:
        put(places.own, b"TFL3 all on the CPU", f"{DEFAULT_TIER}_edgetpu.tflite")
        put(places.own, COMPILED, "nobody-knows-me_edgetpu.tflite")
        (places.own / f"{next(iter(catalogue()))}_edgetpu.tflite").mkdir()
        assert files.tiers() == catalogue()

    def test_of_a_tier_of_the_users_own(self, places: Places) -> None:
        own_catalogue(places.given, mine=own_row(golden={"mine": 0.9}))
        put(places.given, COMPILED, "mine_edgetpu.tflite")
        twin = files.tier("mine-edgetpu", places.given)
        assert (twin.twin, twin.height, twin.golden) == ("mine", 64, {})
        assert files.load(twin, places.given) == COMPILED

    def test_one_that_may_not_be_read_is_told(self, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
        path = put(places.own, COMPILED, f"{DEFAULT_TIER}_edgetpu.tflite")

        def refuse(self: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(NotPermitted, match=rf"The model {path} cannot be read: Permission denied"):
            files.tiers()


class TestNames:
    @pytest.mark.parametrize(
        ("word", "near"),
        [(DEFAULT_TIER.replace("fp16", "fp61"), DEFAULT_TIER), ("selfie", "selfie-"), ("mien", "mine'")],
    )
    def test_an_unknown_tier_gets_the_nearest_name(self, places: Places, word: str, near: str) -> None:
        own_catalogue(places.own, mine=own_row())
        with pytest.raises(UsageError, match=rf"There is no tier '{word}'; did you mean '{near}"):
            files.tier(word)

    def test_one_that_is_like_none_gets_them_all(self, places: Places) -> None:
        with pytest.raises(UsageError, match=r"There is no tier '§'; choose one of body-.*selfie-"):
            files.tier("§")
