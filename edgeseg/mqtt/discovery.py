"""What Home Assistant is told, so that the board appears there by itself. Pure: names in, topics and messages out.

Source: Home Assistant's documentation of the MQTT integration, "MQTT discovery".
"""

from __future__ import annotations

import json
import re
from typing import Any

from edgeseg import __version__

BLUR, COLOR = "blur", "colour"


class Topics:
    """All topics of one instance on one board."""

    def __init__(self, board: str, instance: str) -> None:
        self.id = re.sub(r"[^a-zA-Z0-9_-]", "_", f"{board}_{instance}")
        self.base = f"edgeseg/{self.id}"
        self.availability = f"{self.base}/availability"
        self.state = f"{self.base}/state"
        self.on = f"{self.base}/on/set"
        self.background = f"{self.base}/background/set"


def configs(topics: Topics, prefix: str, title: str, options: list[str]) -> dict[str, str]:
    """{topic: message}: a switch, a choice of backgrounds, sensors. options: what can be chosen."""
    device = {
        "identifiers": [f"edgeseg_{topics.id}"],
        "name": title,
        "manufacturer": "edgeseg",
        "model": "person segmentation",
        "sw_version": __version__,
    }
    entities: dict[tuple[str, str], dict[str, Any]] = {
        ("switch", "on"): {
            "name": "Show people",
            "icon": "mdi:account-eye",
            "command_topic": topics.on,
            "value_template": "{{ value_json.on }}",
        },
        ("select", "background"): {
            "name": "Background",
            "icon": "mdi:image-area",
            "command_topic": topics.background,
            "options": options,
            "value_template": "{{ value_json.background }}",
        },
        ("sensor", "status"): {"name": "Status", "icon": "mdi:camera", "value_template": "{{ value_json.status }}"},
        ("sensor", "fps"): {
            "name": "Frame rate",
            "unit_of_measurement": "fps",
            "state_class": "measurement",
            "icon": "mdi:speedometer",
            "value_template": "{{ value_json.fps }}",
        },
        ("sensor", "temperature"): {
            "name": "Temperature",
            "device_class": "temperature",
            "unit_of_measurement": "°C",
            "state_class": "measurement",
            "value_template": "{{ value_json.temperature }}",
        },
        ("sensor", "power"): {
            "name": "Power",
            "device_class": "power",
            "unit_of_measurement": "W",
            "state_class": "measurement",
            "value_template": "{{ value_json.power }}",
        },
    }
    made = {}
    for (kind, name), entity in entities.items():
        whole = {
            **entity,
            "unique_id": f"edgeseg_{topics.id}_{name}",
            "object_id": f"edgeseg_{topics.id}_{name}",
            "state_topic": topics.state,
            "availability_topic": topics.availability,
            "device": device,
        }
        made[f"{prefix}/{kind}/edgeseg_{topics.id}/{name}/config"] = json.dumps(whole, ensure_ascii=False)
    return made


def message(now: dict[str, Any], settings: dict[str, Any] | None, titles: dict[str, str]) -> str:
    """The state as it is published. now: as `state` has it. titles: of the gallery's pictures, by id.

    What is not known is "None", which Home Assistant shows as unknown.
    """
    background = None
    if settings is not None:
        mode = settings["mode"]
        background = titles.get(settings["background"] or "") if mode == "image" else {"color": COLOR}.get(mode, mode)
    return json.dumps(
        {
            "on": "ON" if settings is None or settings["on"] else "OFF",
            "background": background,
            "status": now["status"],
            "sentence": now["sentence"],
            "line": now["line"],
            "fps": now["fps"],
            "temperature": now["temp_c"],
            "power": now["power_w"],
            "memory_mb": now["memory_mb"],
        },
        ensure_ascii=False,
    )


def titles_of(items: list[tuple[str, str]]) -> dict[str, str]:
    """{id: title} of (id, title) pairs, each title only once."""
    taken = {BLUR, COLOR}
    made: dict[str, str] = {}
    for name, title in items:
        shown, number = title, 2
        while shown in taken:
            shown, number = f"{title} ({number})", number + 1
        taken.add(shown)
        made[name] = shown
    return made
