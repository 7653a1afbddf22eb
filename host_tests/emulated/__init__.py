"""Petrel on emulated processors: firmware as a board runs it, without an operating system."""
