"""What holds whatever is seen, on whatever ladder."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from ideal_board import LADDER, Board, with_values

from edgeseg.governor import Decision, Kind, Ladder, Observation, Policy, Reason, Rung, decide, problems, start
from edgeseg.governor.decide import HALVED_PATIENCE_S
from edgeseg.governor.trace import first_line, look_line, read, replayed

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # a life of minutes takes too long to shrink
anything = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))
positive = st.floats(0.1, 60)
times = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=10).map(tuple)


@st.composite
def rungs(draw: st.DrawFn, wild: bool = False) -> Ladder:
    figure = st.one_of(st.sampled_from([0.0, float("inf"), float("nan"), -1.0]), positive) if wild else positive
    count = draw(st.integers(0 if wild else 1, 6))
    return tuple(
        Rung(
            name=f"r{number}",
            candidate=f"c{draw(st.integers(0, 2))}",
            every=draw(st.integers(0 if wild else 1, 4)),
            cost_ms=draw(figure),
            frame_ms=draw(figure),
            quality=draw(st.floats(0, 1)),
            memory_mb=draw(st.floats(50, 300)),
            power_w=draw(st.one_of(st.none(), st.floats(2, 9))),
            kind=draw(st.sampled_from(Kind)),
        )
        for number in range(count)
    )


limit = st.one_of(st.none(), st.floats(0, 1e4))
policies = st.builds(
    Policy,
    fps=st.one_of(st.sampled_from([0.0, 1.0, 30.0, 240.0, float("nan"), float("inf"), -5.0]), st.floats(1, 120)),
    temp_max_c=limit,
    power_max_w=limit,
    memory_max_mb=limit,
    memory_reserve_mb=limit,
    battery_low_percent=limit,
    battery_power_w=limit,
    patience_s=st.floats(0, 20),
    thermal_tau_s=st.sampled_from([0.0, 1.0, 60.0]),
)


@st.composite
def looks(draw: st.DrawFn, names: list[str]) -> Observation:
    return Observation(
        now_s=draw(st.floats(allow_nan=True, allow_infinity=True)),
        span_s=draw(st.one_of(st.just(0.25), st.floats(allow_nan=True, allow_infinity=True))),
        rung=draw(st.sampled_from([None, "nobody", *names])),
        frames_in=draw(st.integers(-5, 10**9)),
        frames_out=draw(st.integers(-5, 100)),
        dropped=draw(st.integers(-5, 100)),
        infer_ms=draw(times),
        frame_ms=draw(times),
        throttled=draw(st.one_of(st.none(), st.booleans())),
        **{name: draw(anything) for name in ("temp_c", "power_w", "memory_mb", "memory_available_mb")},
        **{name: draw(anything) for name in ("cgroup_memory_limit_mb", "memory_pressure", "battery_percent")},
        **{name: draw(anything) for name in ("cpu_quota", "cpu_cores", "cpu_throttled_share")},
    )


@settings(max_examples=150, deadline=None)
@given(st.data(), policies, rungs(wild=True))
def test_nothing_that_is_seen_raises_and_it_stays_on_the_ladder(
    data: st.DataObject, policy: Policy, ladder: Ladder
) -> None:
    names = [rung.name for rung in ladder]
    problems(policy, ladder)
    state = start(policy, ladder)
    for _ in range(data.draw(st.integers(1, 8))):
        state, decision = decide(policy, state, data.draw(looks(names)))
        assert decision.rung in names or (decision.rung is None and not ladder)


seen_values = st.fixed_dictionaries(
    {},
    optional={
        "temp_c": st.one_of(st.none(), st.floats(20, 95)),
        "power_w": st.one_of(st.none(), st.floats(1, 12)),
        "memory_mb": st.one_of(st.none(), st.floats(60, 300)),
        "battery_percent": st.one_of(st.none(), st.floats(0, 100)),
        "throttled": st.one_of(st.none(), st.booleans()),
    },
)
Life = list[tuple[float, float, dict[str, Any]]]
episodes = st.lists(st.tuples(st.floats(0.3, 8), st.floats(5, 20), seen_values), min_size=1, max_size=4)
limits = st.builds(
    Policy,
    temp_max_c=st.one_of(st.none(), st.floats(50, 90)),
    power_max_w=st.one_of(st.none(), st.floats(3, 8)),
    memory_max_mb=st.one_of(st.none(), st.floats(90, 200)),
    battery_low_percent=st.just(20.0),
    battery_power_w=st.just(4.0),
)


def lived(policy: Policy, life: Life, ladder: Ladder = LADDER) -> Board:
    """A board through episodes, each with its own slowness and sensors."""
    board = Board(policy=policy, ladder=ladder)
    for slow, seconds, values in life:
        board.slow = lambda at_s, slow=slow: slow  # type: ignore[misc]
        board.see = with_values(**values)
        board.run(seconds)
    return board


@settings(max_examples=25, deadline=None, phases=QUICK)
@given(limits, episodes)
def test_it_goes_up_only_after_patience(policy: Policy, life: Life) -> None:
    board = lived(policy, life)
    changed_s = 0.0
    kinds = {rung.name: rung.kind for rung in board.ladder}
    for at_s, decision, seen in board.log:
        if decision.changed:
            is_halved = kinds.get(seen.rung or "") is Kind.HALF_FPS
            patience_s = min(policy.patience_s, HALVED_PATIENCE_S) if is_halved else policy.patience_s
            assert decision.reason is not Reason.ROOM or at_s - changed_s >= patience_s
            changed_s = at_s


@settings(max_examples=20, deadline=None, phases=QUICK)
@given(limits, episodes, st.floats(0.3, 8), seen_values)
def test_constant_input_settles(policy: Policy, life: Life, slow: float, values: dict[str, Any]) -> None:
    """Whatever was before; patience toward rungs that fail grows, so changes become rare and do not stop at once."""
    values.pop("power_w", None)  # a power that no rung changes is no constant input: each rung is blamed anew
    values.pop("memory_mb", None)
    values.pop("temp_c", None)
    board = lived(policy, [*life, (slow, 360.0, values)])
    assert len([at_s for at_s, _ in board.changes if at_s > board.at_s - 120]) <= 1


@settings(max_examples=25, deadline=None, phases=QUICK)
@given(st.floats(50, 90), episodes, st.floats(0.3, 5))
def test_a_hot_board_is_not_made_hotter(temp_max_c: float, life: Life, slow: float) -> None:
    policy = Policy(temp_max_c=temp_max_c)
    board = lived(policy, [*life, (slow, 20.0, {"temp_c": 60.0})])
    board.slow = lambda at_s: slow
    board.see = with_values(temp_c=temp_max_c + 5)
    since_s = board.at_s + 25  # a leap is believed after ten seconds, a mean takes some more
    board.run(60)
    power = {rung.name: rung.power_w or 0.0 for rung in board.ladder}
    before = None
    for at_s, decision, seen in board.log:
        if decision.changed and at_s > since_s:
            assert before is not None
            assert power[str(decision.rung)] <= power[before]
        before = seen.rung or before


@settings(max_examples=25, deadline=None, phases=QUICK)
@given(st.floats(0.3, 6), st.floats(40, 90))
def test_no_temperature_is_not_a_cold_one(slow: float, temp_max_c: float) -> None:
    """Without a sensor from the start, a limit of heat changes nothing; one of 0 C would not be believed either."""
    without = lived(Policy(), [(slow, 60.0, {})])
    limited = lived(Policy(temp_max_c=temp_max_c), [(slow, 60.0, {"temp_c": None})])
    assert without.changes == limited.changes


@settings(max_examples=20, deadline=None, phases=QUICK)
@given(st.floats(60, 74))
def test_a_sensor_that_goes_missing_never_lets_it_go_up(temp_c: float) -> None:
    policy = Policy(temp_max_c=75)
    board = lived(policy, [(1.0, 60.0, {"temp_c": temp_c}), (1.0, 60.0, {"temp_c": None})])
    power = {rung.name: rung.power_w or 0.0 for rung in board.ladder}
    at_60 = next(decision.rung for at_s, decision, _ in board.log if at_s == 60.0)
    assert power[str(board.running)] <= power[str(at_60)]


@settings(max_examples=20, deadline=None, phases=QUICK)
@given(limits, episodes)
def test_missing_values_are_none_and_never_zero(policy: Policy, life: Life) -> None:
    """What is absurd, and 0 is for these, is decided on as what is missing."""
    zeros = {"temp_c": float("nan"), "power_w": 0.0, "memory_mb": 0.0, "battery_percent": -1.0}
    absurd = lived(policy, [(slow, seconds, zeros) for slow, seconds, _ in life])
    missing = lived(policy, [(slow, seconds, dict.fromkeys(zeros)) for slow, seconds, _ in life])
    assert absurd.changes == missing.changes


@settings(max_examples=25, deadline=None, phases=QUICK)
@given(limits, episodes)
def test_a_trace_replays_to_the_same_decisions(policy: Policy, life: Life) -> None:
    board = lived(policy, life)
    lines = [first_line(policy, LADDER, board.log[0][2].rung)]
    lines += [look_line(seen, decision) for _, decision, seen in board.log]
    trace = read([f"{line}\n" for line in lines], "t")
    assert trace.ladder == LADDER
    assert trace.policy == policy
    again = list(replayed(trace))
    assert [look.decision for look, _ in again] == [decision for _, decision, _ in board.log]
    assert [decision for _, decision in again] == [decision for _, decision, _ in board.log]
    assert all(json.loads(line) for line in lines)


def test_the_state_is_a_value() -> None:
    board = Board().run(5)
    state, seen = board.state, board.log[-1][2]
    one, other = decide(board.policy, state, seen), decide(board.policy, state, seen)
    assert one == other
    assert replace(state) == state
    assert isinstance(one[1], Decision)
