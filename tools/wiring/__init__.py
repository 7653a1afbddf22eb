"""Wire parts to a board.

`wiring` draws the wires of a config. What a part is, which pins suit its driver, and an entry of
the config for it are here too; the playground and the sensors' pages ask for them.
"""
