"""Petrel on real MicroPython firmware, in emulated chips: a Pico, and a bare Cortex-M3."""
