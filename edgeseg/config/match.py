"""Which profile fits a board: pure, and explained.

A rule fits if each fact it names has a value that one of its patterns covers. Of the rules that fit, the one with
the most telling fact wins (`profile.Rule` has them in their order), then the one with the most telling fact besides,
then the one whose patterns are more exact (more characters that are no * or ?), then the profile that comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from edgeseg.config.profile import FACTS, Rule


@dataclass(frozen=True, slots=True)
class Clue:
    """A value that the probe found, and where."""

    value: str
    where: str


Clues = Mapping[str, Sequence[Clue]]  # by the names of a rule's facts


@dataclass(frozen=True, slots=True)
class Candidate:
    """A profile's name and its rules, each with its "file:line"."""

    name: str
    rules: Sequence[tuple[Rule, str]]


@dataclass(frozen=True, slots=True)
class Met:
    """A fact of a rule, the pattern that covers it, and the evidence."""

    fact: str
    pattern: str
    clue: Clue


@dataclass(frozen=True, slots=True)
class Match:
    """A profile that fits, by its best rule. why_not: why the one before it goes first; None for the first."""

    profile: str
    place: str
    met: tuple[Met, ...]
    why_not: str | None = None

    @property
    def weight(self) -> int:
        """A more telling fact outweighs all less telling ones."""
        return sum(1 << FACTS.index(met.fact) for met in self.met)

    @property
    def exactness(self) -> int:
        """Characters of the patterns that stand for themselves."""
        return sum(len(met.pattern) - met.pattern.count("*") - met.pattern.count("?") for met in self.met)


@dataclass(frozen=True, slots=True)
class Miss:
    """A profile that does not fit: of its nearest rule, the fact that does not, what was wanted and what is there."""

    profile: str
    place: str
    fact: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The profiles that fit, the best first, and those that do not."""

    matches: tuple[Match, ...]
    misses: tuple[Miss, ...]


def rank(candidates: Iterable[Candidate], clues: Clues) -> Ranking:
    """All profiles that have a rule, in their order of fitting."""
    matches: list[Match] = []
    misses: list[Miss] = []
    for candidate in candidates:
        tried = [_try(candidate.name, rule, place, clues) for rule, place in candidate.rules]
        fits = [one for one, _ in tried if isinstance(one, Match)]
        if fits:
            matches.append(max(fits, key=_rank))
        elif tried:
            misses.append(max(tried, key=lambda one: one[1])[0])  # type: ignore[arg-type]  # none of them is a Match
    matches.sort(key=_rank, reverse=True)  # stable: of equals the first stays first
    explained = matches[:1]
    for before, after in zip(matches, matches[1:]):  # noqa: B905, RUF007 - one is shorter; Python 3.10 has pairwise
        explained.append(Match(after.profile, after.place, after.met, _why(before, after)))
    return Ranking(tuple(explained), tuple(misses))


def _try(name: str, rule: Rule, place: str, clues: Clues) -> tuple[Match | Miss, int]:
    """What came of a rule, and how many of its facts fit."""
    met: list[Met] = []
    miss: Miss | None = None
    for fact in reversed(FACTS):  # the most telling first, also in what is said
        patterns: list[str] | None = getattr(rule, fact)
        if patterns is None:
            continue
        there = clues.get(fact, ())
        hit = next((Met(fact, pattern, clue) for pattern in patterns for clue in there if _covers(pattern, clue)), None)
        if hit is not None:
            met.append(hit)
        elif miss is None:
            miss = Miss(name, place, fact, tuple(patterns), tuple(clue.value for clue in there))
    return miss or Match(name, place, tuple(met)), len(met)


def _covers(pattern: str, clue: Clue) -> bool:
    return fnmatchcase(clue.value.lower(), pattern.lower().replace("[", "[[]"))


def _rank(match: Match) -> tuple[int, int]:
    return match.weight, match.exactness


def _why(first: Match, second: Match) -> str:
    if first.weight == second.weight:
        if first.exactness == second.exactness:
            return f"{first.profile} fits no less and comes before it in the order of folders and names"
        pairs = [(one, two) for one, two in zip(first.met, second.met, strict=True) if one.pattern != two.pattern]
        one, two = pairs[0]
        return f"{first.profile} goes by the same facts more exactly: {one.fact} {one.pattern}, and not {two.pattern}"
    mine, others = ({met.fact: met for met in match.met} for match in (first, second))
    telling = next(fact for fact in reversed(FACTS) if fact in mine and fact not in others)
    clue = mine[telling].clue
    less = [fact for fact in others if fact not in mine and FACTS.index(fact) < FACTS.index(telling)]
    more = f"which tells more than {' and '.join(less)}" if less else f"of which {second.profile} says nothing"
    return f"{first.profile} goes by {telling} ({clue.value}), {more}"
