"""For programs with asyncio: reads any sensor without blocking the others."""

import asyncio


async def measure(sensor):
    """Start a sensor, let others work while it measures, and return what it says.

    Raises what its start() and read() raise.
    """
    ms = sensor.start()
    if ms:
        await asyncio.sleep_ms(ms)
    return sensor.read()
