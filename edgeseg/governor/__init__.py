"""The control loop that chooses the rung: a pure function of what was wanted, what it knows and what was seen."""

from edgeseg.governor.decide import decide, start
from edgeseg.governor.decision import Decision, Expectation, Pressure, Reason, sentence
from edgeseg.governor.observation import Observation
from edgeseg.governor.policy import Policy, problems
from edgeseg.governor.rung import Kind, Ladder, Rung
from edgeseg.governor.state import State

__all__ = [
    "Decision",
    "Expectation",
    "Kind",
    "Ladder",
    "Observation",
    "Policy",
    "Pressure",
    "Reason",
    "Rung",
    "State",
    "decide",
    "problems",
    "sentence",
    "start",
]
