# Freezes what stock firmware of this board does, Petrel, and the facts of this board, which
# make build BOARD=ESP8266_GENERIC writes (with FACTORY=file also a config).
include("$(BOARD_DIR)/manifest_2MiB.py")
include("../../firmware/recovery/manifest.py")
include("../../firmware/manifest.py")
module("board.py", base_path="../../build/generated/ESP8266_GENERIC")
