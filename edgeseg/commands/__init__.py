"""Groups of commands, one a file: thin typer functions that import what they need when they run."""
