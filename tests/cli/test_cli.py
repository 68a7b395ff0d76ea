"""What is documented of the command works: backgrounds, sinks, the figures, options, stills, golden sets."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from command import NO_INDEX, Done, edgeseg
from media import SIZE, audio_of, clip, frames_of, grey_steps, picture, times_of, y4m

from edgeseg.engines.litert import CpuEngine
from edgeseg.errors import CandidateError
from edgeseg.frames import U8
from edgeseg.ports import ModelIO
from edgeseg.testing.engine import FakeEngine
from edgeseg.tiers.catalogue import DEFAULT_TIER, catalogue

FIGURES = {"frames", "fps", "stages", "drops", "tier", "engine", "delegated", "rss_mb", "first_frame_s", "output"}
FIGURES |= {"idle"}
BORDERS = "--key-saturation 0.25 --key-value 0.1 --key-softness 0.2"
TIER = DEFAULT_TIER


@pytest.fixture(scope="module")
def portrait(asset: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a person: person.png, person.mp4 of 6 frames that move (256x256), wall.png and wall.mp4."""
    folder = tmp_path_factory.mktemp("portrait")
    photo = cv2.imread(str(asset("astronaut")))
    assert photo is not None
    small = np.asarray(cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
    assert cv2.imwrite(str(folder / "person.png"), small)
    clip(folder / "person.mp4", 6, (256, 256), audio=True, paint=lambda number, *_: np.roll(small, number, 1))
    assert cv2.imwrite(str(folder / "wall.png"), np.full((90, 160, 3), (200, 40, 40), np.uint8))
    clip(folder / "wall.mp4", 3, (160, 90), paint=lambda *_: np.full((90, 160, 3), (200, 40, 40), np.uint8))
    return folder


@pytest.fixture
def own_tier(model: Path, tmp_path: Path) -> Path:
    """A folder of models with the default tier as `mine`, in a catalogue of its own."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "mine.tflite").write_bytes(model.read_bytes())
    row = {name: value for name, value in dataclasses.asdict(catalogue()[TIER]).items() if name not in ("name", "twin")}
    (folder / "catalogue.yaml").write_text(json.dumps({"mine": row}))
    return folder


def done(args: str | tuple[str, ...], cwd: Path) -> Done:
    """A run that has to succeed without a word of complaint."""
    ran = edgeseg(args, cwd)
    assert (ran.code, ran.sentences) == (0, []), ran.err
    return ran


def pixels(path: Path) -> U8:
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert read is not None, path
    return np.asarray(read, np.uint8)


class TestBackgrounds:
    """On the portrait: a corner of the room is changed as asked, the middle of the face is not."""

    CORNER, FACE = (slice(0, 20), slice(0, 20)), (slice(60, 68), slice(105, 113))

    @pytest.fixture
    def cut(self, model: Path, portrait: Path, tmp_path: Path) -> Callable[[str], tuple[U8, U8]]:
        def _cut(background: str) -> tuple[U8, U8]:
            args = ("run", "--source", "person.png", "--background", background, "--sink", f"images:{tmp_path}/o.png")
            done(args, portrait)
            return pixels(portrait / "person.png"), pixels(tmp_path / "o.png")

        return _cut

    @pytest.mark.parametrize("background", ["color:#2828c8", "image:wall.png", "video:wall.mp4"])
    def test_something_else_stands_there(self, cut: Callable[[str], tuple[U8, U8]], background: str) -> None:
        before, after = cut(background)
        assert np.abs(after[self.CORNER].astype(int) - (200, 40, 40)).max() <= 6
        assert np.abs(after[self.FACE].astype(int) - before[self.FACE]).mean() < 4

    def test_blur_and_more_blur(self, cut: Callable[[str], tuple[U8, U8]]) -> None:
        detail = []
        for background in ("none", "blur:5", "blur", "blur:80"):
            before, after = cut(background)
            detail.append(float(after[:40, :60].astype(float).std(axis=(0, 1)).mean()))
            assert np.abs(after[self.FACE].astype(int) - before[self.FACE]).mean() < 4
        assert sorted(detail, reverse=True) == detail, "each is smoother than the one before"

    def test_none_is_the_picture_as_it_is(self, cut: Callable[[str], tuple[U8, U8]]) -> None:
        before, after = cut("none")
        assert np.abs(after.astype(int) - before).mean() < 4

    def test_alpha_of_a_picture(self, cut: Callable[[str], tuple[U8, U8]]) -> None:
        _, after = cut("alpha")
        assert after.shape == (256, 256, 4)
        assert after[self.CORNER].max() == 0, "no colour of the room is kept behind the transparency"
        assert after[self.FACE][..., 3].min() >= 250

    def test_alpha_of_a_clip_as_pictures(self, model: Path, portrait: Path, tmp_path: Path) -> None:
        done(f"run --source person.mp4 --background alpha --sink images:{tmp_path}/o", portrait)
        made = sorted((tmp_path / "o").iterdir())
        assert [path.name for path in made] == [f"frame_{n:06d}.png" for n in range(6)]
        assert all(pixels(path).shape == (256, 256, 4) for path in made)


class TestSinks:
    @pytest.mark.parametrize(("ending", "codec"), [("mp4", "h264"), ("mov", "h264"), ("mkv", "h264"), ("webm", "vp9")])
    def test_video_files(self, model: Path, portrait: Path, tmp_path: Path, ending: str, codec: str) -> None:
        out = tmp_path / f"o.{ending}"
        figures = done(f"run --source person.mp4 --sink file:{out} --json", portrait).json
        assert figures["frames"] == 6 == frames_of(out)
        assert figures["output"].startswith(str(out))
        with av.open(str(out)) as made:
            assert made.streams.video[0].codec_context.name == codec
            assert (made.streams.video[0].width, made.streams.video[0].height) == (256, 256)

    @pytest.mark.parametrize("size", [(96, 64), (33, 17)])
    def test_raw_video_on_standard_output(self, model: Path, size: tuple[int, int], tmp_path: Path) -> None:
        for number in range(3):
            assert cv2.imwrite(str(tmp_path / f"{number}.png"), grey_steps(10 * number, *size))
        ran = done(f"run --source {tmp_path} --background none --fps 5 --sink -", tmp_path)
        tags, planes = y4m(ran.out)
        assert (tags["W"], tags["H"], tags["F"]) == (str(size[0]), str(size[1]), "5:1")
        assert tags["C"].startswith("420")
        assert len(planes) == 3
        assert np.abs(planes[2].astype(int) - grey_steps(20, *size)[..., 0]).mean() < 3

    def test_null_counts(self, model: Path, portrait: Path) -> None:
        assert done("run --source person.mp4 --sink null --json", portrait).json["frames"] == 6

    def test_names_with_blanks_colons_and_other_letters(self, model: Path, tmp_path: Path) -> None:
        clip(tmp_path / "a b:ü.mp4", audio=True)
        done(("run", "--source", "a b:ü.mp4", "--background", "none", "--sink", "file:http: ñ%d.mp4"), tmp_path)
        assert frames_of(tmp_path / "http: ñ%d.mp4") == 6
        assert audio_of(tmp_path / "http: ñ%d.mp4")


class TestFigures:
    def test_they_have_these_names(self, model: Path, portrait: Path) -> None:
        figures = done("run --source person.mp4 --json", portrait).json
        assert figures.keys() >= FIGURES
        assert (figures["tier"], figures["engine"], figures["drops"]) == (TIER, "cpu", {})
        assert 0 < figures["first_frame_s"] < 60
        assert 20 < figures["rss_mb"] < 2000
        assert figures["fps"] > 0
        took, nodes = figures["delegated"].split("/")
        assert 0 <= int(took) <= int(nodes)
        assert {"capture", "preprocess", "infer", "postprocess", "refine", "background", "composite", "write"} <= set(
            figures["stages"]
        )
        for times in figures["stages"].values():
            assert times.keys() == {"p50_ms", "p95_ms"}
            assert 0 <= times["p50_ms"] <= times["p95_ms"]

    def test_without_a_model(self, tmp_path: Path) -> None:
        clip(tmp_path / "a.mp4")
        figures = done("run --source a.mp4 --background none --json", tmp_path).json
        assert (figures["tier"], figures["engine"], figures["delegated"]) == (None, None, None)
        assert figures.keys() >= FIGURES


class TestOptions:
    def test_frames(self, tmp_path: Path) -> None:
        clip(tmp_path / "a.mp4", 20)
        assert done("run --source a.mp4 --background none --frames 7 --json", tmp_path).json["frames"] == 7

    def test_fps_thins_out_a_file_and_counts_what_is_left_out(self, tmp_path: Path) -> None:
        clip(tmp_path / "a.mp4", 30)
        figures = done("run --source a.mp4 --background none --fps 10 --sink file:b.mp4 --json", tmp_path).json
        assert (figures["frames"], figures["drops"]) == (10, {"fps_limit": 20})
        assert times_of(tmp_path / "b.mp4") == [Fraction(n, 10) for n in range(10)]

    def test_realtime_takes_the_clips_own_time(self, tmp_path: Path) -> None:
        clip(tmp_path / "a.mp4", 31)
        figures = done("run --source a.mp4 --background none --realtime --json", tmp_path).json
        assert figures["frames"] + sum(figures["drops"].values()) == 31
        # The second from the first frame to the last, a little more or less by how late each of the two was.
        assert 0.8 < (figures["frames"] - 1) / figures["fps"] < 1.5

    @pytest.mark.parametrize(
        ("flips", "turned"),
        [("--hflip", np.fliplr), ("--vflip", np.flipud), ("--hflip --vflip", lambda a: np.flipud(np.fliplr(a)))],
    )
    def test_flips(self, flips: str, turned: Callable[[U8], U8], tmp_path: Path) -> None:
        picture(tmp_path / "a.png")
        done(f"run --source a.png --background none {flips} --sink images:b.png", tmp_path)
        expected = turned(pixels(tmp_path / "a.png")).astype(int)
        assert np.abs(pixels(tmp_path / "b.png") - expected).mean() < 3
        assert np.abs(pixels(tmp_path / "a.png") - expected).mean() > 10

    def test_other_tiers_and_threads(self, tier_file: Callable[..., Path], portrait: Path) -> None:
        for family in sorted({tier.family for tier in catalogue().values()} - {catalogue()[TIER].family}):
            name = next(tier.name for tier in catalogue().values() if tier.family == family)
            tier_file(name)
            figures = done(f"run --source person.png --tier {name} --engine cpu --threads 2 --json", portrait).json
            assert (figures["tier"], figures["threads"]) == (name, 2)

    def test_a_tier_of_the_users_own(self, own_tier: Path, portrait: Path, tmp_path: Path) -> None:
        figures = done(f"run --source person.mp4 --tier mine --models {own_tier} --json", portrait).json
        assert (figures["tier"], figures["frames"]) == ("mine", 6)
        done(f"mask person.png {tmp_path}/mine.png --tier mine --models {own_tier}", portrait)
        done(f"mask person.png {tmp_path}/ours.png --tier {TIER}", portrait)
        assert np.array_equal(pixels(tmp_path / "mine.png"), pixels(tmp_path / "ours.png"))
        ran = edgeseg("mask person.png m.png --tier mine", portrait, env={"EDGESEG_MODELS": str(tmp_path)})
        assert (ran.code, ran.sentences[0][:24]) == (2, "There is no tier 'mine';")

    def test_the_folder_of_models_may_be_in_the_environment(self, own_tier: Path, portrait: Path) -> None:
        ran = edgeseg("run --source person.png --tier mine --json", portrait, env={"EDGESEG_MODELS": str(own_tier)})
        assert (ran.code, ran.json["tier"]) == (0, "mine"), ran.err

    def test_a_run_fetches_nothing(self, model: Path, portrait: Path, tmp_path: Path) -> None:
        env = NO_INDEX | {"EDGESEG_ASSET_DIR": str(tmp_path / "assets"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        for args in ("run --source person.png", f"mask person.png {tmp_path}/m.png", "tiers"):
            assert edgeseg(args, portrait, env=env).code == 0
        assert [path.name for path in tmp_path.iterdir()] == ["m.png"]

    @pytest.mark.parametrize(
        ("rgb", "options"),
        [
            ((0, 177, 64), ""),
            ((0, 177, 64), f"--key-color #00b140 --key-tolerance 35 {BORDERS}"),
            ((20, 40, 200), "--key-color #1428c8"),
        ],
        ids=["green", "all options", "blue"],
    )
    def test_chroma(self, tmp_path: Path, rgb: tuple[int, int, int], options: str) -> None:
        screen = np.full((180, 320, 3), rgb[::-1], np.uint8)
        cv2.circle(screen, (160, 90), 50, (120, 120, 120), -1)
        assert cv2.imwrite(str(tmp_path / "a.png"), screen)
        args = f"run --source a.png --segmenter chroma {options} --background color:#ffffff --sink images:b.png --json"
        figures = done(args, tmp_path).json
        assert (figures["engine"], figures["tier"]) == ("chroma", None)
        made = pixels(tmp_path / "b.png").astype(int)
        assert made[:20, :20].min() >= 250
        assert np.abs(made[80:100, 150:170] - 120).max() < 12

    def test_a_mask_may_be_as_old_as_is_said(self, model: Path, portrait: Path) -> None:
        figures = done("run --source person.mp4 --realtime --max-mask-age 5000 --json", portrait).json
        assert figures["degraded"].get("mask_late", 0) <= 1  # before the first mask, and never again
        assert set(figures["masks"]) <= {"own", "carried", "cover"}

    def test_every_third_frame_has_its_own_mask_and_the_others_carry_it(
        self, model: Path, portrait: Path, tmp_path: Path
    ) -> None:
        common = "run --source person.mp4 --background color:#2828c8 --no-steady --json --sink images:"
        plain = done(f"{common}{tmp_path}/plain", portrait).json
        third = done(f"{common}{tmp_path}/third --every 3", portrait).json
        assert (plain["masks"], third["masks"]) == ({"own": 6}, {"own": 2, "carried": 4})
        assert {"carry", "mask_age"} <= third["stages"].keys() - plain["stages"].keys()
        for number in range(6):
            name = f"frame_{number:06d}.png"
            one, other = pixels(tmp_path / "plain" / name), pixels(tmp_path / "third" / name)
            if number % 3 == 0:
                assert np.array_equal(one, other)
            else:
                assert np.mean(np.abs(one.astype(int) - other) > 24) < 0.06


class TestTime:
    @pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
    def test_a_varying_rate_is_kept(self, ending: str, tmp_path: Path) -> None:
        at = [0, 40, 60, 200, 220, 600]
        clip(tmp_path / "a.mp4", pts=at, time_base=Fraction(1, 600))
        done(f"run --source a.mp4 --background none --sink file:b.{ending}", tmp_path)
        exact = Fraction(1, 1000) if ending != "mp4" else Fraction(0)  # Matroska knows milliseconds
        for made, wanted in zip(times_of(tmp_path / f"b.{ending}"), at, strict=True):
            assert abs(made - Fraction(wanted, 600)) <= exact

    def test_audio_is_copied(self, tmp_path: Path) -> None:
        clip(tmp_path / "a.mp4", 30, audio=True)
        done("run --source a.mp4 --background none --sink file:b.mp4", tmp_path)
        copied, original = audio_of(tmp_path / "b.mp4"), audio_of(tmp_path / "a.mp4")
        assert copied
        assert original.startswith(copied)
        assert len(copied) > 0.9 * len(original)

    def test_a_turned_clip_comes_out_upright(self, tmp_path: Path) -> None:
        clip(tmp_path / "a.mp4", rotation=90)
        done("run --source a.mp4 --background none --sink file:b.mp4", tmp_path)
        with av.open(str(tmp_path / "b.mp4")) as made:
            frame = next(made.decode(video=0))
            assert (frame.width, frame.height) == SIZE[::-1]
            grey = frame.to_ndarray(format="gray")
        # A quarter turn to the left: the bright corner goes from the top left to the bottom left.
        assert grey[-10:, :10].mean() > 200
        assert grey[:10, :10].mean() < 200


class TestStills:
    @pytest.mark.parametrize("size", [(256, 256), (255, 173)])
    @pytest.mark.parametrize("ending", ["png", "webp"])
    def test_mask(self, model: Path, portrait: Path, size: tuple[int, int], ending: str, tmp_path: Path) -> None:
        assert cv2.imwrite(str(tmp_path / "a.png"), cv2.resize(pixels(portrait / "person.png"), size))
        ran = done(f"mask a.png m.{ending}", tmp_path)
        mask = pixels(tmp_path / f"m.{ending}")
        grey = mask if mask.ndim == 2 else mask[..., 0]  # WebP has no grey
        assert ran.out == b""
        assert grey.shape == size[::-1]
        assert 0.2 < (grey > 127).mean() < 0.8
        assert grey[size[1] // 4, round(size[0] * 0.43)] == 255

    def test_a_mask_without_refinement_is_another(self, model: Path, portrait: Path, tmp_path: Path) -> None:
        for name, options in (("a", ""), ("b", "--no-refine"), ("c", "--refine")):
            done(f"mask person.png {tmp_path}/{name}.png {options}", portrait)
        a, b, c = (pixels(tmp_path / f"{name}.png").astype(int) for name in "abc")
        assert np.array_equal(a, c)
        assert 0 < np.abs(a - b).mean() < 10

    def test_segmenter(self, model: Path, portrait: Path) -> None:
        from edgeseg import Segmenter

        segmenter = Segmenter()
        mask = segmenter.mask(pixels(portrait / "person.png"))
        segmenter.close()
        assert (mask.shape, mask.dtype) == ((256, 256), np.uint8)
        assert 0.2 < (mask > 127).mean() < 0.8

    def test_somebody_small_is_looked_at_closer(self, model: Path, portrait: Path) -> None:
        """His mask is that of his own picture; from afar alone it is another."""
        from edgeseg import Segmenter

        person = pixels(portrait / "person.png")
        picture = np.full((360, 640, 3), 128, np.uint8)
        picture[260:360, 400:500] = cv2.resize(person, (100, 100), interpolation=cv2.INTER_AREA)
        agree = {}
        for follow in (True, False):
            segmenter = Segmenter(follow=follow)
            large = cv2.resize(segmenter.mask(person), (100, 100), interpolation=cv2.INTER_AREA) > 127
            small = segmenter.mask(picture) > 127
            segmenter.close()
            inside = small[260:360, 400:500]
            agree[follow] = (inside & large).sum() / ((inside | large).sum() + small.sum() - inside.sum())
        assert agree[True] > 0.8
        assert agree[True] > agree[False]

    def test_segmenter_with_a_folder_of_models(self, own_tier: Path, portrait: Path) -> None:
        from edgeseg import Segmenter

        segmenter = Segmenter("mine", models=own_tier, threads=1)
        assert (segmenter.mask(pixels(portrait / "person.png")) > 127).mean() > 0.2
        segmenter.close()

    def test_segmenter_with_an_engine_that_runs_already(self, model: Path, portrait: Path) -> None:
        from edgeseg import Segmenter

        engine = CpuEngine(model, catalogue()[TIER].io)
        given, named = Segmenter(engine=engine), Segmenter(TIER, threads=1)
        photo = pixels(portrait / "person.png")
        assert np.array_equal(given.mask(photo), named.mask(photo))
        assert given.report == engine.report
        given.close()
        named.close()
        with pytest.raises(CandidateError):
            Segmenter(engine=FakeEngine(ModelIO(64, 64)))  # finds nobody, not even in the known answer

    def test_importing_the_package_loads_no_heavy_library(self) -> None:
        heavy = {"av", "cv2", "numpy", "ai_edge_litert", "tflite_runtime", "picamera2", "typer", "rich", "pydantic"}
        code = "import sys, edgeseg; print(edgeseg.__version__, *sys.modules)"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        version, *modules = ran.stdout.split()
        assert version[0].isdigit()
        assert {name.partition(".")[0] for name in modules} & heavy == set()
        assert {name for name in modules if name.startswith("edgeseg.")} == set()


class TestLists:
    def test_tiers(self, model: Path, tmp_path: Path) -> None:
        rows = {row["name"]: row for row in done("tiers --json", tmp_path).json}
        assert [name for name, row in rows.items() if row["default"]] == [TIER]
        assert rows[TIER]["path"] == str(model)
        for name, tier in catalogue().items():
            row = rows[name]
            for field in ("sha256", "height", "width", "precision", "golden", "bytes"):
                assert row[field] == getattr(tier, field)
            assert Path(row["path"]).name == f"{name}.tflite"
            assert row["here"] == Path(row["path"]).is_file()
        said = done("tiers", tmp_path).out.decode()
        lines = {line.split()[0]: line for line in said.splitlines() if line.split()}
        assert lines.keys() >= catalogue().keys()
        assert lines[TIER].split()[-1] == "default"
        assert f"{catalogue()[TIER].golden['stills']:.1%}" in lines[TIER]

    def test_tiers_of_the_users_own(self, own_tier: Path, tmp_path: Path) -> None:
        compiled = own_tier / f"{TIER}_edgetpu.tflite"
        compiled.write_bytes(b"TFL3 edgetpu-custom-op")
        rows = {row["name"]: row for row in done(f"tiers --models {own_tier} --json", tmp_path).json}
        assert rows["mine"]["path"] == str(own_tier / "mine.tflite")
        assert (rows["mine"]["here"], rows["mine"]["sha256"]) == (True, rows[TIER]["sha256"])
        twin = rows[f"{TIER}-edgetpu"]
        assert (twin["path"], twin["here"], twin["default"], twin["golden"]) == (str(compiled), True, False, {})
        (own_tier / "mine.tflite").unlink()
        rows = {row["name"]: row for row in done(f"tiers --models {own_tier} --json", tmp_path).json}
        assert not rows["mine"]["here"]
        lines = done(f"tiers --models {own_tier}", tmp_path).out.decode().splitlines()
        assert next(line for line in lines if line.split()[:1] == ["mine"]).split()[-1] == "missing"

    def test_assets(self, asset: Callable[[str], Path], tmp_path: Path) -> None:
        model = asset("selfie-landscape")
        rows = {row["name"]: row for row in done("assets list --json", tmp_path).json}
        assert rows["selfie-landscape"]["path"] == str(model)
        assert str(model) in done("assets list", tmp_path).out.decode()
        assert done("assets fetch selfie-landscape", tmp_path).out.decode() == f"{model}\n"
        states = {row["name"]: row["state"] for row in edgeseg("assets verify --json", tmp_path).json}
        assert states["selfie-landscape"] == "ok"

    def test_help_and_version(self, tmp_path: Path) -> None:
        assert done("--version", tmp_path).out.decode().split(".")[0].isdigit()
        for args in ("--help", "run --help", "assets --help", "golden evaluate -h"):
            assert done(args, tmp_path).out.startswith(b"Usage: edgeseg")


class TestGolden:
    @pytest.fixture
    def tiny(self, model: Path, portrait: Path, tmp_path: Path) -> Path:
        """The portrait and a sequence of it that moves, with the default tier's own masks."""
        items = []
        photo = pixels(portrait / "person.png")
        assert cv2.imwrite(str(tmp_path / "still.png"), photo)
        done("mask still.png mask.png", tmp_path)
        mask = np.where(pixels(tmp_path / "mask.png") >= 128, np.uint8(255), np.uint8(0))
        for number in range(4):
            assert cv2.imwrite(str(tmp_path / f"i{number}.png"), np.roll(photo, 2 * number, 1))
            assert cv2.imwrite(str(tmp_path / f"m{number}.png"), np.roll(mask, 2 * number, 1))
            sequence = f", sequence: s, frame: {number - 1}" if number else ""
            items.append(f"  - {{image: i{number}.png, mask: m{number}.png{sequence}}}\n")
        head = 'name: tiny\nversion: 1\nlicence: public domain\nsource: "NASA"\nfps: 10\nitems:\n'
        (tmp_path / "dataset.yaml").write_text(head + "".join(items))
        return tmp_path

    def test_check(self, tiny: Path) -> None:
        assert done(f"golden check {tiny}", tiny).out.decode() == f"{tiny}: fine\n"

    def test_evaluate(self, tiny: Path) -> None:
        card = done(f"golden evaluate --dataset {tiny} --json", tiny).json
        assert card.keys() >= {"miou", "p10_iou", "worst", "boundary_f", "flicker", "ms", "per_item"}
        assert card["miou"] > 0.9
        assert card["p10_iou"] <= card["miou"]
        assert card["ms"].keys() >= {"p50", "p95"}
        assert [item["item"] for item in card["per_item"]] == [f"i{n}.png" for n in range(4)]
        lines = done(f"golden evaluate --dataset {tiny}", tiny).out.decode().splitlines()
        shown = {" ".join(words[:-1]): words[-1] for words in map(str.split, lines)}
        assert shown["miou"] == f"{card['miou']:.4g}"
        assert shown["worst item"] == card["worst"]["item"]
        assert shown["false_area"] == "-"
        assert float(shown["ms p95"]) > 0

    def test_a_broken_set_is_told_line_by_line(self, tiny: Path) -> None:
        (tiny / "m1.png").unlink()
        cv2.imwrite(str(tiny / "m2.png"), np.zeros((10, 10), np.uint8))
        ran = edgeseg(f"golden check {tiny}", tiny)
        assert ran.code == 5
        said = ran.out.decode()
        assert "dataset.yaml:8: " in said
        assert "m1.png is missing" in said
        assert "dataset.yaml:9: " in said
        assert ran.sentences == [f"The golden set {tiny} has {len(said.splitlines())} problems."]
