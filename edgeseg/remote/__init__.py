"""A run as it is seen and changed from outside, by whatever speaks to the outside: the page (`web`), MQTT.

::

    tap        the sink of a watched run: shows `Preview` what goes out
    live       what happened and what is so now, counted and kept for ten minutes
    control    changes of settings, taken up by the service's reload between two frames
    gallery    pictures that may be backgrounds
    remote     these together, around one run
"""
