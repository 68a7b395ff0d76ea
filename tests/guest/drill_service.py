"""Runs as root in the lab's guest with systemd: faults done to the installed service while a consumer reads its webcam.

The camera is vivid, which shows one green; the background is blue. So a raw frame is known by its colour, whatever the
mask. Each repetition of a drill prints one JSON object; test_guest_service.py judges.
"""

import json
import os
import subprocess
import sys
import threading
import time
import traceback
from functools import partial
from pathlib import Path

import numpy as np

TIMES = 5
UNIT, CONFIG = "edgeseg@camera", Path("/etc/edgeseg/camera.yaml")
PLAIN = CONFIG.read_text(encoding="utf-8")
WEBCAM, SIZE = "/dev/video10", (320, 180)
FRAME, LUMA = SIZE[0] * SIZE[1] * 3 // 2, SIZE[0] * SIZE[1]
GREEN_U = 100  # of vivid's green it is 54, of the background 138, of any grey 128
LONG_S = 300
REJOIN_S = 15
AGAIN_S = 11  # the journal writes what comes again and again every ten seconds


def shell(words, seconds=120):
    try:
        done = subprocess.run(
            ["sh", "-c", words], capture_output=True, text=True, errors="replace", check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        print("$", words, "-> took too long", file=sys.stderr)
        return ""
    print("$", words, "->", done.returncode, done.stdout[-800:], done.stderr[-800:], file=sys.stderr)
    return done.stdout


def shown():
    names = "ActiveState,NRestarts,MainPID,StatusText,Result"
    said = subprocess.run(
        ["systemctl", "show", f"--property={names}", UNIT], capture_output=True, text=True, check=False
    )
    found = dict(line.split("=", 1) for line in said.stdout.splitlines() if "=" in line)
    return found | {"NRestarts": int(found["NRestarts"]), "MainPID": int(found["MainPID"])}


def facts(name, since, **fields):
    """The journal's entries of a fact with these fields since a time of CLOCK_MONOTONIC."""
    said = subprocess.run(
        ["journalctl", "--boot", f"--unit={UNIT}", "--output=json", "--no-pager", f"EDGESEG_FACT={name}"],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [json.loads(line) for line in said.stdout.splitlines()]
    return [row for row in rows if int(row["__MONOTONIC_TIMESTAMP"]) / 1e6 > since and fields.items() <= row.items()]


def soon(true, seconds=LONG_S, every=0.2):
    end = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > end:
            return None
        time.sleep(every)
    return found


class Consumer(threading.Thread):
    """Reads the webcam for ever, as a conference would: counts frames, and the pixels in them that are the camera's."""

    def __init__(self):
        super().__init__(daemon=True)
        self.frames, self.raw, self.worst, self.at, self.joined, self.heard = 0, 0, 0, 0.0, 0, 0.0
        self.is_over = False
        self.start()

    def run(self):
        while not self.is_over:
            command = ["v4l2-ctl", "-d", WEBCAM, "--stream-mmap", "--stream-to=-"]
            reader = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self.joined += 1
            self.heard = time.monotonic()
            threading.Thread(target=self.give_up, args=(reader,), daemon=True).start()
            while len(data := reader.stdout.read(FRAME)) == FRAME:
                self.heard = time.monotonic()
                raw = raw_pixels(data)
                self.frames, self.at = self.frames + 1, time.monotonic()
                self.raw, self.worst = self.raw + bool(raw), max(self.worst, raw)
            reader.kill()
            reader.wait()
            time.sleep(0.5)

    def give_up(self, reader):
        """A reader stays with a writer that is gone (v4l2loopback 0.12.7): whoever sees no picture, joins again."""
        while reader.poll() is None:
            if self.is_over or time.monotonic() - self.heard > REJOIN_S:
                reader.kill()
            time.sleep(0.5)

    def since(self, moment, count=3, seconds=LONG_S):
        """Seconds from the moment until `count` more frames have come; None if they do not."""
        had = self.frames
        return (self.at - moment) if soon(lambda: self.frames >= had + count, seconds, 0.05) else None


def raw_pixels(data):
    """How many of a frame's pixels are as green as the camera's."""
    chroma = np.frombuffer(data, np.uint8)[LUMA : LUMA + LUMA // 4]
    return int((chroma < GREEN_U).sum()) * 4


def configured(text):
    CONFIG.write_text(text, encoding="utf-8")


def started(text=PLAIN):
    """The service runs on that config, and its webcam gives frames."""
    configured(text)
    shell(f"systemctl reset-failed {UNIT}; systemctl restart {UNIT}", 900)
    return soon(lambda: shown()["ActiveState"] == "active")


def camera(number=0):
    """vivid's camera under that number, which shows green."""
    shell(f"modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0 vid_cap_nr={number}")
    soon(lambda: Path(f"/dev/video{number}").exists(), 20)
    shell("udevadm settle")
    shell(f"v4l2-ctl -d /dev/video{number} -c test_pattern=8 -c osd_text_mode=2")


def consumers():
    """What three programs see of the webcam: its name, what it can, and the colours of the frames."""
    said = {"about": shell(f"v4l2-ctl -d {WEBCAM} --all"), "list": shell("v4l2-ctl --list-devices")}
    reads = {
        "v4l2-ctl": f"v4l2-ctl -d {WEBCAM} --stream-mmap --stream-count=6 --stream-to=/run/kept",
        "ffmpeg": f"ffmpeg -loglevel error -y -f v4l2 -i {WEBCAM} -frames:v 6 -f rawvideo -pix_fmt yuv420p /run/kept",
        "gstreamer": f"gst-launch-1.0 -q v4l2src device={WEBCAM} num-buffers=6 ! filesink location=/run/kept",
    }
    for name, command in reads.items():
        Path("/run/kept").unlink(missing_ok=True)
        shell(command, 200)
        data = Path("/run/kept").read_bytes() if Path("/run/kept").exists() else b""
        frames = [data[at : at + FRAME] for at in range(0, len(data) - FRAME + 1, FRAME)]
        last = np.frombuffer(frames[-1], np.uint8) if frames else np.zeros(FRAME, np.uint8)
        middle = [int(np.median(part)) for part in np.split(last, [LUMA, LUMA * 5 // 4])]
        said[name] = {"frames": len(frames), "raw": max(map(raw_pixels, frames), default=None), "median": middle}
    return said


def repeated(name, once, consumer, times=TIMES):
    for number in range(times):
        before, began = shown(), time.monotonic()
        frames, raw, joined = consumer.frames, consumer.raw, consumer.joined
        said = {"drill": name, "number": number}
        try:
            said |= once(number, began) or {}
        except Exception as error:  # noqa: BLE001 - the drill's result
            traceback.print_exc()
            said["failed"] = f"{type(error).__name__}: {error}"
        now = shown()
        said |= {
            "took_s": round(time.monotonic() - began, 1),
            "frames": consumer.frames - frames,
            "raw_frames": consumer.raw - raw,
            "rejoined": consumer.joined - joined,
            "restarts": now["NRestarts"] - before["NRestarts"],
            "same_process": now["MainPID"] == before["MainPID"],
            "active": now["ActiveState"] == "active",
            "status": now["StatusText"],
        }
        print(json.dumps(said), flush=True)
        if not said["active"]:
            started()


def flows(consumer, began, count=3):
    after = consumer.since(began, count)
    return {"frames_after_s": None if after is None else round(after, 1)}


def main():
    print(
        json.dumps({"drill": "boot", "status": shown(), "uptime_s": float(Path("/proc/uptime").read_text().split()[0])})
    )
    camera()
    # A plain check of the check: without a background every pixel is the camera's.
    started(PLAIN.replace('"color:#112233"', '"none"'))
    eye = Consumer()
    soon(lambda: eye.worst == LUMA)
    print(json.dumps({"drill": "control", "raw_frames": eye.raw, "worst": eye.worst, "pixels": LUMA}), flush=True)
    shell(f"systemctl stop {UNIT}")
    eye.is_over = True
    eye.join()
    shell("modprobe -r v4l2loopback; modprobe v4l2loopback; udevadm settle")  # it keeps what was last written
    eye = Consumer()
    started()
    soon(lambda: "covered" not in shown()["StatusText"] and eye.frames > 3)
    print(json.dumps({"drill": "status", "said": shell(f"systemctl status --no-pager {UNIT}")}), flush=True)
    chosen = Path(__file__).with_name("chosen")
    for name in chosen.read_text(encoding="ascii").split() if chosen.exists() else DRILLS:
        DRILLS[name](eye)
    print(
        json.dumps(
            {"drill": "journal", "said": shell(f"journalctl -u {UNIT} --no-pager --boot -o short-monotonic -n 300")}
        )
    )
    print(json.dumps({"drill": "end", "raw_frames": eye.raw, "worst": eye.worst, "frames": eye.frames}), flush=True)


def chain(eye):
    repeated("chain", lambda number, began: consumers(), eye)


def killed(eye):
    def once(_, began):
        pid = shown()["MainPID"]
        os.kill(pid, 9)
        soon(lambda: shown()["MainPID"] not in (0, pid) and shown()["ActiveState"] == "active")
        return flows(eye, began)

    repeated("kill -9", once, eye)


ERRORS = {
    "inject_v4l2_buf_flag_error": "1",
    "inject_vidioc_qbuf_error": "1",
    "inject_fatal_streaming_error": "1",
    "percentage_of_dropped_buffers": "90",
}


def errors(eye):
    def with_error(control, value):
        def once(_, began):
            shell(f"v4l2-ctl -d /dev/video0 -c {control}={value}")
            time.sleep(5)
            if control.startswith("percentage"):
                shell(f"v4l2-ctl -d /dev/video0 -c {control}=0")
            soon(lambda: shown()["ActiveState"] == "active" and "covered" not in shown()["StatusText"])
            return flows(eye, began)

        return once

    for control, value in ERRORS.items():
        repeated(control, with_error(control, value), eye)


def replugged(eye):
    numbers = iter([5, 6, 0, 7, 0] * TIMES)
    now = [0]

    def once(_, began):
        time.sleep(AGAIN_S)
        shell("echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind")  # the nodes go while the service has one open
        covered = soon(lambda: "source_lost" in shown()["StatusText"], 60)
        gone = soon(lambda: "Error" not in shell("modprobe -r vivid 2>&1 || echo Error"), 60, 1)
        now[0] = next(numbers)
        back = time.monotonic()
        camera(now[0])
        recovered = partial(facts, "recovered", back, EDGESEG_CAUSE="source_lost")
        soon(recovered, every=1)  # masks take their time in there
        said = {"number_now": now[0], "covered": bool(covered), "gone": bool(gone)} | flows(eye, back)
        source = [row["MESSAGE"] for row in facts("opened", back, EDGESEG_WHAT="source")]
        at = [round(int(row["__MONOTONIC_TIMESTAMP"]) / 1e6 - back, 1) for row in recovered()]
        return said | {"opened": source, "source_again_after_s": at}

    repeated("replug under another number", once, eye)
    if now[0] != 0:
        shell(f"systemctl stop {UNIT}; modprobe -r vivid")
        camera()
        started()


def memory(eye):
    def once(_, began):
        was = shown()
        shell(f"systemctl set-property --runtime {UNIT} MemoryMax=60M MemoryHigh=infinity MemorySwapMax=0")
        gone = soon(lambda: shown()["NRestarts"] > was["NRestarts"] or shown()["MainPID"] == 0, 120)
        kernel = shell("dmesg | grep -c 'Memory cgroup out of memory'").strip()
        shell(f"systemctl set-property --runtime {UNIT} MemoryMax=1500M MemoryHigh=1G")
        freed = time.monotonic()
        soon(lambda: shown()["ActiveState"] == "active")
        return {"oom_killed": bool(gone), "oom_kills_in_dmesg": kernel} | flows(eye, freed)

    repeated("MemoryMax", once, eye)


GOVERNED = """
limits: {temp_c: 75}
governor: {patience_s: 2}
"""


def rungs(since):
    return [[row.get("EDGESEG_RUNG"), row.get("EDGESEG_CAUSE")] for row in facts("rung_changed", since)]


def calibrated():
    dropin = Path("/etc/systemd/system/edgeseg-calibrate.service.d")
    dropin.mkdir(exist_ok=True)
    lines = (
        "[Service]\nExecStart=\nExecStart=/opt/edgeseg/current/bin/edgeseg calibrate --time 60\nTimeoutStartSec=900\n"
    )
    (dropin / "short.conf").write_text(lines, encoding="ascii")
    shell(f"systemctl stop {UNIT}; systemctl daemon-reload; systemctl start edgeseg-calibrate", 900)
    said = shell("cat /var/lib/edgeseg/ladder.json")
    print(json.dumps({"drill": "calibrated", "said": said[-1500:]}), flush=True)


def degrees(temp):
    with open("/dev/port", "r+b", buffering=0) as port:
        port.seek(0x70)
        port.write(b"\x6f")
        port.seek(0x71)
        port.write(bytes([temp]))


def governed():
    """The service holds what a ladder of this machine lets it hold, and knows nothing of before."""
    if not Path("/var/lib/edgeseg/ladder.json").exists():
        calibrated()
    degrees(45)
    started(PLAIN + GOVERNED)
    time.sleep(20)


def quota(eye):
    governed()
    group = Path(shell(f"systemctl show --property=ControlGroup --value {UNIT}").strip().lstrip("/"))
    cpu = Path("/sys/fs/cgroup") / group / "cpu.stat"

    def throttled():
        return int(next(line for line in cpu.read_text().splitlines() if line.startswith("nr_throttled")).split()[1])

    def once(_, began):
        before = throttled()
        shell(f"systemctl set-property --runtime {UNIT} CPUQuota=30%")
        time.sleep(60)
        held, after = rungs(began), throttled()
        freed = time.monotonic()
        shell(f"systemctl set-property --runtime {UNIT} CPUQuota=")
        time.sleep(40)
        return {"rungs": held, "throttled": after - before, "rungs_after": rungs(freed)} | flows(eye, began)

    repeated("CPUQuota=30%", once, eye)
    started()


def heat(eye):
    governed()

    def once(_, began):
        zone = Path("/sys/class/thermal/thermal_zone0/temp")
        seen = []
        for temp, wait in ((60, 5), (90, 45), (45, 120)):
            degrees(temp)
            time.sleep(wait)
            seen.append([temp, int(zone.read_text()) // 1000, shown()["StatusText"]])
        return {"zone": seen, "rungs": rungs(began)} | flows(eye, began)

    repeated("thermal zone to 90 C and back", once, eye)
    started()


DRILLS = {
    "chain": chain,
    "killed": killed,
    "errors": errors,
    "memory": memory,
    "replugged": replugged,
    "quota": quota,
    "heat": heat,
}

main()
