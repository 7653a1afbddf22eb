"""Serial ports: the one that is meant."""

from __future__ import annotations

from serial.tools import list_ports

from tools.shared.errors import ToolError


def plugged() -> dict[str, str]:
    """The USB serial ports: for each what tells a board there from another, as far as USB does."""
    return {
        entry.device: f"{entry.location} {entry.serial_number}"
        for entry in list_ports.comports()
        if entry.vid is not None
    }


def choose(port: str | None) -> str:
    """The port that was named, else the only USB serial port there is."""
    if port:
        return port
    found = [entry for entry in list_ports.comports() if entry.vid is not None]
    if len(found) == 1:
        return str(found[0].device)
    if not found:
        raise ToolError(
            "no board found on USB", "Plug it in, or name its port: PORT=/dev/ttyUSB0 (COM3 ...)."
        )
    shown = ", ".join(f"{entry.device} ({entry.description})" for entry in found)
    raise ToolError(f"more than one board on USB: {shown}", "choose one with PORT=")
