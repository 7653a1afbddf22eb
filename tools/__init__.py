"""The host program: `python -m tools COMMAND`, which people usually call by the Makefile."""
