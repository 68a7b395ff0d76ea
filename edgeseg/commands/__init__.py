"""Commands of `edgeseg`, a file each; `cli` registers them. Thin, and what is heavy is imported when a command runs."""
