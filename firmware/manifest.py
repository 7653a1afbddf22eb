# Freezes Petrel into MicroPython firmware. A board's manifest includes this one, and is used so:
#   make -C ports/esp32 BOARD=ESP32_GENERIC FROZEN_MANIFEST=.../boards/ESP32_GENERIC/manifest.py
metadata(description="Petrel, sensor firmware")
package("mqtt", base_path="../lib")
package("sensors", base_path="../lib")
package("node", base_path="../lib")
module("boot.py")
module("main.py")
module("stage.py")
