"""Runs with azure-iot-device: what a device does, at a hub at localhost:8883. STRING CA"""

import asyncio
import sys
from pathlib import Path

from azure.iot.device import Message, MethodResponse
from azure.iot.device.aio import IoTHubDeviceClient

STRING, CA = sys.argv[1:]


async def main() -> None:
    loop = asyncio.get_running_loop()
    client = IoTHubDeviceClient.create_from_connection_string(
        STRING, server_verification_cert=Path(CA).read_text()
    )

    async def method(request) -> None:
        answer = MethodResponse.create_from_method_request(request, 200, {"ok": True})
        await client.send_method_response(answer)
        loop.call_soon_threadsafe(ended.set)

    def into(queue):  # handlers run in a loop of their own
        async def take(what) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, what)

        return take

    ended = asyncio.Event()
    messages = asyncio.Queue()
    patches = asyncio.Queue()
    client.on_method_request_received = method
    client.on_message_received = into(messages)
    client.on_twin_desired_properties_patch_received = into(patches)
    await client.connect()
    message = Message('{"value": 1}', content_encoding="utf-8", content_type="application/json")
    message.custom_properties["topic"] = "light"
    await client.send_message(message)
    twin = await client.get_twin()
    await client.patch_twin_reported_properties({"version": str(twin["desired"]["$version"])})
    print("ready", flush=True)
    print((await messages.get()).data.decode(), flush=True)
    print((await patches.get())["interval"], flush=True)
    await ended.wait()
    await asyncio.sleep(0.5)
    await client.shutdown()


asyncio.run(main())
