// os.urandom: this machine has no source of noise, so it is a sequence, another for each moment at
// which it is begun.
#include "py/mphal.h"
#include "py/runtime.h"

static mp_obj_t mp_os_urandom(mp_obj_t count) {
    static uint32_t state;
    vstr_t bytes;
    vstr_init_len(&bytes, mp_obj_get_int(count));
    for (size_t i = 0; i < bytes.len; i++) {
        state = (state ^ mp_hal_ticks_us()) * 1664525 + 1013904223;
        bytes.buf[i] = state >> 24;
    }
    return mp_obj_new_bytes_from_vstr(&bytes);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_os_urandom_obj, mp_os_urandom);
