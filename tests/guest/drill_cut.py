"""Runs as root in the lab's guest at every boot: is the service well, and then an upgrade, in which the power will go.

Prints the release that runs, what it scores, and "upgrading"; test_guest_power_cut.py cuts and judges.
"""

import json
import subprocess
import sys
import time

FIRST, SECOND = "0.1.100", "0.1.101"


def shell(*words, seconds=900):
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds)
    print("$", *words, "->", done.returncode, done.stdout[-500:], done.stderr[-1500:], file=sys.stderr)
    return done


def status():
    return json.loads(shell("edgeseg", "service", "status", "--json").stdout)


def well():
    """The status once the service shows frames, or after four minutes as it is."""
    end = time.monotonic() + 240
    while True:
        now = status()
        one = now["instances"][0]
        if (one["active"] == "active" and one["fps"]) or time.monotonic() > end:
            return now
        time.sleep(2)


now = well()
one = now["instances"][0]
said = {"step": "well", "release": now["release"], "whole": now["is_whole"], "trial": now["upgrade"]}
said |= {"active": one["active"], "fps": one["fps"], "last": now["last"], "uptime_s": time.monotonic()}
said["verified"] = shell("edgeseg", "service", "releases", "--verify").returncode
check = shell("edgeseg", "service", "self-check", "--json")
said["scores"] = json.loads(check.stdout)["scores"] if check.returncode == 0 else check.stderr[-300:]
print(json.dumps(said), flush=True)

new = SECOND if now["release"] == FIRST else FIRST
shell("edgeseg", "service", "releases", "--remove", new)  # made anew, so that this is cut too
print(json.dumps({"step": "upgrading", "to": new}), flush=True)
began = time.monotonic()
wheel = f"/srv/edgeseg-{new}-py3-none-any.whl"
done = shell("edgeseg", "service", "upgrade", "--wheelhouse", "/srv", "--watch", "10", wheel)
print(json.dumps({"step": "upgraded", "exit": done.returncode, "took_s": time.monotonic() - began}), flush=True)
time.sleep(3600)  # the power goes now at the latest
