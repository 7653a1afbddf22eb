"""A Raspberry Pi Pico in an emulator: real MicroPython, and tools.sim's models on its pins."""

from tools.emulator.pico import Pico

__all__ = ["Pico"]
