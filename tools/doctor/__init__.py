"""Say what is wrong with a node or a board, and what to do.

heard: asks a node over MQTT. node: judges what it told. usb: looks at a board, starts it and
listens. findings: how all of it is said, with the cures of the page on troubleshooting.
"""
