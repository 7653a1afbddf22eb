# Runs after boot.py. A file named "maintenance" stops the node.
try:
    import os

    if "update" in os.listdir():
        import stage as main
    else:
        import node.main as main
    main.run()
except Exception as error:  # a damaged or missing file, or too little memory
    import sys
    import time

    import machine

    sys.print_exception(error)
    print("Petrel: the start failed, see above; trying again in 5 minutes. Ctrl-C stops that.")
    time.sleep(300)
    machine.soft_reset()
