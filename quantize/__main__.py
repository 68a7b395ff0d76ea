"""`python -m quantize`."""

from edgeseg.command import run_command
from quantize.cli import app

run_command(app, "quantize")
