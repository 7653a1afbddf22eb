"""Home Assistant itself: run by the interpreter that it is installed for.

    python inside.py FOLDER PORT [PAGE]

FOLDER keeps its registries from one start to the next, PORT is the broker's on this computer. PAGE
is the port for its web page, which otherwise isn't there. Each line of stdin is an order as JSON,
each line of stdout the answer; the first one says that it runs.
"""

# mypy: ignore-errors

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from homeassistant import bootstrap, config_entries, core, core_config, loader, setup
from homeassistant.const import __version__
from homeassistant.helpers import device_registry, entity_registry, service

SHOWN = ("unit_of_measurement", "device_class", "state_class")


class Log(logging.Handler):
    """Keeps what is a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, unless it is about how this very file starts Home Assistant."""
        if record.name == "homeassistant.helpers.frame":
            return
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


class Inside:
    """One run of Home Assistant; a method for each order."""

    def __init__(self, hass: core.HomeAssistant, log: Log) -> None:
        self.hass = hass
        self.log = log

    async def states(self) -> dict[str, Any]:
        """The state of every entity, with its attributes."""
        await self.hass.async_block_till_done()
        return {each.entity_id: each.as_dict() for each in self.hass.states.async_all()}

    async def entities(self) -> dict[str, Any]:
        """What the registry knows of every entity."""
        found = entity_registry.async_get(self.hass).entities
        return {
            name: {
                "unique_id": each.unique_id,
                "category": each.entity_category and str(each.entity_category),
                "class": each.original_device_class and str(each.original_device_class),
                "icon": each.original_icon,
                "name": each.original_name,
            }
            for name, each in found.items()
        }

    async def devices(self) -> list[dict[str, Any]]:
        """Every device."""
        keys = ("id", "name", "manufacturer", "model", "sw_version")
        registry = device_registry.async_get(self.hass)
        found = device_registry.async_entries_for_config_entry(registry, "petrel")
        return [{key: getattr(each, key) for key in keys} for each in found]

    async def login(self, page: str) -> dict[str, Any]:
        """A new user, as the page keeps one who has logged in."""
        user = await self.hass.auth.async_create_user("Ann", group_ids=["system-admin"])
        refresh = await self.hass.auth.async_create_refresh_token(user, f"{page}/")
        return {
            "access_token": self.hass.auth.async_create_access_token(refresh),
            "refresh_token": refresh.token,
            "token_type": "Bearer",
            "expires_in": 1800,
            "expires": 1000 * (time.time() + 1800),
            "hassUrl": page,
            "clientId": f"{page}/",
        }

    async def warnings(self) -> list[str]:
        """What was logged as a warning or worse."""
        return self.log.lines

    async def call(self, domain: str, service: str, **data: Any) -> None:
        """Call a service, as a press on the screen does."""
        await self.hass.services.async_call(domain, service, data, blocking=True)


async def show(hass: core.HomeAssistant, folder: Path, page: int) -> None:
    """Serve the page; nobody has to set it up first."""
    done = {"done": ["user", "core_config", "analytics", "integration"]}
    kept = {"version": 4, "minor_version": 1, "key": "onboarding", "data": done}
    (folder / ".storage").mkdir(exist_ok=True)
    (folder / ".storage/onboarding").write_text(json.dumps(kept))
    await core_config.async_process_ha_core_config(hass, {"name": "Home", "language": "en"})
    parts = ("fan", "light", "siren", "valve")  # of all the others not everything is installed
    service._base_components = lambda: {
        part: importlib.import_module(f"homeassistant.components.{part}") for part in parts
    }
    about = {"http": {"server_host": "127.0.0.1", "server_port": page}, "frontend": {}}
    for part in about:
        if not await setup.async_setup_component(hass, part, about):
            raise RuntimeError(f"{part} can't be set up")


async def start(folder: Path, port: int, page: int) -> core.HomeAssistant:
    """Start it, with its MQTT integration alone."""
    folder.mkdir(exist_ok=True)
    (folder / "configuration.yaml").touch()
    # That of the start before is added again, by the same id: the registries go on.
    (folder / ".storage/core.config_entries").unlink(missing_ok=True)
    hass = core.HomeAssistant(str(folder))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    await bootstrap.async_load_base_functionality(hass)
    if page:
        await show(hass, folder, page)
    else:
        for part in ("http", "file_upload"):  # which MQTT asks for, and does not need here
            hass.config.components.add(part)
    wanted = inspect.signature(config_entries.ConfigEntry.__init__).parameters
    about = {
        "version": 1, "minor_version": 2, "domain": "mqtt", "title": "broker",
        "data": {"broker": "127.0.0.1", "port": port}, "options": {}, "source": "user",
        "unique_id": None, "discovery_keys": MappingProxyType({}), "subentries_data": None,
        "entry_id": "petrel",
    }  # fmt: skip
    entry = config_entries.ConfigEntry(**{key: about[key] for key in about if key in wanted})
    await hass.config_entries.async_add(entry)
    await hass.async_start()
    return hass


async def main() -> None:
    """Start, obey until stdin ends, and stop."""
    log = Log()
    logging.getLogger().addHandler(log)
    hass = await start(Path(sys.argv[1]), *map(int, [*sys.argv[2:], 0][:2]))
    inside = Inside(hass, log)
    print(json.dumps(__version__), flush=True)
    while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        name, data = json.loads(line)
        method: Callable[..., Any] = getattr(inside, name)
        try:
            said = {"said": await method(**data)}
        except Exception as error:  # whatever it is, the test has to see it
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said, default=str), flush=True)
    await hass.async_stop(force=True)


if __name__ == "__main__":
    asyncio.run(main())
