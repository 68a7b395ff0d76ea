"""Model tiers: `catalogue.yaml` is the data, `catalogue` reads it."""
