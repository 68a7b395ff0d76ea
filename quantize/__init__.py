"""The workstation side of tiers: from pinned models to files that devices run, with evidence for each."""
