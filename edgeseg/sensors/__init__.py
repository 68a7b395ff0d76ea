"""The board's sensors, read again and again while edgeseg runs: `SystemSensors` behind the port `Sensors`.

Which files there are is the probe's knowledge; these modules keep them open. `belief.py` says which are believed, and
`sampler.py` reads them in a thread of its own. Which files, and from where this is known: docs/sensors.md.
"""
