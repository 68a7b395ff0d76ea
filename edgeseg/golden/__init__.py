"""Golden sets, what is measured on them, and the score of one candidate on one of them.

`SMALL` is the set that the package carries: a few pictures by which a device tells whether a tier works there.
"""

from pathlib import Path

SMALL = Path(__file__).with_name("small")
