"""The verdict on one card: what it is worth against the baseline. No file is read here, and no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from deploy.farm import scores, speed
from deploy.farm.card import Candidate, Card, Fault, Served, Timing
from deploy.farm.rules import ORDER, RULES, Finding, Reason, Rules, Status
from edgeseg.errors import one_line

Pair = tuple["Card | None", Card]
"""What was accepted for a candidate, if anything, and what it did now."""

_FAULTS = {
    "refused": Reason.REFUSED,
    "fell-back": Reason.FELL_BACK,
    "died": Reason.DIED,
    "hung": Reason.HUNG,
    "no-number": Reason.NO_NUMBER,
    "asset": Reason.ASSET,
    "lost": Reason.LOST,
}
_TOLD = {
    "refused": "the engine refused it",
    "fell-back": "something else than what was asked for did the work",
    "died": "it died",
    "hung": "it hung",
    "no-number": "its masks or scores are no numbers",
    "asset": "a file failed its hash",
    "lost": "the device was lost, and nothing is known of it",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one card is worth.

    reason: the weightiest of `findings`, None where all is well. sentence: one, with device, candidate and the figures
    of that reason, naming the others. notes: what was not judged, and why; what was seen that breaks no rule.
    pictures: the items to look at, worst first. cause: what the masks' pattern proves, such as a shift, None where it
    proves nothing.
    """

    device: str
    candidate: Candidate
    timing: Timing
    status: Status
    reason: Reason | None
    sentence: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    cause: str | None = None

    def because(self, cause: str) -> Verdict:
        """The same with a cause in it."""
        return replace(self, cause=cause, sentence=f"{self.sentence.rstrip('.')}; {cause}.")


def judge(
    baseline: Card | None,
    now: Card,
    rules: Rules = RULES,
    peers: Sequence[Pair] = (),
    units: Mapping[str, str] | None = None,
) -> Verdict:
    """The verdict on `now`.

    baseline: what was accepted for the same candidate on the same device, None if nothing was. peers: the device's
    other candidates of the same run: its FP32 is what INT8 is held to, and their times tell a slow tier from a busy
    machine (see `speed`). units: which sequence a picture is of, see `statistics.difference`.
    """
    if now.fault is not None and now.fault.kind == "lost":
        return _verdict(now, Status.LOST, [_fault(now.fault)], [])
    if baseline is not None and not _same_golden(baseline, now):
        return _verdict(now, Status.NOT_JUDGED, [_other_golden(baseline, now)], [])
    if now.fault is not None:
        return _of_fault(baseline, now, now.fault)
    if baseline is None or baseline.fault is not None:
        findings = list(_without_baseline(now, rules, peers))
        if findings:
            return _verdict(now, Status.REGRESSED, findings, [])
        return _verdict(now, Status.NEW, [_first_time(baseline, now)], [])
    alone = list(_without_baseline(now, rules, peers))
    if list(_without_baseline(baseline, rules, [(None, before) for before, _ in peers if before is not None])):
        alone = [finding for finding in alone if finding.reason is not Reason.BELOW_FP32]  # it was accepted so
    found = [*_served(baseline, now), *alone, *_memory(baseline, now, rules)]
    told, notes = scores.compare(baseline, now, rules, units)
    slow, about_speed = speed.compare(baseline, now, [(b, n) for b, n in peers if b is not None], rules)
    findings = sorted([*found, *told, *slow], key=lambda finding: ORDER[finding.reason])
    notes = [*notes, *about_speed]
    if not findings:
        return _well(baseline, now, notes)
    return _verdict(now, Status.REGRESSED, findings, notes, scores.worst_first(baseline, now))


def judge_all(
    accepted: Mapping[tuple[str, str], Card],
    cards: Sequence[Card],
    rules: Rules = RULES,
    units: Mapping[str, str] | None = None,
) -> list[Verdict]:
    """The verdict on every card of a run, in their order. accepted: by device and `Candidate.key`."""
    pairs = [(accepted.get((card.device, card.candidate.key)), card) for card in cards]
    return [
        judge(
            before, now, rules, [pair for pair in pairs if pair[1].device == now.device and pair[1] is not now], units
        )
        for before, now in pairs
    ]


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """What a run ends with: 5 if anything regressed or could not be judged, else 69 if a device was lost, else 0."""
    statuses = {verdict.status for verdict in verdicts}
    if statuses & {Status.REGRESSED, Status.NOT_JUDGED}:
        return 5
    return 69 if Status.LOST in statuses else 0


def _of_fault(baseline: Card | None, now: Card, fault: Fault) -> Verdict:
    """A fault that was accepted is no news, and a first refusal is none either; all others are regressions."""
    before = baseline.fault if baseline is not None else None
    if before is not None and before.kind == fault.kind:
        text = f"as accepted before, {_TOLD[fault.kind]} ({fault.detail.rstrip('.')})"
        return _verdict(now, Status.OK, [], [], said=text)
    if baseline is None and fault.kind == "refused":
        return _verdict(now, Status.NEW, [_fault(fault)], [])
    return _verdict(now, Status.REGRESSED, [_fault(fault)], [])


