"""MicroPython's built-in modules, made of Python's: what lib/ gets when it imports them.

Each has what MicroPython's has beyond Python's, and what differs. All else is Python's own.
"""
