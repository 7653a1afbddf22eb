# What the port freezes by itself, Petrel, and the facts of this board, which
# make build BOARD=PYBD_SF2 writes.
include("$(PORT_DIR)/boards/manifest.py")
include("../../firmware/manifest.py")
module("board.py", base_path="../../build/generated/PYBD_SF2")
