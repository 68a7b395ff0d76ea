"""Stands in for `edgeseg service run` where the wheel has no such command yet: says READY, STATUS and WATCHDOG=1."""

import os
import socket
import time

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
    to.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
    to.send(b"READY=1\nSTATUS=30.0 fps, a stand-in on cpu")
    while True:
        time.sleep(1)
        to.send(b"WATCHDOG=1")
