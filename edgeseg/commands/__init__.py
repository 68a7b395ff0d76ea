"""Commands, one or a few that belong together a file: thin typer functions that import what they need when they run."""
