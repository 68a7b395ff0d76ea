"""Sinks for frames: one kind a file. The table is all that is known of them before one is opened.

Each is made as `Class(where, wish, emit)`: `where` is what follows the kind's name on the command line.
"""

SINKS = {
    "file": "edgeseg.sinks.video:VideoSink",
    "images": "edgeseg.sinks.images:ImagesSink",
    "null": "edgeseg.sinks.null:NullSink",
    "v4l2": "edgeseg.sinks.v4l2:V4l2Sink",
    "-": "edgeseg.sinks.y4m:Y4mSink",
}
