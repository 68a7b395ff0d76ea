"""Simulated boards to prove the governor on; imported by its command and tests alone."""
