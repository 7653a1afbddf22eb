"""A Raspberry Pi Pico in an emulator: real MicroPython, with the models of tools.play.sim."""

from tools.lab.emulator.pico import Pico

__all__ = ["Pico"]
