# Runs after boot.py. A file named "maintenance" keeps the node from starting.
try:
    import node.main

    node.main.run()
except Exception as error:  # a file of Petrel is damaged or missing, or there is no memory for it
    import sys
    import time

    import machine

    sys.print_exception(error)
    print(
        "Petrel: the start failed, see above; it is tried again in 5 minutes. Ctrl-C stops that."
    )
    time.sleep(300)
    machine.soft_reset()
