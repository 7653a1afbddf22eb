"""Try Petrel on this computer, without a board.

`demo` tells the story in half a minute, `play` is a simulated node to play with, `sim` runs one
for scripts, and `broker` runs a broker. The simulated board's other side, its parts, power and
Wi-Fi, is in sim/.
"""
