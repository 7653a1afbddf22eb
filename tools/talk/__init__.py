"""Talk to nodes that run, over MQTT or USB.

`monitor` shows their readings, `send` gives them a command, and `bridge` carries the MQTT of a
board without a network from its serial port to a broker. `provision` gives a board its Wi-Fi.
"""
