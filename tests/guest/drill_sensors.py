"""Runs as root in the lab's guest: edgeseg's sensors on a kernel's own hwmon chip and control groups.

i2c-stub pretends registers, before which stands the kernel's own lm75 driver. Time is moved by hand, so that nothing
waits for long. Each step prints one JSON object with what it saw, or the error that ended it;
test_guest_sensors.py judges.
"""

import ctypes
import fcntl
import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

from edgeseg.facts import Noted
from edgeseg.sensors.system import SystemSensors

I2C_SLAVE_FORCE, I2C_SMBUS, WRITE, WORD = 0x0706, 0x0720, 0, 3
GROUP = Path("/sys/fs/cgroup/drill")


class Clock:
    ahead_s = 0.0

    def now(self):
        return time.monotonic() + self.ahead_s


class Transfer(ctypes.Structure):
    _fields_ = [  # struct i2c_smbus_ioctl_data of linux/i2c-dev.h
        ("read_write", ctypes.c_uint8),
        ("command", ctypes.c_uint8),
        ("size", ctypes.c_uint32),
        ("data", ctypes.c_void_p),
    ]


def shell(words):
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, check=False)
    print("$", words, "->", done.returncode, done.stdout, done.stderr, file=sys.stderr)
    return done.returncode == 0


def bus():
    for adapter in Path("/sys/bus/i2c/devices").glob("i2c-*"):
        if "stub" in (adapter / "name").read_text(encoding="utf-8"):
            return adapter
    raise LookupError("no i2c-stub")


def lm75_says(temp_c):
    """Register 0 holds half degrees in its upper nine bits, upper byte first; SMBus sends the lower one first."""
    raw = int(temp_c * 2) << 7 & 0xFFFF
    word = ctypes.c_uint16(raw >> 8 | (raw & 0xFF) << 8)
    node = os.open(f"/dev/{bus().name}", os.O_RDWR)
    try:
        fcntl.ioctl(node, I2C_SLAVE_FORCE, 0x48)
        fcntl.ioctl(node, I2C_SMBUS, Transfer(WRITE, 0, WORD, ctypes.addressof(word)))
    finally:
        os.close(node)


def plug():
    (bus() / "new_device").write_text("lm75 0x48", encoding="ascii")


def unplug():
    (bus() / "delete_device").write_text("0x48", encoding="ascii")


def opened():
    clock, told = Clock(), []
    sensors = SystemSensors(
        clock=clock, emit=lambda fact: told.append(fact.detail) if isinstance(fact, Noted) else None
    )

    def read(after_s=2.0):
        clock.ahead_s += after_s
        return sensors.read()

    return sensors, read, told


def hwmon():
    shell("modprobe i2c-dev; modprobe i2c-stub chip_addr=0x48; modprobe lm75")
    plug()
    lm75_says(25)
    sensors, read, told = opened()
    seen = {"names": [temp.name for temp in read().temps], "temps": []}
    for temp_c in (25, 45.5, 60, -10):
        lm75_says(temp_c)
        time.sleep(2)  # the driver reads its chip once in 1.5 s
        seen["temps"].append([temp_c, read(20).temp_c])
    unplug()
    seen["unplugged"] = [read().temp_c for _ in range(4)]
    plug()
    lm75_says(30)
    for _ in range(40):
        last = read()
    sensors.close()
    return seen | {"back": last.temp_c, "told": told}


def groups():
    shell("mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup")
    shell("echo '+cpu +memory' >/sys/fs/cgroup/cgroup.subtree_control")
    GROUP.mkdir()
    (GROUP / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    sensors, read, _ = opened()
    free = read()
    (GROUP / "cpu.max").write_text("10000 50000", encoding="ascii")
    (GROUP / "memory.max").write_text("300000000", encoding="ascii")
    read()
    until = time.process_time() + 1
    while time.process_time() < until:
        pass
    bound = read(0.0)
    (GROUP / "cpu.max").write_text("max", encoding="ascii")
    again = read()
    (GROUP.parent / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    GROUP.rmdir()
    gone = read()
    sensors.close()
    names = ("cpu_quota", "cpu_throttled_share", "cpu_throttled_s_per_s", "cgroup_memory_mb", "cgroup_memory_limit_mb")
    seen = {"free": free, "bound": bound, "again": again, "gone": gone}
    return {key: {name: getattr(reading, name) for name in names} for key, reading in seen.items()}


for step in (hwmon, groups):
    said = {"step": step.__name__}
    try:
        said |= step()
    except Exception as error:  # noqa: BLE001 - the step's result
        traceback.print_exc()
        said["failed"] = f"{type(error).__name__}: {error}"
    print(json.dumps(said), flush=True)
