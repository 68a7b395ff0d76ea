"""Measuring this device's candidates: each in the product's own line, most promising first, in a bounded time."""
