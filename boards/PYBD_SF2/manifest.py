# Freezes what stock firmware of this board does, Petrel, and the facts of this board, which
# make build BOARD=PYBD_SF2 writes.
include("$(BOARD_DIR)/manifest.py")
include("../../firmware/manifest.py")
module("board.py", base_path="../../build/generated/PYBD_SF2")
