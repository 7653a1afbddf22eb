# Freezes what the port itself does, Petrel, and the facts of this board, which
# make build BOARD=ESP32_GENERIC_S3 writes (with FACTORY=file also a config).
include("$(PORT_DIR)/boards/manifest.py")
include("../../firmware/recovery/manifest.py")
include("../../firmware/manifest.py")
module("board.py", base_path="../../build/generated/ESP32_GENERIC_S3")
