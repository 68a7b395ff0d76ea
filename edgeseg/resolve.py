"""What holds on this board: its profile, laid under the user's config files. The one function that the rest asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edgeseg.config.effective import Effective, lay
from edgeseg.config.files import ConfigWritten, config_files
from edgeseg.config.match import Candidate, Clue, Clues, Ranking, rank
from edgeseg.config.places import Places, places
from edgeseg.config.profiles import ProfileFile, chain, each, find, read
from edgeseg.errors import ConfigError, UsageError, did_you_mean

if TYPE_CHECKING:
    from edgeseg.probe import Capabilities, Fact


def resolve(
    capabilities: Capabilities | Callable[[], Capabilities],
    *,
    profile: str | None = None,
    instance: str | None = None,
    config: Path | None = None,
    where: Places | None = None,
) -> Effective:
    """The values that hold here, each with its origin.

    The profile is the one named, else that of the instance's file or of config.yaml, else the one that fits the board
    best. Only then the board is looked at, so that `capabilities` may be what finds them. Over the profile lie
    config.yaml (`config` instead of those in the folders, if given) and the file of the instance.

    Raises UsageError for names that nothing has, ConfigError with the faults of all files at once, NotPermitted.
    """
    where = where or places()
    written = config_files(where, instance, config)
    named = profile
    if named is None:
        named = next((one.file.profile for one in reversed(written) if one.file.profile), None)
    found = find(where.profiles)
    ranking = None
    if named is None:
        ranking = match(capabilities() if callable(capabilities) else capabilities, where)
        if not ranking.matches:
            raise UsageError("No profile fits this board; name one: --profile NAME, or profile: in config.yaml.")
        named = ranking.matches[0].profile
    elif profile is None and named not in found:
        said = next(one for one in reversed(written) if one.file.profile == named)
        place = said.written.where(("profile",))
        raise ConfigError(f"{place}: there is no profile {named!r}; {did_you_mean(named, found)}")
    return layers(named, found, written, ranking)


def layers(
    name: str, found: dict[str, Path], written: Iterable[ConfigWritten] = (), ranking: Ranking | None = None
) -> Effective:
    """A profile by name, what it extends below it, config files above it."""
    files = [file.written for file in reversed(chain(name, found))]
    return lay(name, [*files, *(one.written for one in written)], ranking)


def match(capabilities: Capabilities, where: Places) -> Ranking:
    """All profiles, by how well they fit. Raises ConfigError with the faults of all of them."""
    return rank(map(_candidate, each(read, find(where.profiles).values())), clues(capabilities))


def _candidate(file: ProfileFile) -> Candidate:
    rules = enumerate(file.profile.match)
    return Candidate(file.name, [(rule, file.written.where(("match", number))) for number, rule in rules])


def clues(found: Capabilities) -> Clues:
    """What the rules of profiles may ask of a board."""
    board, software = found.board, found.software
    names = board.compatible
    accelerators = [(one, ", ".join(one.where)) for one in found.accelerators]
    many = {
        "compatible": [Clue(word, names.where) for word in names.value] if names else [],
        "accelerator": [Clue(word, where) for one, where in accelerators for word in (one.kind, one.name)],
    }
    single: dict[str, Fact[str] | Fact[int] | None] = {
        "architecture": found.cpu.architecture,
        "userland_bits": software.userland_bits,
        "virtual": software.virtual,
        "cpu": found.cpu.model,
        "vendor": board.vendor,
        "jetpack": board.jetpack,
        "soc": found.soc.name,
        "model": board.model,
    }
    return {**{name: [Clue(str(fact.value), fact.where)] for name, fact in single.items() if fact}, **many}
