// The port's own configuration, with what a board has that Petrel runs on, and no more.
#include "mpconfigport.h"

#undef MICROPY_PY_SELECT
#define MICROPY_PY_SELECT (1)
#undef MICROPY_PY_TIME
#define MICROPY_PY_TIME (1)
#undef MICROPY_PY_ASYNCIO
#define MICROPY_PY_ASYNCIO (1)
#define MICROPY_PY_CRYPTOLIB (0)
#define MICROPY_PY_MICROPYTHON_MEM_INFO (1)

#define MICROPY_PY_OS_URANDOM (1)
#define MICROPY_PY_OS_INCLUDEFILE "random.c"

#define MICROPY_PY_MACHINE_UART (1)
#define MICROPY_PY_MACHINE_UART_INCLUDEFILE "uarts.c"

#define MICROPY_PORT_INIT_FUNC board_init()
void board_init(void);
#define MICROPY_INTERNAL_WFE(timeout_ms) board_sleep()
void board_sleep(void);
