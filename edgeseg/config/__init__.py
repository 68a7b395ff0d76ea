"""What a user writes: YAML files read with the line of every value, and models that check them without I/O."""
