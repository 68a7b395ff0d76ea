"""Lines that are no trace, or one of another version, or cut off: one clear sentence."""

from __future__ import annotations

import json
import math

import pytest
from ideal_board import LADDER, Board, with_values

from edgeseg.errors import UsageError
from edgeseg.governor import Policy, problems
from edgeseg.governor.rung import Rung
from edgeseg.governor.trace import first_line, look_line, read, replayed

BOARD = Board(
    policy=Policy(temp_max_c=75), slow=lambda at_s: 3.0 if at_s > 4 else 1.0, see=with_values(temp_c=61.5)
).run(10)
LINES = [first_line(BOARD.policy, LADDER, "large/1") + "\n"]
LINES += [look_line(seen, decision) + "\n" for _, decision, seen in BOARD.log]


def test_it_is_read_as_it_was_written() -> None:
    trace = read(LINES, "t")
    assert trace.rung == "large/1"
    assert [(look.seen, look.decision) for look in trace.looks] == [(seen, decision) for _, decision, seen in BOARD.log]
    assert all(now == look.decision for look, now in replayed(trace))


def test_another_decision_is_seen() -> None:
    other = [LINES[0].replace('"keep_share": 1.0', '"keep_share": 3.5'), *LINES[1:]]
    assert any(now != look.decision for look, now in replayed(read(other, "t")))


def changed(line: str, **values: object) -> str:
    return json.dumps(json.loads(line) | values) + "\n"


SEEN = json.loads(LINES[1])["seen"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "t is empty: the governor never looked, or it is no trace."),
        (
            ["hello\n"],
            "t is no trace of the governor, or was cut off in its first line, which is no JSON object;"
            " give what --trace wrote.",
        ),
        (["{}\n"], "t is no trace of the governor: its first line does not say so; give what --trace wrote."),
        (
            [changed(LINES[0], edgeseg_governor_trace=2)],
            "t is a trace of version 2, and this edgeseg reads 1: replay it with its own.",
        ),
        (
            [*LINES[:5], LINES[5][:40]],
            "t was cut off in line 6; remove that line to replay the 4 looks before it.",
        ),
        ([*LINES[:5], "\n", LINES[5]], "t:6: this is no JSON object; the trace was damaged."),
        ([changed(LINES[0], ladder=3)], "t:1: the ladder is missing."),
        ([changed(LINES[0], policy=None)], "t:1: the policy is missing or is no JSON object."),
        ([LINES[0], changed(LINES[1], seen=SEEN | {"now_s": math.nan})], "t:2: the observation's now_s is nan."),
        ([LINES[0], changed(LINES[1], seen=None)], "t:2: the observation is missing or is no JSON object."),
        (
            [LINES[0], changed(LINES[1], seen=SEEN | {"mood": 3})],
            "t:2: 'mood' is no part of any observation; another version wrote it.",
        ),
        (
            [LINES[0], changed(LINES[1], seen={"now_s": 1.0})],
            "t:2: the observation's span_s is missing.",
        ),
        (
            [LINES[0], changed(LINES[1], seen=SEEN | {"temp_c": "warm"})],
            "t:2: the observation's temp_c is 'warm'.",
        ),
        (
            [LINES[0], changed(LINES[1], seen=SEEN | {"frames_in": 2.5})],
            "t:2: the observation's frames_in is 2.5.",
        ),
        (
            [LINES[0], changed(LINES[1], seen=SEEN | {"infer_ms": [1, None]})],
            "t:2: the observation's infer_ms is [1, None].",
        ),
        (
            [LINES[0], changed(LINES[1], decision=json.loads(LINES[1])["decision"] | {"reason": "mood"})],
            "t:2: the decision's reason is 'mood'.",
        ),
    ],
)
def test_what_is_no_trace(lines: list[str], said: str) -> None:
    with pytest.raises(UsageError) as error:
        read(lines, "t")
    assert str(error.value) == said


def test_what_is_wrong_with_a_policy_and_a_ladder_is_said_at_the_start() -> None:
    bad = Rung("bad", "bad", 1, float("inf"), 5.0, 0.9, 100.0)
    assert problems(Policy(), LADDER) == ()
    assert problems(Policy(fps=-1), LADDER) == ("The governor's fps is -1; write a number of 0 or more.",)
    assert problems(Policy(), ()) == (
        "The governor's ladder is empty: there is nothing to choose from; measure it anew.",
    )
    assert problems(Policy(power_max_w=2, memory_max_mb=50, battery_low_percent=20), (*LADDER, bad, LADDER[2])) == (
        "These rungs have figures that cannot be meant and are not used: bad.",
        "These rungs' names are there more than once: small/2.",
        "No rung stays under 2 W (limits.power_w): the least takes 3.1 W.",
        "No rung stays under 50 MB of memory (limits.memory_mb): the least takes 104 MB.",
        "battery_low_percent and battery_power_w mean something only together: set both or none.",
    )
