# What every board's firmware has built in, and image.py. Petrel itself comes in an image.
include("$(MPY_DIR)/extmod/asyncio")
module("image.py")
