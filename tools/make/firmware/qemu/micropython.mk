# What the port for the emulated Cortex-M3 lacks: time, and the UARTs besides the console's.
SRC_USERMOD_C += $(USERMOD_DIR)/board.c
CFLAGS_USERMOD += -I$(USERMOD_DIR)
LDFLAGS_USERMOD += -T $(USERMOD_DIR)/exidx.ld
