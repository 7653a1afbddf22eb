"""For asyncio programs: read any sensor without blocking other tasks."""

import asyncio


async def measure(sensor):
    """Start a sensor, let other tasks run while it measures, and return its values.

    Raises what its start() and read() raise.
    """
    found = sensor.start()
    while isinstance(found, int):
        await asyncio.sleep_ms(found)
        found = sensor.read()
    return found
