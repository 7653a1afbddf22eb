"""Set-up: makes .venv and .tools, once, with what every other target needs.

Run by the system's python3 before anything is installed, so it uses the standard library alone.
Each step leaves a stamp that names what it was made from; a step whose stamp still fits is done.
What is downloaded is put in place only when it is complete, and tried once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import debian  # noqa: E402
from tools.errors import ToolError  # noqa: E402
from tools.paths import MICROPYTHON, MOSQUITTO, TOOLS, VENV  # noqa: E402

OLDEST = (1, 24)  # MicroPython
SUITES = ("sid", "trixie")  # Debian's suites that have MicroPython, the best first
STUBS_VERSION = "1.29.0.post1"
STUB_PORTS = ("esp32", "esp8266", "stm32")
BROKER_NOTE = "make demo can use amqtt from PyPI instead; the tests need Mosquitto"


def main() -> int:
    """Do every step that is not done; returns the exit status."""
    if sys.version_info < (3, 11):  # noqa: UP036  # whatever python3 happens to be
        print(f"error: Python {sys.version.split()[0]} is too old; Petrel's tools need 3.11")
        return 1
    TOOLS.mkdir(exist_ok=True)
    steps: list[tuple[str, str, Callable[[], str]]] = [
        ("host packages", _digest("requirements.txt"), host_packages),
        ("MicroPython, 64 bit", "1", micropython64),
        ("MicroPython, 32 bit", "1", micropython32),
        ("Mosquitto", "1", mosquitto),
        ("type stubs of the boards", STUBS_VERSION, stubs),
    ]
    with (TOOLS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        todo = [step for step in steps if not _is_done(step[0], step[1])]
        for number, (name, made_from, make) in enumerate(todo, 1):
            began = time.monotonic()
            print(f"set-up {number}/{len(todo)}: {name} ... ", end="", flush=True)
            try:
                found = make()
            except ToolError as error:
                print("failed")
                print(f"error: {error.message}\n  {error.hint}", file=sys.stderr)
                return 1
            _stamp(name).write_text(made_from)
            print(f"{found} ({time.monotonic() - began:.0f} s)", flush=True)
        if todo:
            print("set-up is complete; make help lists what there is to do")
    return 0


# --- the steps; each returns what it found or made, in a few words


def host_packages() -> str:
    """The virtual environment with the pinned packages."""
    if not (VENV / "bin" / "python").exists() or not _pip_works():
        _make_venv()
    _pip("install", "-r", "requirements.txt")
    return f"in {VENV.name}"


def micropython64() -> str:
    """The unix port for this machine: the system's where it is new enough, else Debian's."""
    own = shutil.which("micropython")
    if own and _micropython_version(own) >= OLDEST:
        _link(MICROPYTHON["64"], Path(own))
        return f"{_name(own)}, this system's"
    if sys.platform == "darwin":
        raise ToolError(
            f"there is no micropython of {OLDEST[0]}.{OLDEST[1]} or later in PATH",
            "brew install micropython, then run make setup again",
        )
    return _micropython("64", debian.architecture())


def micropython32() -> str:
    """The 32-bit unix port, the measure of RAM: its pointers are as wide as the boards'."""
    if sys.platform == "darwin":
        return "not to be had on macOS: what needs it is left out, and said"
    arch = {"amd64": "i386", "arm64": "armhf"}.get(debian.architecture(), debian.architecture())
    return _micropython("32", arch)


