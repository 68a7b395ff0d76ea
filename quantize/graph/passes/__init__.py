"""Small named steps from one graph to another that computes the same; each changes the graph it is given."""
