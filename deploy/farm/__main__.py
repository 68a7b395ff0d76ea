"""`python -m deploy.farm`."""

from deploy.farm.cli import app
from edgeseg.command import run_command

run_command(app, "farm")
