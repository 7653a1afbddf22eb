# What the port freezes by itself, Petrel, and the facts of this board, which
# make build BOARD=RPI_PICO_W writes.
include("$(PORT_DIR)/boards/manifest.py")
include("../../firmware/manifest.py")
module("board.py", base_path="../../build/generated/RPI_PICO_W")
