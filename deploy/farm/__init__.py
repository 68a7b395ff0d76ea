"""The device farm: a golden set run on every tier of every device, and judged against what was accepted before.

farmfile -> jobs (device x candidate) -> runner, over `device.Device` -> cards -> verdicts -> report
"""
