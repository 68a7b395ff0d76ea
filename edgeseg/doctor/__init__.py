"""`edgeseg doctor`: why it is slow, whether the accelerator is used, what is in the way, and the way out.

Checks are functions over plain values, a file an area; they open nothing. What the probe does not tell is looked at in
`outside.py`, engines are tried in `trial.py`, and `examine.py` brings all of it together.
"""
