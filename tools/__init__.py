"""The host program: `python -m tools COMMAND`, for people mostly through the Makefile."""
