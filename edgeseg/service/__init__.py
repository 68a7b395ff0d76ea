"""The running service: what systemd is told and asks for, around the same run that `edgeseg run` makes.

::

    main thread     build, then the runtime's frames until the end
    keeper thread   signals, READY, STATUS, the watchdog; starts a reload
    reload thread   makes what a new config needs aside, and has it taken up between two frames
"""
