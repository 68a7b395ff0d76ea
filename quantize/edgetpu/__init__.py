"""Files for Coral's Edge TPU compiler, and what it would make of them."""
