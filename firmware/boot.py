# Runs first, and always returns: whatever goes wrong, the board has a REPL and shows the reason.
try:
    import os

    if "update" in os.listdir():
        import stage as main  # chooses what to start
    else:
        import node.main as main
    main.boot()
except Exception as error:
    import sys

    sys.print_exception(error)
    print("Petrel: the boot failed:", error)
    if isinstance(error, ImportError):
        print("Petrel is not complete on this board. Deploy again.")
