"""`flash`: MicroPython itself onto a board, with esptool or in the board's own way."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

import click

from tools.shared import boards
from tools.shared.boards import Board
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD
from tools.shared.ports import choose
from tools.shared.process import popen

IMAGE_MAGIC = 0xE9  # first byte of an ESP image
CHIP_ID = {"esp32": 0, "esp32s3": 9, "esp32c3": 5}  # bytes 12 and 13 of one
APP_MAGIC = 0xABCD5432  # bytes 32 to 35 of an application without bootloader and partitions
ESP8266_IRAM = range(0x40100000, 0x40108000)  # where an ESP8266 image begins to run: bytes 4 to 7

HALF_WRITTEN = "the flash may be half written, and the board then does not start"
AGAIN = "check the cable and run the same command again; BAUD=115200 is slower and safer"
MEANINGS = [  # words of esptool's, what they mean, what to do next
    (
        "Use --force",
        "esptool refused {firmware}, see above; nothing was changed on the board",
        "Use the firmware for exactly this board.",
    ),
    (
        "Could not open",
        "can't open {port}",
        "Is the board plugged in, and is no other program using the port? PORT= names another.",
    ),
    (
        "Failed to connect",
        "no answer from the board on {port}",
        "Hold BOOT (GPIO0 to GND) while it connects. Try another cable, one with data lines.",
    ),
]

# A name of MicroPython's that is in a firmware with a ROMFS, and in no other.
ROMFS_NAME = b"rom_ioctl"

BY_HAND = {
    "dfu": [
        "connect P1 (DFU) to 3V3 and press RST",
        "install dfu-util, then: dfu-util --alt 0 -D FIRMWARE.dfu",
        "remove the wire and press RST",
    ],
    "mboot": [
        "hold USR and press RST; release USR when the LED is white (the fourth colour)",
        "install dfu-util, then: dfu-util --alt 0 -D FIRMWARE.dfu",
        "press RST",
    ],
    "uf2": [
        "hold BOOTSEL while you plug the board in: a drive RPI-RP2 appears",
        "copy FIRMWARE.uf2 onto that drive; the board restarts by itself",
    ],
}


def esptool(board: Board, port: str, firmware: str, erase: bool, baud: int) -> list[str]:
    """The command that flashes a board. It erases after its own checks."""
    install = board.install
    command = [sys.executable, "-m", "esptool", "--chip", install["chip"], "--port", port]
    command += ["--baud", str(baud), "write-flash", *(["--erase-all"] if erase else [])]
    return [*command, *install.get("extra", []), install["offset"], firmware]


def check_image(path: Path, chip: str) -> None:
    """Refuse a file that is no image for this chip, before anything is erased."""
    try:
        with path.open("rb") as file:
            head = file.read(36)
    except OSError as error:
        raise ToolError(f"can't read {path}: {error.strerror}", "FIRMWARE=file.bin") from error
    if len(head) < 36 or head[0] != IMAGE_MAGIC:
        raise ToolError(
            f"{path} is not an ESP firmware", "it should be the .bin from the board's page"
        )
    if chip == "esp8266":
        good = int.from_bytes(head[4:8], "little") in ESP8266_IRAM
    else:
        good = int.from_bytes(head[12:14], "little") == CHIP_ID[chip]
    if not good:
        raise ToolError(f"{path} is not for {chip}", "Use the firmware for exactly this board.")
    if chip != "esp8266" and int.from_bytes(head[32:36], "little") == APP_MAGIC:
        raise ToolError(
            f"{path} is an update (.app-bin), without the bootloader: the board would not start",
            "Use the .bin from the board's page.",
        )


def without_romfs(path: Path, board: Board) -> str:
    """What to say of a firmware that has no ROMFS, while another build for the board has one."""
    if not board.romfs_variant or ROMFS_NAME in path.read_bytes():
        return ""
    return (
        f"{path.name} has no ROMFS. Petrel works with it, but its code then takes RAM, of which "
        f"this board has little. With the variant {board.romfs_variant} it stays in the flash: "
        f"{board.install['page']}"
    )


def run(command: list[str]) -> str | None:
    """Run esptool, its output shown as it comes; returns its complaints if it failed."""
    said = []
    with popen(command, stderr=subprocess.PIPE) as process:
        for line in process.stderr or ():
            click.echo(line, nl=False, err=True)
            said.append(line)
    return "".join(said) if process.returncode else None


def explain(said: str, board: Board, port: str, firmware: str) -> ToolError:
    """What esptool's complaints mean: what failed, what became of the board, what to do next."""
    if other := re.search(r"This chip is (\S+), not", said):
        chip = other[1].lower().replace("-", "")
        fitting = [
            name for name in boards.names() if boards.load(name).install.get("chip") == chip
        ]
        return ToolError(
            f"the board on {port} is an {other[1]}, not an {board.id}; nothing was changed on it",
            f"choose BOARD={' or '.join(fitting)}, with its firmware, or another PORT="
            if fitting
            else "choose another PORT=; Petrel does not know this chip",
        )
    if flash := re.search(r"will not fit in (\d+) bytes", said):
        offset = board.install["offset"]
        return ToolError(
            f"{firmware} is too large: {Path(firmware).stat().st_size} bytes, and from {offset} on"
            f" there are {int(flash[1]) - int(offset, 0)}; nothing was changed on the board",
            "Use a smaller variant from the board's page, or a board with more flash.",
        )
    for words, what, next_step in MEANINGS:
        if words in said:
            return ToolError(what.format(port=port, firmware=firmware), next_step)
    return ToolError(f"esptool failed on {port}: {HALF_WRITTEN}", AGAIN)


