# Freezes what the port itself does, Petrel, and the facts of this board, which
# make build BOARD=PYBV11 writes.
include("$(PORT_DIR)/boards/manifest.py")
include("../../firmware/manifest.py")
module("board.py", base_path="../../build/generated/PYBV11")
