"""Set-up: what `make setup` does before anything else can run.

It makes `.venv` and `.tools`: packages from PyPI, MicroPython's unix port and Mosquitto, unpacked
from Debian's archive where the system has none. It needs no root and nothing but python3, so these
modules use the standard library alone.
"""
