"""Keep code and prose as they should be.

`lint` checks style, types, spelling, phrases, and that imports respect the layers and run in no
circle.
"""
