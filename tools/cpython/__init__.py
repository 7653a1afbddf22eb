"""Run what runs on boards here, in Python itself and without MicroPython.

`petrel node` runs a node on Linux, whose `machine` is in boards/RPI. `loader` loads the files of
lib/ as they are: each sees MicroPython's built-in modules, from `modules`, where it asks for them.
The rest of the program keeps Python's own. So a program on a computer has the same MQTT client as
a board: packages/mqtt is what it imports.
"""
