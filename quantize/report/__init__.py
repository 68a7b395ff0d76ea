"""The evidence for every tier, as a page to look at and as the tables of docs/tiers.md."""
