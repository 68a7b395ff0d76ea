"""The control loop that chooses the rung: a pure function of what was wanted, what it knows and what was seen."""

from edgeseg.governor.observation import Observation
from edgeseg.governor.policy import Policy, problems
from edgeseg.governor.rung import Kind, Ladder, Rung

__all__ = ["Kind", "Ladder", "Observation", "Policy", "Rung", "problems"]
