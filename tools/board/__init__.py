"""Get Petrel onto a board, and look inside it.

`flash` puts MicroPython there, `deploy` and `usb` copy Petrel, and choose what fits; `repl` opens
the board's prompt.
"""
