"""How long a model takes, as a whole and op by op, and which ops no delegate takes."""
