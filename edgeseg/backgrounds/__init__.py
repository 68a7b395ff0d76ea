"""What stands behind the person: one kind a file. The table is all that is known of them before one is opened.

Each is made as `Class(where)`: `where` is what follows the kind's name on the command line. `alpha` (transparent)
and `none` (the picture as it is) are modes of the pipeline, not backgrounds.
"""

BACKGROUNDS = {
    "blur": "edgeseg.backgrounds.blur:BlurBackground",
    "color": "edgeseg.backgrounds.color:ColorBackground",
    "image": "edgeseg.backgrounds.image:ImageBackground",
    "video": "edgeseg.backgrounds.video:VideoBackground",
}