def _fault(fault: Fault) -> Finding:
    detail = one_line(" ".join(fault.detail.split())).rstrip(".")
    return Finding(_FAULTS[fault.kind], f"{_TOLD[fault.kind]}: {detail}" if detail else _TOLD[fault.kind])


def _same_golden(baseline: Card, now: Card) -> bool:
    one, other = baseline.golden, now.golden
    return (one.name, one.version, one.sha256) == (other.name, other.version, other.sha256)


def _other_golden(baseline: Card, now: Card) -> Finding:
    def told(card: Card) -> str:
        return f"{card.golden.name} version {card.golden.version} (sha256 {card.golden.sha256[:12]})"

    text = f"the baseline is of golden set {told(baseline)}, this run of {told(now)}"
    others = scores.other_pictures(baseline, now)
    if others:
        text += f"; other pictures: {scores.listed(others)}"
    return Finding(Reason.GOLDEN_VERSION, text)


def _first_time(baseline: Card | None, now: Card) -> Finding:
    score = "" if now.miou is None else f"; mean IoU {now.miou:.4f} over {now.golden.items} pictures"
    if baseline is None or baseline.fault is None:
        return Finding(Reason.NO_BASELINE, f"there is no baseline yet{score}")
    return Finding(Reason.NO_BASELINE, f"it works now, where the baseline has it as {baseline.fault.kind}{score}")


def _without_baseline(now: Card, rules: Rules, peers: Sequence[Pair]) -> Iterator[Finding]:
    """What no baseline is needed for: who did the work, and that there are scores, near those of FP32."""
    if now.served is not None and now.served.engine != now.candidate.engine:
        text = f"{now.served.engine} ({now.served.library}) did the work and not {now.candidate.engine}"
        yield Finding(Reason.FELL_BACK, text)
    if now.miou is None:
        yield Finding(Reason.NO_NUMBER, f"there is no mean IoU over its {now.golden.items} pictures")
        return
    yield from scores.against_fp32(now, [card for _, card in peers], rules)


def _served(baseline: Card, now: Card) -> Iterator[Finding]:
    """Silent fall-backs within an engine: fewer operations delegated than before, or no proof any more."""
    before, after = baseline.served, now.served
    if before is None:
        return
    if after is None:
        yield Finding(Reason.FELL_BACK, f"it cannot be told any more what did the work, which was {before.engine}")
        return
    if after.engine != before.engine or before.delegated is None:
        return
    if after.delegated is None:
        yield Finding(Reason.FELL_BACK, f"it cannot be told any more who computes; before, {_delegated(before)}")
    elif _share(after) < _share(before) - 1e-9:
        text = f"{_delegated(after)} and the CPU did the rest; before, {_delegated(before)}"
        yield Finding(Reason.FELL_BACK, text)


def _delegated(served: Served) -> str:
    return f"{served.delegated} of {served.nodes} operations were delegated"


def _share(served: Served) -> float:
    delegated = served.delegated or 0
    return delegated / served.nodes if served.nodes else float(delegated)


def _memory(baseline: Card, now: Card, rules: Rules) -> Iterator[Finding]:
    before, after = baseline.rss_mb, now.rss_mb
    if before is None or after is None:
        return
    if after > before * rules.most_memory and after - before > rules.least_memory_mb:
        yield Finding(
            Reason.MEMORY, f"its process held {after:.0f} MB, {after / before:.2f} times the baseline's {before:.0f} MB"
        )


def _well(baseline: Card, now: Card, notes: list[str]) -> Verdict:
    old = {item.item: item for item in baseline.items}
    same = all(item.item in old and scores.same_bits(old[item.item], item) for item in now.items)
    how = "the same masks to the bit" if same else "within the rules"
    text = f"mean IoU {now.miou:.4f} over {now.golden.items} pictures, {how}"
    return _verdict(now, Status.OK, [], notes, scores.worst_first(baseline, now), said=text)


def _verdict(
    now: Card,
    status: Status,
    findings: list[Finding],
    notes: list[str],
    pictures: tuple[str, ...] = (),
    said: str | None = None,
) -> Verdict:
    text = said or findings[0].text
    also = ", ".join(dict.fromkeys(f.reason.value for f in findings[1:] if f.reason is not findings[0].reason))
    text += f"; also {also}" if also else ""
    named = list(dict.fromkeys(item for finding in findings for item in finding.items))
    others = pictures or scores.worst_first(None, now)
    return Verdict(
        now.device,
        now.candidate,
        now.timing,
        status,
        findings[0].reason if findings else None,
        f"{now.device}: {now.candidate}: {text}.",
        tuple(findings),
        tuple(notes),
        tuple(dict.fromkeys([*named, *others])),
    )
