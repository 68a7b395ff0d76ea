"""Sources of frames: one kind a file. The table is all that is known of them before one is opened.

Each is made as `Class(where, wish, clock, emit)`: `where` is what follows the kind's name on the command line.
"""

SOURCES = {
    "file": "edgeseg.capture.video:VideoSource",
    "images": "edgeseg.capture.images:ImagesSource",
    "camera": "edgeseg.capture.v4l2:CameraSource",
    "picamera2": "edgeseg.capture.picamera2:Picamera2Source",
    "gst": "edgeseg.capture.gst:GstSource",
}