def mosquitto() -> str:
    """The broker: the system's, else unpacked from Debian's archive."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/opt/homebrew/sbin"
    own = shutil.which("mosquitto", path=path)
    if own:
        _link(MOSQUITTO, Path(own))
        return f"{own}, this system's"
    if sys.platform == "darwin":
        raise ToolError("there is no mosquitto in PATH", f"brew install mosquitto; {BROKER_NOTE}")
    arch = debian.architecture()
    tree = TOOLS / "mosquitto"
    debian.fetch(tree, "trixie", arch, "mosquitto")
    debian.wrap(MOSQUITTO, tree, arch, "usr/sbin/mosquitto")
    said = subprocess.run([MOSQUITTO, "-h"], capture_output=True, text=True, timeout=20)
    version = re.search(r"mosquitto version ([\d.]+)", said.stdout)
    if not version:
        raise ToolError(f"{MOSQUITTO} does not start: {said.stderr.strip()}", BROKER_NOTE)
    return f"{version[1]} from Debian's archive"


def stubs() -> str:
    """Type stubs of the ports, each in a folder of its own, for `make lint`."""
    for port in STUB_PORTS:
        target = TOOLS / "stubs" / port
        partial = target.with_name(port + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        _pip("install", "--target", str(partial), f"micropython-{port}-stubs=={STUBS_VERSION}")
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    return ", ".join(STUB_PORTS)


# --- how they are done


def _make_venv() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
    if made.returncode == 0 and _pip_works():
        return
    # Debian keeps the part of venv that installs pip in a package of its own.
    shutil.rmtree(VENV, ignore_errors=True)
    _must([sys.executable, "-m", "venv", "--without-pip", str(VENV)], "making .venv")
    tree = TOOLS / "pip"
    debian.fetch(tree, "stable", debian.architecture(), "python3-pip-whl", libraries=False)
    wheels = sorted((tree / "usr/share/python-wheels").glob("pip-*.whl"))
    if not wheels:
        raise ToolError("python3-pip-whl holds no pip", "sudo apt-get install python3-venv")
    python = str(VENV / "bin" / "python")
    _must([python, f"{wheels[0]}/pip", "install", "-q", str(wheels[0])], "installing pip")


def _pip_works() -> bool:
    command = [str(VENV / "bin" / "python"), "-m", "pip", "--version"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def _pip(*arguments: str) -> None:
    python = str(VENV / "bin" / "python")
    _must([python, "-m", "pip", "-q", "--disable-pip-version-check", *arguments], "pip")


def _must(command: list[str], what: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if "ERROR" in line]
        said = lines[-1] if lines else (done.stderr + done.stdout).strip()[-300:]
        raise ToolError(
            f"{what} failed: {said}", "check the network (PyPI), then run make setup again"
        )


def _micropython(bits: str, arch: str) -> str:
    failures = []
    for suite in SUITES:
        tree = TOOLS / f"micropython{bits}"
        try:
            debian.fetch(tree, suite, arch, "micropython")
        except ToolError as error:
            failures.append(error)
            continue
        debian.wrap(MICROPYTHON[bits], tree, arch, "usr/bin/micropython")
        if _micropython_version(str(MICROPYTHON[bits])) >= OLDEST:
            return f"{_name(str(MICROPYTHON[bits]))}, {arch}, from Debian {suite}"
        failures.append(ToolError(f"micropython of {suite} does not run here"))
    raise failures[-1]


def _micropython_version(path: str) -> tuple[int, ...]:
    """The version of an interpreter; (0,) if it does not run."""
    code = "import sys; print(sys.implementation[1][:3])"
    try:
        said = subprocess.run([path, "-c", code], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    return tuple(int(n) for n in re.findall(r"\d+", said.stdout)) or (0,)


def _name(path: str) -> str:
    return ".".join(str(n) for n in _micropython_version(path))


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _digest(*files: str) -> str:
    return hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in files)).hexdigest()


def _stamp(name: str) -> Path:
    folder = TOOLS / "stamps"
    folder.mkdir(exist_ok=True)
    return folder / re.sub(r"\W+", "-", name)


def _is_done(name: str, made_from: str) -> bool:
    stamp = _stamp(name)
    if name == "host packages" and not (VENV / "bin" / "python").exists():
        return False
    return stamp.exists() and stamp.read_text() == made_from


if __name__ == "__main__":
    sys.exit(main())
