"""A sink that is not there: refused by a run, looked for by a service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeseg.build import Settings, open_sink_or_absent
from edgeseg.errors import OutputError
from edgeseg.facts import ignore
from edgeseg.ports import SinkWish
from edgeseg.sinks.absent import AbsentSink
from tests.sinks.sink_pictures import make_frame

NOWHERE = Settings(sink="v4l2:/dev/no-such-webcam")
FOR_EVER = replace(NOWHERE, seek_s=None)


def test_a_run_ends_with_it() -> None:
    with pytest.raises(OutputError, match="there is no /dev/no-such-webcam"):
        open_sink_or_absent(NOWHERE, SinkWish(), ignore)


def test_a_service_has_one_that_says_so_at_each_frame() -> None:
    sink = open_sink_or_absent(FOR_EVER, SinkWish(), ignore)
    assert isinstance(sink, AbsentSink)
    assert "/dev/no-such-webcam" in sink.detail
    assert sink.watched is None
    with pytest.raises(OutputError, match="there is no /dev/no-such-webcam"):
        sink.write(make_frame(0))
    sink.close()


def test_words_that_name_no_sink_end_both() -> None:
    with pytest.raises(Exception, match="did you mean"):
        open_sink_or_absent(replace(FOR_EVER, sink="/dev/video10"), SinkWish(), ignore)
