"""The files of systemd/: systemd takes them, old and new, and says how well the service is fenced in."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
OURS = [*sorted(UNITS.glob("edgeseg*.service")), *sorted(UNITS.glob("user/*.service"))]
DROPINS = sorted(UNITS.glob("dropins/*.conf"))
OLDEST = 249  # Ubuntu 22.04, which JetPack 6 is

# The version of systemd in which each directive came: what "Added in version" says in the manual pages of systemd 257
# (systemd.unit, service, exec, resource-control, kill). 0: the pages do not say, for it came before 183. Where a page
# has one number for several directives, the later ones are as the release notes have them.
SINCE = {
    **dict.fromkeys(
        (
            *(
                "ConditionPathExists",
                "Type",
                "ExecStart",
                "ExecReload",
                "Restart",
                "RestartSec",
                "User",
                "Group",
                "UMask",
                "Environment",
            ),
            *("PrivateTmp", "PrivateNetwork", "CapabilityBoundingSet", "LimitCORE", "NotifyAccess"),
            *("WatchdogSec", "SyslogIdentifier"),
        ),
        0,
    ),
    **dict.fromkeys(("NoNewPrivileges", "SystemCallFilter", "KillMode"), 187),
    **dict.fromkeys(("TimeoutStartSec", "TimeoutStopSec"), 188),
    "RestartPreventExitStatus": 189,
    **dict.fromkeys(
        (
            *("Description", "After", "Before", "Conflicts", "DefaultDependencies", "RequiresMountsFor"),
            "WantedBy",
        ),
        201,
    ),
    **dict.fromkeys(("DevicePolicy", "DeviceAllow"), 208),
    **dict.fromkeys(("SystemCallArchitectures", "SystemCallErrorNumber"), 209),
    **dict.fromkeys(("RestrictAddressFamilies", "RuntimeDirectory"), 211),
    **dict.fromkeys(("ProtectSystem", "ProtectHome"), 214),
    "TasksMax": 227,
    **dict.fromkeys(("AmbientCapabilities", "StartLimitBurst"), 229),
    "StartLimitIntervalSec": 230,
    "RuntimeDirectoryPreserve": 235,
    **dict.fromkeys(("MemoryHigh", "MemoryMax", "MemoryDenyWriteExecute", "RestrictRealtime"), 231),
    **dict.fromkeys(
        (
            *("PrivateUsers", "ProtectControlGroups", "ProtectKernelModules", "ProtectKernelTunables"),
            *("RemoveIPC", "CPUWeight"),
        ),
        232,
    ),
    "RestrictNamespaces": 233,
    **dict.fromkeys(
        (
            *("IPAddressDeny", "KeyringMode", "LockPersonality", "StateDirectory", "StateDirectoryMode"),
            "ConfigurationDirectory",
        ),
        235,
    ),
    "PrivateMounts": 239,
    "WatchdogSignal": 240,
    **dict.fromkeys(("ProtectHostname", "RestrictSUIDSGID"), 242),
    "OOMPolicy": 243,
    "ProtectKernelLogs": 244,
    "ProtectClock": 245,
    "ProtectProc": 247,
    **dict.fromkeys(("PrivateIPC", "NoExecPaths"), 248),
    **dict.fromkeys(("SocketBindAllow", "SocketBindDeny"), 249),
}


def directives(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(line.partition("=")[0], line.partition("=")[2]) for line in lines if re.match(r"[A-Z]\w*=", line)]


def values(path: Path, name: str) -> list[str]:
    return [value for found, value in directives(path) if found == name]


@pytest.mark.parametrize("path", [*OURS, *DROPINS], ids=lambda path: str(path.relative_to(UNITS)))
def test_no_directive_is_younger_than_the_oldest_systemd(path: Path) -> None:
    used = {name for name, _ in directives(path)}
    assert not used - set(SINCE), "write into SINCE when they came"
    assert {name: SINCE[name] for name in used if SINCE[name] > OLDEST} == {}
    assert values(path, "Type") in ([], ["notify"], ["oneshot"])  # notify-reload came with 253


def systemd_analyze(*words: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here (Debian's package systemd)")
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A root with the units where install puts them, and the programs that they name."""
    units = tmp_path / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    for path in UNITS.glob("edgeseg*.service"):
        shutil.copy(path, units)
    return tmp_path


def opened_by(machine: Path, dropin: str) -> None:
    folder = machine / "etc" / "systemd" / "system" / "edgeseg@cam.service.d"
    folder.mkdir()
    shutil.copy(UNITS / "dropins" / dropin, folder)


def exposure(machine: Path, unit: str) -> float:
    done = systemd_analyze("security", "--offline=true", f"--root={machine}", "--no-pager", unit)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at files (it can since 250)")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


@pytest.mark.parametrize("unit", ["edgeseg@cam.service", "edgeseg-calibrate.service"])
def test_the_service_is_fenced_in(machine: Path, unit: str) -> None:
    assert exposure(machine, unit) <= 1.2


