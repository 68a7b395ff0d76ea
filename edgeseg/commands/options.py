"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Any

import typer

# Whether a file can be read is said by whoever reads it, with the exit code that this has.
FILE: dict[str, Any] = {"readable": False}

TierOption = Annotated[str, typer.Option(help="Model tier, see `edgeseg tiers`.")]
StillTierOption = Annotated[
    str, typer.Option(help="Model tier, see `edgeseg tiers`; auto: one of each family, the surer counts for more.")
]
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

_REFINE = typer.Option("--refine/--no-refine", help="Let the mask follow the picture's edges.")
_FOLLOW = typer.Option("--follow/--no-follow", help="Show the model the part of the picture where somebody was found.")
_STEADY = typer.Option("--steady/--no-steady", help="Smooth masks over time where the model is unsure.")
_TIDY = typer.Option("--tidy/--no-tidy", help="Take out specks and what the model is nowhere sure of, shut holes.")
RefineOption = Annotated[bool, _REFINE]
RefineIfOption = Annotated[bool | None, _REFINE]
FollowOption = Annotated[bool, _FOLLOW]
FollowIfOption = Annotated[bool | None, _FOLLOW]
SteadyOption = Annotated[bool, _STEADY]
SteadyIfOption = Annotated[bool | None, _STEADY]
TidyOption = Annotated[bool, _TIDY]
TidyIfOption = Annotated[bool | None, _TIDY]

WholeBodyOption = Annotated[
    str | None, typer.Option(metavar="TIER", help="A tier of the body family, asked while one whole person is seen.")
]


def given(context: typer.Context) -> set[str]:
    """The parameters that the command line gives."""
    return {name for name in context.params if str(context.get_parameter_source(name)).endswith("COMMANDLINE")}
