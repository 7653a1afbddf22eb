"""For programs with asyncio: reads any sensor without blocking the others."""

import asyncio


async def measure(sensor):
    """Start a sensor, let others work while it measures, and return what it says.

    Raises what its start() and read() raise.
    """
    found = sensor.start()
    while isinstance(found, int):
        await asyncio.sleep_ms(found)
        found = sensor.read()
    return found