def download(url: str) -> Path:
    """Fetch a firmware into build/firmware/; once."""
    target = BUILD / "firmware" / url.rsplit("/", 1)[-1]
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            partial.write_bytes(answer.read())
    except (OSError, ValueError) as error:  # ValueError: it is no address
        cause = getattr(error, "reason", error)
        why = getattr(cause, "strerror", None) or cause
        raise ToolError(f"{url}: {why}", "Download it yourself and pass FIRMWARE=file.") from error
    partial.rename(target)
    return target


@click.command()
@click.argument("board", shell_complete=boards.complete)
@click.option("--port", help="serial port  [default: the only one plugged in]")
@click.option("--firmware", help="file or address of the firmware")
@click.option("--no-erase", is_flag=True, help="keep everything else on the flash")
@click.option(
    "--baud", default=460800, show_default=True, type=click.IntRange(min=1200),
    help="speed of the serial port",
)  # fmt: skip
@click.option(
    "--dry-run", is_flag=True, help="check the file and print the command, but do nothing"
)
def command(
    board: str, port: str | None, firmware: str | None, no_erase: bool, baud: int, dry_run: bool
) -> None:
    """Put MicroPython onto BOARD: esptool erases its flash, then writes and verifies it."""
    facts = boards.load(board)
    install = facts.install
    if install["tool"] == "none":
        raise ToolError(
            f"{board} is the simulated board, and has no flash",
            "Name your board: make flash BOARD=ESP32_GENERIC. make sim runs the simulated one.",
        )
    address = firmware and "://" in firmware
    if firmware and not address and not Path(firmware).is_file():
        raise ToolError(
            f"there is no file {firmware}", "Name the firmware that you downloaded: FIRMWARE=file"
        )
    if install["tool"] != "esptool":
        click.echo(f"You flash {board} by hand. Get the firmware from\n"
                   f"  {install['page']}\nand then")  # fmt: skip
        for number, what in enumerate(BY_HAND[install["tool"]], 1):
            click.echo(f"  {number}. {what}")
        return
    if not firmware and not dry_run:
        variant = facts.romfs_variant
        raise ToolError(
            f"which firmware? {board}'s is at {install['page']}",
            f"Take the variant {variant}: Petrel's code stays in its flash, and the RAM is the "
            "node's. Download its newest release (.bin) and pass FIRMWARE=file, or its address."
            if variant
            else "Download the newest release (.bin) and pass FIRMWARE=file, or its address.",
        )
    if firmware and address and not dry_run:
        firmware = str(download(firmware))
    if firmware and not (address and dry_run):
        check_image(Path(firmware), install["chip"])
        if said := without_romfs(Path(firmware), facts):
            click.echo(said)
    shown = firmware or "FIRMWARE.bin"
    where = port or "PORT" if dry_run else choose(port)
    step = esptool(facts, where, shown, not no_erase, baud)
    click.echo("$ " + shlex.join(["esptool", *step[3:]]))
    if dry_run:
        return
    try:
        complaints = run(step)
    except KeyboardInterrupt:
        click.echo(f"\nstopped: {HALF_WRITTEN}; run the same command again", err=True)
        raise
    if complaints is not None:
        raise explain(complaints, facts, where, shown)
    click.echo(f"done; now: make deploy BOARD={board} PORT={where}")
