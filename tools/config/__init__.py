"""Check a config before it is on a board.

`check` says what is wrong with a config and what to write instead: its keys and pins, its
certificates, and whether the whole node fits into the board's heap. The check itself is the one
that runs on the board; this is the host's side of it. `battery` estimates how long a
config lasts on a battery.
"""
