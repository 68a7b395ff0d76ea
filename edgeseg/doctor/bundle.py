"""`--bundle FILE.tar`: what an issue report needs, with nothing that tells who or where."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeseg.config.profile import Keys
from edgeseg.doctor.examine import Report
from edgeseg.doctor.finding import Finding
from edgeseg.doctor.page import page
from edgeseg.doctor.private import HIDDEN, LEFT_OUT, Private, of_this_machine, secrets_of, setting
from edgeseg.doctor.report import as_json
from edgeseg.errors import OutputError
from edgeseg.tiers import kept

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_WORDS = ("source", "background", "sink", "models")


def pack(report: Report, private: Private | None = None) -> bytes:
    """The tar. private: of this machine, if not given."""
    if private is None:
        versions = [fact.value for fact in report.found.software.packages.values()]
        private = of_this_machine(_secrets(report), versions)
    findings = [_without_quotes(one.for_others()) for one in report.findings]
    figures = as_json(report, findings)
    figures["outside"] = _outside(figures["outside"])
    for key in _WORDS:
        if figures["profile"] is not None and isinstance(figures["profile"]["keys"][key]["value"], str):
            figures["profile"]["keys"][key]["value"] = setting(figures["profile"]["keys"][key]["value"])
    figures = private.value(figures)
    lines = page(replace(report, findings=findings), hide=private.text)
    members = {
        "README.txt": f"Written by edgeseg doctor --bundle. Left out: {LEFT_OUT}.\n"
        "board/ is what the probe read: edgeseg doctor --root board\n",
        "doctor.txt": "".join(f"{line}\n" for line in lines),
        "doctor.json": _text(figures),
        "config.json": _text(figures["profile"]),
        "versions.json": _text(figures["versions"]),
    }
    if report.taken.kept is not None:
        members["ladder.json"] = _text(private.value(kept.as_json(report.taken.kept)))
    content = {name: text.encode() for name, text in members.items()}
    return _tar({**content, **{f"board/{name}": private.content(data) for name, data in _files(report.packed).items()}})


def write(path: Path, packed: bytes) -> None:
    """Put it at `path`, in one step: an existing file is replaced by a whole one or stays. Raises OutputError."""
    part: str | None = None
    try:
        if path.exists() and not path.is_file():
            raise OutputError(f"The bundle cannot be written to {path}: it is no file; name one, such as doctor.tar.")
        descriptor, part = tempfile.mkstemp(prefix=".edgeseg-doctor-", dir=path.parent)
        with open(descriptor, "wb") as file:
            file.write(packed)
            file.flush()
            os.fsync(file.fileno())
        Path(part).chmod(0o644)
        Path(part).replace(path)
    except OSError as error:
        if part is not None:
            with contextlib.suppress(OSError):
                Path(part).unlink(missing_ok=True)
        raise OutputError(
            f"The bundle cannot be written to {path}: {error.strerror or error}; name a file in a folder that is there,"
            " has room and may be written."
        ) from error


def _secrets(report: Report) -> list[str]:
    keys = report.asked.effective.keys if report.asked.effective else None
    found = {name: getattr(report.asked.settings, name) for name in _WORDS}
    own = report.asked.config
    folders: tuple[str, ...] = () if own is None else (str(own), str(own.absolute()))
    library = report.asked.settings.engine_library
    folders += () if library is None else (library,)
    return [*folders, *secrets_of(found), *(secrets_of({name: getattr(keys, name) for name in _WORDS}) if keys else ())]


def _without_quotes(one: Finding) -> Finding:
    """Of what is said about a user's files: words that they wrote are hidden, but for the names of keys."""
    if one.area != "config":
        return one
    known = {f"'{name}'" for name in Keys.model_fields}
    return replace(one, what=_QUOTED.sub(lambda word: word[0] if word[0] in known else f"'{HIDDEN}'", one.what))


def _outside(said: dict[str, Any] | None) -> dict[str, Any] | None:
    """Without programs and without the user's groups, which may be a family's or a company's names."""
    if said is None:
        return None
    load = None if said["load"] is None else {**said["load"], "programs": len(said["load"]["programs"])}
    devices = [{**one, "held_by": len(one["held_by"])} for one in said["devices"]]
    usual = {"video", "render", "plugdev", "apex"}
    groups = {name: sorted(usual & set(said[name])) for name in ("groups", "listed")}
    return {**said, **groups, "load": load, "devices": devices}


def _text(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"


def _files(packed: bytes) -> dict[str, bytes | None]:
    """The members of the probe's tar; None for a folder."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {one.name: None if (file := tar.extractfile(one)) is None else file.read() for one in tar if one.name}


def _tar(members: Mapping[str, bytes | None]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"edgeseg-doctor/{name}")
            info.type, info.mode = (tarfile.DIRTYPE, 0o755) if content is None else (tarfile.REGTYPE, 0o644)
            info.size = len(content or b"")
            tar.addfile(info, io.BytesIO(content or b""))
    return buffer.getvalue()
