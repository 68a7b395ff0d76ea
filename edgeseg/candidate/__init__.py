"""One candidate, scored and timed where it runs, and its card written: what the device farm asks of a device."""

from edgeseg.candidate.plan import Plan
from edgeseg.candidate.written import write_card

__all__ = ["Plan", "write_card"]
