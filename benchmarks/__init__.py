"""What edgeseg costs, measured against others in one run."""
