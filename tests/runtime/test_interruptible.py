"""Work that a signal ends, also where what it raised was lost."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from edgeseg.stopping import interruptible


def test_a_signal_ends_the_work_and_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_was_lost_is_said_at_the_next_step() -> None:
    """As where C code has called Python: the exception is printed there and gone."""
    with interruptible() as interrupt:
        interrupt.check()
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()
