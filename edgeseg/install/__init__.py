"""The service put on a machine, changed for another release, and taken away again; the standard library alone.

So a bare machine can run it from inside the wheel: `sudo PYTHONPATH=edgeseg-1.0-py3-none-any.whl python3 -m
edgeseg.install`. A release is a venv that belongs to one version. All that root reads here to act on lies in
/opt/edgeseg, where only root writes; /var/lib/edgeseg belongs to the service.
"""
