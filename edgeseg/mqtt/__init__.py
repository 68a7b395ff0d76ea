"""A run in home automation, over MQTT; the extra `mqtt`. Home Assistant finds it by itself ([docs/mqtt.md])."""
