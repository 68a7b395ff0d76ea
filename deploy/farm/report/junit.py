"""junit.xml: a suite a device, a case a candidate, in the dialect that Jenkins, GitLab and pytest share.

A regression is a failure, its type the reason. A lost device and a baseline of another golden set are errors: nothing
was proven, and CI must not take that for a pass. What has no baseline yet is skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from deploy.farm.judging import Outcome
from deploy.farm.rules import Status
from edgeseg.errors import one_line

_TAGS = {
    Status.REGRESSED: "failure",
    Status.LOST: "error",
    Status.NOT_JUDGED: "error",
    Status.NEW: "skipped",
}


def render(outcomes: Sequence[Outcome]) -> str:
    """The file's text."""
    whole = ElementTree.Element("testsuites", {"name": "edgeseg farm"} | _counts(outcomes, with_skipped=False))
    for device in dict.fromkeys(outcome.card.device for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.card.device == device]
        suite = ElementTree.SubElement(whole, "testsuite", {"name": device} | _counts(own, with_skipped=True))
        properties = ElementTree.SubElement(suite, "properties")
        for name, value in (("kind", own[0].card.kind), ("timing", own[0].card.timing)):
            ElementTree.SubElement(properties, "property", name=name, value=value)
        for outcome in own:
            _case(suite, outcome)
    ElementTree.indent(whole)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(whole, encoding="unicode") + "\n"


def _counts(outcomes: Sequence[Outcome], with_skipped: bool) -> dict[str, str]:
    tags = [_TAGS.get(outcome.verdict.status) for outcome in outcomes]
    counts = {
        "tests": str(len(outcomes)),
        "failures": str(tags.count("failure")),
        "errors": str(tags.count("error")),
    }
    return counts | ({"skipped": str(tags.count("skipped"))} if with_skipped else {})


def _case(suite: ElementTree.Element, outcome: Outcome) -> None:
    verdict, card = outcome.verdict, outcome.card
    case = ElementTree.SubElement(suite, "testcase", name=str(card.candidate), classname=f"farm.{card.device}")
    tag = _TAGS.get(verdict.status)
    if tag is not None:
        kind = verdict.reason.value if verdict.reason else verdict.status.value
        result = ElementTree.SubElement(case, tag, type=kind, message=one_line(verdict.sentence))
        result.text = "\n".join(f"{finding.reason.value}: {one_line(finding.text)}" for finding in verdict.findings)
    said = [one_line(line) for line in (verdict.sentence, *verdict.notes)]
    ElementTree.SubElement(case, "system-out").text = "\n".join(said)
