"""The tools of a workstation that bring edgeseg to devices and check it there; used from a checkout."""
