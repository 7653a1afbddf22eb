# Runs first, and always returns: whatever goes wrong, the board has a REPL and shows the reason.
try:
    try:
        import update.boot as main  # chooses what to start, on a board that takes updates
    except ImportError:
        import node.main as main
    main.boot()
except Exception as error:
    import sys

    sys.print_exception(error)
    print("Petrel: the boot failed:", error)
    if isinstance(error, ImportError):
        print("Petrel is not complete on this board. Deploy again.")
