// machine.UART on QEMU's mps2-an385, included by extmod/machine_uart.c: UART(1) to UART(4), always
// non-blocking (timeout=0). QEMU holds back what the UART has not taken yet: none is lost.

#include "py/mperrno.h"

typedef struct {
    volatile uint32_t data, state, control, interrupt, divider;
} registers_t;

#define TX_FULL (1)
#define RX_FULL (2)
#define TX_ON_RX_ON_RX_INTERRUPT (1 | 2 | 8)
#define RX_INTERRUPT (2)
#define CHARACTER_MS (1) // timeout_char of the Pico's port, at 115200 baud
#define MICROPY_PY_MACHINE_UART_CLASS_CONSTANTS

struct _machine_uart_obj_t {
    mp_obj_base_t base;
    registers_t *registers;
};

static const machine_uart_obj_t uarts[] = {
    {{&machine_uart_type}, (registers_t *)0x40005000},
    {{&machine_uart_type}, (registers_t *)0x40006000},
    {{&machine_uart_type}, (registers_t *)0x40007000},
    {{&machine_uart_type}, (registers_t *)0x40009000},
};

static void mp_machine_uart_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    mp_printf(print, "UART(%d)", (int)((machine_uart_obj_t *)MP_OBJ_TO_PTR(self_in) - uarts) + 1);
}

// Any baud rate is as good as another here, so the usual arguments are let pass.
static void mp_machine_uart_init_helper(machine_uart_obj_t *self, size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    self->registers->divider = 16;
    self->registers->control = TX_ON_RX_ON_RX_INTERRUPT;
}

static mp_obj_t mp_machine_uart_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    mp_int_t id = mp_obj_get_int(args[0]);
    if (id < 1 || id > (mp_int_t)MP_ARRAY_SIZE(uarts)) {
        mp_raise_ValueError(MP_ERROR_TEXT("UART 1 to 4"));
    }
    machine_uart_obj_t *self = (machine_uart_obj_t *)&uarts[id - 1];
    mp_machine_uart_init_helper(self, 0, NULL, NULL);
    return MP_OBJ_FROM_PTR(self);
}

static void mp_machine_uart_deinit(machine_uart_obj_t *self) {
    self->registers->control = 0;
}

static mp_int_t mp_machine_uart_any(machine_uart_obj_t *self) {
    return self->registers->state & RX_FULL ? 1 : 0;
}

static bool mp_machine_uart_txdone(machine_uart_obj_t *self) {
    return !(self->registers->state & TX_FULL);
}

// True if a byte is there, or comes soon after another as the bytes of a packet do.
static bool received(registers_t *r, bool another) {
    uint32_t began = mp_hal_ticks_ms();
    while (!(r->state & RX_FULL)) {
        if (!another || mp_hal_ticks_ms() - began > CHARACTER_MS) {
            return false;
        }
        mp_event_wait_ms(1);
    }
    return true;
}

static mp_uint_t mp_machine_uart_read(mp_obj_t self_in, void *into, mp_uint_t size, int *errcode) {
    registers_t *r = ((machine_uart_obj_t *)MP_OBJ_TO_PTR(self_in))->registers;
    mp_uint_t n = 0;
    while (n < size && received(r, n > 0)) {
        r->interrupt = RX_INTERRUPT;
        ((uint8_t *)into)[n++] = r->data;
    }
    if (n == 0 && size) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    return n;
}

static mp_uint_t mp_machine_uart_write(mp_obj_t self_in, const void *from, mp_uint_t size, int *errcode) {
    registers_t *r = ((machine_uart_obj_t *)MP_OBJ_TO_PTR(self_in))->registers;
    mp_uint_t n = 0;
    while (n < size && !(r->state & TX_FULL)) {
        r->data = ((const uint8_t *)from)[n++];
    }
    if (n == 0 && size) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    return n;
}

static mp_uint_t mp_machine_uart_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t flags, int *errcode) {
    registers_t *r = ((machine_uart_obj_t *)MP_OBJ_TO_PTR(self_in))->registers;
    if (request == MP_STREAM_FLUSH) {
        return 0;
    }
    if (request != MP_STREAM_POLL) {
        *errcode = MP_EINVAL;
        return MP_STREAM_ERROR;
    }
    mp_uint_t ready = 0;
    if (flags & MP_STREAM_POLL_RD && r->state & RX_FULL) {
        ready |= MP_STREAM_POLL_RD;
    }
    if (flags & MP_STREAM_POLL_WR && !(r->state & TX_FULL)) {
        ready |= MP_STREAM_POLL_WR;
    }
    return ready;
}
