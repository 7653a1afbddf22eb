"""A board's ROMFS: what is in it, whether Petrel can go there, and how an image gets there.

Bytecode in a ROMFS is used where it stands, which leaves a node much more RAM. MicroPython mounts
it at /rom before anything runs. A broken ROMFS may hang the board right there, so the three bytes
that make it one are written last: until then the board has no ROMFS, and starts without.

boot.py and main.py have to be on the file system: MicroPython looks for them nowhere else. The
rest may be in the ROMFS, but not in part: a package is one folder, and the first on sys.path that
has its name counts. So what an earlier deploy put below lib/ goes, with its folders.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.make.romfs import romfs

ENTRY = "/rom"  # the ROMFS in a deploy's steps and in its record
MODES = ("auto", "files", "romfs")
_LIB = "lib/"
# Bytes that travel at a time: the board holds them twice, in a heap of 38 KB. Every kind of flash
# can be written in pieces of this size.
CHUNK = 2048
_MAGIC = b"\xd2\xcd1"
_ERASED = b"\xff"
_SECTOR = 4096  # to be erased so that nothing is valid any more
_PAGE = 256  # what a flash can write at least


@dataclass(frozen=True)
class Rom:
    """The ROMFS of a board.

    size: bytes; digest: of what is in it, "" if nothing valid is
    ours: it is Petrel, or nothing
    """

    size: int
    digest: str = ""
    ours: bool = True


# Runs on the board. `rom` is its first ROMFS, None if it has none: a block device where the flash
# has a table of partitions, a memoryview elsewhere. held() tells what is in it, as Rom does.
FIND = """
rom = None
try:
    import vfs
    if vfs.rom_ioctl(1) > 0:
        rom = vfs.rom_ioctl(2, 0)
        memoryview(rom)
except (ImportError, AttributeError, OSError, TypeError):
    rom = None
def held():
    view = memoryview(rom)
    if bytes(view[:3]) != b"\\xd2\\xcd1":
        return len(view), 1, ""
    size, at = 0, 2
    while at < 8:
        at += 1
        size = size << 7 | view[at] & 127
        if view[at] < 128:
            break
    size += at + 1
    if size > len(view):
        return len(view), 1, ""
    from binascii import hexlify
    from hashlib import sha256
    found = sha256()
    for at in range(0, size, 512):
        found.update(view[at:min(at + 512, size)])
    try:
        vfs.VfsRom(rom).stat("node/main.mpy")
        ours = 1
    except OSError:
        ours = 0
    return len(view), ours, hexlify(found.digest()).decode()[:16]
"""

# Runs on the board before it gets an image. A negative answer is an error number.
_WRITER = """
from binascii import a2b_base64
try:
    vfs.umount("/rom")
except OSError:
    pass
block = rom.ioctl(5, 0) if hasattr(rom, "ioctl") else 0
def checked(answer):
    if answer is not None and answer < 0:
        raise OSError(-answer)
