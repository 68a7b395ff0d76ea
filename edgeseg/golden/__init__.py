"""Golden sets, what is measured on them, and the score of one candidate on one of them."""