@pytest.mark.parametrize("dropin", [path.name for path in DROPINS])
def test_it_still_is_with_each_drop_in(machine: Path, dropin: str) -> None:
    before = exposure(machine, "edgeseg@cam.service")
    opened_by(machine, dropin)
    after = exposure(machine, "edgeseg@cam.service")
    assert before <= after <= 1.5
    if dropin == "network.conf":
        assert after > before  # the drop-in is looked at


@pytest.mark.parametrize("unit", OURS, ids=lambda path: str(path.relative_to(UNITS)))
def test_systemd_finds_nothing_wrong(tmp_path: Path, unit: Path) -> None:
    name = unit.name.replace("@.", "@cam.")
    program = shutil.which("true")
    text = re.sub(r"(?m)^(Exec\w+=)\S+/edgeseg", rf"\1{program}", unit.read_text(encoding="utf-8"))
    (tmp_path / name).write_text(text, encoding="utf-8")
    words = ["verify", "--man=no", *(["--user"] if unit.parent.name == "user" else [])]
    done = systemd_analyze(*words, str(tmp_path / name))
    own = [line for line in (done.stdout + done.stderr).splitlines() if name in line or str(tmp_path) in line]
    assert own == []


def test_a_mistake_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "edgeseg@cam.service").write_text("[Service]\nExecStart=/bin/true\nProtectSistem=strict\n")
    assert "ProtectSistem" in systemd_analyze("verify", "--man=no", str(tmp_path / "edgeseg@cam.service")).stderr


def test_what_the_issue_names_is_in_the_unit() -> None:
    unit = dict(directives(UNITS / "edgeseg@.service"))
    wanted = {
        "Type": "notify",
        "ExecReload": "kill -HUP $MAINPID",
        "User": "edgeseg",
        "RuntimeDirectory": "edgeseg/%i",
        "StateDirectory": "edgeseg",
        "CapabilityBoundingSet": "",
        "ProtectSystem": "strict",
        "PrivateNetwork": "yes",
        "IPAddressDeny": "any",
        "DevicePolicy": "closed",
    }
    assert wanted.items() <= unit.items()
    assert {"WatchdogSec", "MemoryHigh", "MemoryMax", "CPUWeight", "OOMPolicy", "StartLimitBurst"} <= set(unit)


def test_calibrating_is_fenced_in_as_running_is() -> None:
    fences = ("Protect", "Private", "Restrict", "System", "Device", "NoNew", "Capab", "Ambient", "Memory", "Lock", "IP")
    one, two = (
        [line for line in directives(UNITS / name) if line[0].startswith(fences) and line[0] not in ("MemoryHigh",)]
        for name in ("edgeseg@.service", "edgeseg-calibrate.service")
    )
    assert [line for line in one if line[0] != "MemoryMax"] == [line for line in two if line[0] != "MemoryMax"]


def test_the_webcam_is_named_alike_everywhere() -> None:
    module = (UNITS / "modprobe.d" / "edgeseg.conf").read_text(encoding="utf-8")
    label = re.search(r'card_label="([^"]+)"', module)
    assert label
    assert "exclusive_caps=1" in module
    assert f'ATTR{{name}}=="{label[1]}"' in (UNITS / "udev" / "60-edgeseg.rules").read_text(encoding="utf-8")


def test_groups_of_devices_are_those_of_the_user() -> None:
    rules = (UNITS / "udev" / "60-edgeseg.rules").read_text(encoding="utf-8")
    users = (UNITS / "sysusers.d" / "edgeseg.conf").read_text(encoding="utf-8")
    member_of = set(re.findall(r"(?m)^m\s+edgeseg\s+(\w+)$", users))
    assert set(re.findall(r'GROUP="(\w+)"', rules)) <= member_of
    assert member_of == {"video", "render", "plugdev"}  # cameras, GPUs, Coral: no more


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="systemd-sysusers is not here")
def test_sysusers_and_tmpfiles_take_their_files(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for name in ("passwd", "group"):
        (tmp_path / "etc" / name).write_text("root:x:0:0::/root:/bin/sh\n" if name == "passwd" else "root:x:0:\n")
    users = UNITS / "sysusers.d" / "edgeseg.conf"
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", str(users)], check=True, capture_output=True)
    passwd = (tmp_path / "etc" / "passwd").read_text(encoding="utf-8")
    assert re.search(r"(?m)^edgeseg:.*:/var/lib/edgeseg:/usr/sbin/nologin$", passwd)
    places = UNITS / "tmpfiles.d" / "edgeseg.conf"
    done = subprocess.run(
        ["systemd-tmpfiles", "--create", f"--root={tmp_path}", str(places)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, (tmp_path / "var" / "lib" / "edgeseg").is_dir()) == (0, True), done.stderr
