"""`firmware`: MicroPython for a board with Petrel frozen in.

For the boards that run in an emulator here, everything it takes comes from Debian's archive and
PyPI, see toolchain. For all others the port's own build is called, see ports.
"""

from tools.make.firmware.command import command

__all__ = ["command"]