def erase(size):
    unit = block or vfs.rom_ioctl(6, 0)
    if unit <= 0:
        checked(vfs.rom_ioctl(3, 0, size))
    else:
        for at in range(0, size, unit):
            checked(rom.ioctl(6, at // unit) if block else vfs.rom_ioctl(3, 0, at, unit))
    print("rom erased")
def write(at, text):
    if block:
        checked(rom.writeblocks(at // block, a2b_base64(text), at % block))
    else:
        checked(vfs.rom_ioctl(4, 0, at, a2b_base64(text)))
    print("rom", at)
def finish(digest):
    global rom
    if not block:
        vfs.rom_ioctl(5, 0)
        rom = vfs.rom_ioctl(2, 0)
    if held()[2] != digest:
        erase(block or 4096)
        raise OSError("the flash does not hold what was written to it")
    print("rom complete")
"""


def programs(image: bytes) -> Iterator[str]:
    """What a board has to run, one after the other, to hold that image; b"" empties its ROMFS.

    Each but the first prints a line that begins with "rom".
    """
    yield FIND + _WRITER
    pieces = range(0, len(image), CHUNK)
    yield f"erase({max(CHUNK * len(pieces), _SECTOR)})"
    if not image:
        return
    unmarked = _ERASED * len(_MAGIC) + image[len(_MAGIC) :]
    for at in pieces:
        yield _write(at, unmarked[at : at + CHUNK].ljust(CHUNK, _ERASED))
    # A second time, with the same bits where there are any: so no kind of flash changes them.
    yield _write(0, image[:_PAGE].ljust(_PAGE, _ERASED))
    yield f"finish({digest(image)!r})"


def _write(at: int, data: bytes) -> str:
    return f"write({at}, {base64.b64encode(data)!r})"


def digest(image: bytes) -> str:
    """As the board tells it of what it holds."""
    return hashlib.sha256(image).hexdigest()[:16]


def image(folder: Path, names: Iterable[str]) -> bytes:
    """The image of those files of a build that may be in a ROMFS: all below lib/."""
    with tempfile.TemporaryDirectory() as made:
        for name in in_rom(names):
            path = Path(made) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, path)
        return romfs(Path(made) / _LIB, Path(made) / "rom.img").read_bytes()


def in_rom(names: Iterable[str]) -> list[str]:
    """Those of the files of a build that may be in a ROMFS."""
    return [name for name in names if name.startswith(_LIB)]


def hidden(there: Iterable[str], built: Collection[str], before: Collection[str]) -> list[str]:
    """The files on a board that are modules of Petrel's, and not to stay beside a ROMFS.

    there: its files; built: those of this build; before: those that an earlier deploy put there
    """
    return [name for name in _in_packages(there, built) if _is_ours(name, built, before)]


def in_the_way(there: Iterable[str], built: Collection[str], before: Collection[str]) -> list[str]:
    """Files of others in the folders of Petrel's packages, which a ROMFS would hide."""
    return [name for name in _in_packages(there, built) if not _is_ours(name, built, before)]


def emptied(folders: Iterable[str], built: Collection[str]) -> list[str]:
    """The folders of Petrel's packages on a board, in the order in which they can be removed."""
    tops = _packages(built)
    ours = [folder for folder in folders if f"{folder}/".startswith(tops)]
    return sorted(ours, key=lambda folder: -folder.count("/"))


def refusal(rom: Rom, size: int, others: Collection[str], forced: bool) -> str:
    """Why an image of that size does not go into a board's ROMFS; "" if it does.

    others: the files that are in the way; forced: what else is in the ROMFS may be replaced
    """
    if size > rom.size:
        return f"its ROMFS has {rom.size:,} bytes, and {size:,} are needed"
    if others:
        return (
            f"a ROMFS would hide {', '.join(sorted(others))}, which a deploy did not put there. "
            "Move that into the same folder of this checkout, remove it from the board (mpremote "
            "fs rm), and deploy again"
        )
    if not (rom.ours or forced):
        return "its ROMFS holds something else, which MODE=romfs replaces"
    return ""


def _packages(built: Iterable[str]) -> tuple[str, ...]:
    """The folders of the packages of a build, such as "lib/mqtt/"."""
    parts = {tuple(name.split("/")[:2]) for name in in_rom(built) if name.count("/") > 1}
    return tuple(sorted("/".join(part) + "/" for part in parts))


def _in_packages(there: Iterable[str], built: Collection[str]) -> list[str]:
    tops, modules = _packages(built), {_module(name) for name in in_rom(built)}
    return [name for name in there if name.startswith(tops) or _module(name) in modules]


def _is_ours(name: str, built: Collection[str], before: Collection[str]) -> bool:
    module = _module(name)
    return name in before or any(
        f"{_module(each)}/".startswith(f"{module}/") for each in in_rom(built)
    )


def _module(name: str) -> str:
    """A file's path as that of its module: compiled or not, a package's own file or not."""
    return name.removesuffix(".mpy").removesuffix(".py").removesuffix("/__init__")
