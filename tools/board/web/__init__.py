"""`web`: a folder with a page that puts Petrel onto boards from a browser, with ESP Web Tools."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import socketserver
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tools.board.flash import check_image
from tools.make import mip
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD, ROOT

OUT = BUILD / "web"
FAMILIES = {"esp32": "ESP32", "esp32s3": "ESP32-S3", "esp32c3": "ESP32-C3", "esp8266": "ESP8266"}
ESP_WEB_TOOLS = "https://unpkg.com/esp-web-tools@10.4.0/dist/web/install-button.js?module"
IMPROV_S = 20  # from the end of the installation until the node listens, at the longest
OURS = b"node/main.py"  # how a frozen module is named in a firmware


def write(images: dict[str, Path], out: Path) -> list[str]:
    """Write the folder; images: a firmware for each board. Returns what a person has to know.

    Raises ToolError for boards that ESP Web Tools does not know, and for files that aren't theirs.
    """
    builds: list[dict[str, Any]] = []
    said = []
    for name, image in images.items():
        install = boards.load(name).install
        family = FAMILIES.get(install.get("chip", ""))
        if family is None:
            raise ToolError(
                f"ESP Web Tools can't flash {name}", f"It knows {', '.join(flashed())}."
            )
        if any(build["chipFamily"] == family for build in builds):
            raise ToolError(f"there is another board with {family}", "Name one for each chip.")
        check_image(image, install["chip"])
        if OURS not in image.read_bytes():
            said.append(
                f"{image.name} has no Petrel in it: after it, deploy with make deploy BOARD={name}"
            )
        part = {"path": f"{name}.bin", "offset": int(install["offset"], 0)}
        builds.append({"chipFamily": family, "parts": [part]})
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name, image in images.items():
        shutil.copyfile(image, out / f"{name}.bin")
    version = mip.version(ROOT)
    manifest = {
        "name": "Petrel",
        "version": version,
        "new_install_prompt_erase": False,
        "new_install_improv_wait_time": IMPROV_S,
        "builds": builds,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    page = Path(__file__).with_name("index.html").read_text()
    for key, value in (
        ("ESP_WEB_TOOLS", ESP_WEB_TOOLS),
        ("BOARDS", ", ".join(images)),
        ("VERSION", version),
    ):
        page = page.replace(f"@{key}@", value)
    (out / "index.html").write_text(page)
    return said


def flashed() -> list[str]:
    """The boards that ESP Web Tools can flash."""
    return [name for name in boards.names() if boards.load(name).install.get("chip") in FAMILIES]


def built(name: str) -> Path:
    """The firmware that `make firmware` has built for a board."""
    return BUILD / "firmware" / f"{name}.bin"


def serve(out: Path, port: int) -> socketserver.TCPServer:
    """A server of the folder on this computer; the caller runs and closes it."""
    handler = functools.partial(_Quiet, directory=str(out))
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise ToolError(f"port {port}: {error.strerror}", "Choose another: --port 8001.") from None


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""


@click.command()
@click.argument("names", metavar="BOARD...", nargs=-1, shell_complete=boards.complete)
@click.option("--firmware", help="file of a firmware, for one board  [default: what you built]")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=OUT,
    help="the folder; what an earlier run put there goes  [default: build/web]",
)  # fmt: skip
@click.option("--serve", "served", is_flag=True, help="show it on this computer, until Ctrl-C")
@click.option("--port", default=8000, show_default=True, help="where to show it; 0: a free port")
def command(
    names: Sequence[str], firmware: str | None, out: Path, served: bool, port: int
) -> None:
    """Write a page that puts Petrel onto each BOARD from a browser, with ESP Web Tools.

    The folder has the page, a manifest and a firmware for each board, from `make firmware` or
    --firmware. Put it onto any web server with HTTPS.
    """
    if not names:
        raise ToolError("which board?", f"Name one of {', '.join(flashed())}, or several.")
    if firmware and len(names) > 1:
        raise ToolError("--firmware is for one board", "Name one board, or build all of them.")
    images = {name: Path(firmware) if firmware else built(name) for name in names}
    for name, image in images.items():
        boards.load(name)
        if not image.is_file():
            raise ToolError(
                f"there is no firmware for {name}: {image}",
                f"make firmware BOARD={name} MICROPYTHON=folder builds one; or FIRMWARE=file.",
            )
    if out.exists() and not (out / "manifest.json").exists() and any(out.iterdir()):
        raise ToolError(f"{out} has other files in it", "Choose an empty folder: --out.")
    for line in write(images, out):
        click.echo(line)
    click.echo(f"written: {out}. Put it onto a web server with HTTPS, or add --serve (SERVE=1).")
    if served:
        with serve(out, port) as server:
            click.echo(f"the page is at http://127.0.0.1:{server.server_address[1]}; Ctrl-C ends")
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                click.echo()
