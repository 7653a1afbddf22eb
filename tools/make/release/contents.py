"""The files of a release: a bundle and an image for each board, a mip index, notes, checksums.

Nothing in them depends on the time, the machine or the order of a folder. Bundles are not
compressed: what deflate makes of the same bytes differs between versions of zlib.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tools.make.compile import compile_all, modules
from tools.make.names import short
from tools.make.package import build, files
from tools.make.romfs import romfs
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD, LIB

SUMS = "SHA256SUMS"
NOTES = "RELEASE_NOTES.md"
INDEX = "mip"
MPY = 6  # the version of .mpy files, of MicroPython 1.19 and later; mip asks for it by this number
ALONE = ("mqtt", "sensors")  # of lib/: what another project may want without the node
_HASH = 16  # characters of a hash in the index; mip compares as many as there are
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can say


def fill(
    out: Path, version: str, notes: str, say: Callable[[str], None] = lambda words: None
) -> None:
    """Make all files of a release in an empty folder. say: is told what is being made."""
    packages = {}
    images = {}
    for name in (each for each in boards.names() if each != "UNIX"):
        say(f"{name}: compiling")
        built = build(name, quiet=True)
        packages[f"petrel-{name.lower().replace('_', '-')}"] = built / "lib"
        bundle(built, out / f"petrel-{version}-{name}.zip")
        if fact := boards.load(name).petrel.get("romfs"):
            image = romfs(built / "lib", out / f"petrel-{version}-{name}.romfs")
            _fits(name, image, fact)
            images[name] = fact["firmware"]
    for name in ALONE:
        say(f"{name}: compiling")
        packages[f"petrel-{name}"] = alone(name)
    say("the index for mip")
    index(out / INDEX, packages, version)
    (out / NOTES).write_text(release_notes(version, notes, images, list(packages)))
    sums(out)


def bundle(built: Path, out: Path) -> None:
    """A zip file of what belongs onto a board."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in files(built):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, (built / name).read_bytes())


def alone(name: str) -> Path:
    """A folder of lib/ compiled for any board: with line numbers, for a traceback to tell them."""
    out = BUILD / "release" / "alone" / name
    # With the names of a bundle: a board may have files of both.
    compile_all(modules(LIB / name, f"{name}/"), out, text=short)
    return out


def index(out: Path, packages: Mapping[str, Path], version: str) -> None:
    """What `mip install` asks a server for: a list of files for each package, and the files.

    A list is found by the package's name with --index, or by its own address. Files are stored
    under their hashes, so those that packages share are there once.
    """
    for name, folder in packages.items():
        hashes, urls = [], []
        for path in sorted(folder.rglob("*.mpy")):
            content = path.read_bytes()
            short = hashlib.sha256(content).hexdigest()[:_HASH]
            stored = out / "file" / short[:2] / short
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.write_bytes(content)
            target = path.relative_to(folder).as_posix()
            hashes.append([target, short])
            urls.append([target, f"file/{short[:2]}/{short}"])
        for at in (version, "latest"):
            _put(out / "package" / str(MPY) / name / f"{at}.json", version, hashes=hashes)
        _put(out / f"{name}.json", version, urls=urls)


def _put(path: Path, version: str, **what: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"v": 1, "version": version, "deps": [], **what}, indent=1) + "\n")


def release_notes(version: str, notes: str, images: Mapping[str, str], packages: list[str]) -> str:
    """The changelog's section, and what the files are for."""
    name = f"petrel-{version}-BOARD"
    lines = [
        f"# Petrel {version}",
        "",
        notes,
        "",
        "## Files",
        "",
        f"- `{name}.zip`: what belongs onto a board. Unpack it in an empty folder, and",
        "  copy it from there with `mpremote fs cp -r . :`, or onto a Pyboard's drive.",
        f"- `{name}.romfs`: the same code for a ROMFS, where it takes the least RAM. Remove an",
        "  earlier `lib` folder, copy `boot.py`, `main.py` and `board.txt` from the zip, then",
        f"  `mpremote romfs deploy {name}.romfs`. It needs a firmware that has a ROMFS:",
        *(f"    - {board}: {firmware}" for board, firmware in images.items()),
        f"- `{INDEX}/`: an index for `mpremote mip install`. Put it on a web server as it is. It",
        "  has these packages:",
        *(f"    - {package}" for package in packages),
        f"- `{SUMS}`: `sha256sum -c {SUMS}` checks what you downloaded.",
    ]
    return "\n".join(lines) + "\n"


def sums(out: Path) -> None:
    """The checksums of all files, as `sha256sum -c` reads them."""
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out).as_posix()}\n"
        for path in paths
    ]
    (out / SUMS).write_text("".join(lines))


def _fits(name: str, image: Path, fact: Mapping[str, Any]) -> None:
    size, room = image.stat().st_size, fact.get("bytes")
    if room and size > room:
        raise ToolError(
            f"the image for {name} has {size:,} bytes; its ROMFS takes {room:,}",
            "Make lib/ smaller, or take romfs out of the board's board.json.",
        )
