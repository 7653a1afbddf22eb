// Time on QEMU's mps2-an385, and sleep until something may have happened.
//
// No interrupt is ever taken: they are masked, but one that is pending ends a WFI all the same. So
// there is no handler, and no state that one shares with the rest.

#include "py/mphal.h"
#include "py/runtime.h"

#define COUNTER (*(volatile uint32_t *)0x40028018)
#define PRESCALE (*(volatile uint32_t *)0x4002801c)
#define SYSTICK_CONTROL (*(volatile uint32_t *)0xe000e010)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xe000e014)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xe000e018)
#define NVIC_ENABLE (*(volatile uint32_t *)0xe000e100)
#define NVIC_CLEAR (*(volatile uint32_t *)0xe000e280)
#define PENDING (*(volatile uint32_t *)0xe000ed04)

#define CLOCK_HZ (25000000)
#define UART_RECEIVED (0x140005) // of UART 0 to 4: interrupts 0, 2, 4, 18 and 20
#define TICK_PENDING_CLEAR (1 << 25)

static uint32_t last_us, us_of_ms, now_ms;

void board_init(void) {
    __asm volatile ("cpsid i");
    PRESCALE = CLOCK_HZ / 1000000 - 1;
    last_us = COUNTER;
    SYSTICK_RELOAD = CLOCK_HZ / 1000 - 1;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 7; // the processor's clock, an interrupt at zero, on
    NVIC_ENABLE = UART_RECEIVED;
}

// For a millisecond, or until a byte has come.
void board_sleep(void) {
    __asm volatile ("wfi");
    PENDING = TICK_PENDING_CLEAR;
    NVIC_CLEAR = UART_RECEIVED;
}

mp_uint_t mp_hal_ticks_us(void) {
    return COUNTER;
}

// To be called once in 71 minutes at least: the counter wraps.
mp_uint_t mp_hal_ticks_ms(void) {
    uint32_t us = COUNTER;
    us_of_ms += us - last_us;
    last_us = us;
    now_ms += us_of_ms / 1000;
    us_of_ms %= 1000;
    return now_ms;
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return COUNTER;
}

uint64_t mp_hal_time_ns(void) {
    return (uint64_t)mp_hal_ticks_ms() * 1000000;
}

void mp_hal_delay_us(mp_uint_t us) {
    uint32_t began = COUNTER;
    while (COUNTER - began < us) {
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    uint32_t began = mp_hal_ticks_ms();
    while (mp_hal_ticks_ms() - began < ms) {
        mp_event_wait_ms(1);
    }
}
