"""What a candidate can do wrong before it is shown anything: the engine, and who it says does the work."""

from __future__ import annotations

from typing import Any

from edgeseg.build import Settings, make_engine
from edgeseg.errors import AssetError, CandidateError, EngineFault, FellBack, NotPermitted
from edgeseg.ports import Engine, EngineReport


class CandidateFault(Exception):
    """What the candidate did wrong: one of the kinds of `deploy.farm.card.FaultKind`, and a sentence."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.row = {"kind": kind, "detail": detail}


def made(settings: Settings) -> Engine:
    """The engine of the settings; raises CandidateFault if there is none."""
    try:
        return make_engine(settings)
    except AssetError as error:
        raise CandidateFault("asset", str(error)) from error
    except FellBack as error:
        raise CandidateFault("fell-back", str(error)) from error
    except EngineFault as error:
        raise CandidateFault("died", str(error)) from error
    except (CandidateError, NotPermitted) as error:
        raise CandidateFault("refused", str(error)) from error


def serve(report: EngineReport, asked: str, found: dict[str, Any]) -> None:
    """Note who does the work, and whether that is who was asked for. An accelerator must have taken all nodes."""
    known = report.all_nodes > 0
    found["served"] = {
        "engine": report.engine,
        "library": " ".join(filter(None, (report.library, report.adapter and f"({report.adapter})"))),
        "delegated": report.delegated_nodes if known else None,
        "nodes": report.all_nodes if known else None,
    }
    if report.engine != asked:
        raise CandidateFault("fell-back", f"The engine {asked} was asked for, and {report.engine} did the work.")
    # What the cpu engine's runtime keeps from XNNPACK is still the CPU's; a Coral's compiler leaves it some, too.
    if asked in ("gpu", "npu") and report.delegated_nodes < report.all_nodes:
        taken = f"{report.delegated_nodes} of {report.all_nodes} operations"
        found["fault"] = {"kind": "fell-back", "detail": f"The {asked} took {taken}; the CPU did the rest."}
