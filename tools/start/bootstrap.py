"""Set-up: makes .venv and .tools, once.

    python3 tools/start/bootstrap.py [host | demo | backend | test]

host: what the commands for boards and brokers need. demo: a broker besides. backend: what the
collector needs besides. test, the default: all, so with both interpreters, the test packages and
the type stubs.

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
from typing import IO, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.shared.errors import ToolError  # noqa: E402
from tools.shared.paths import MICROPYTHON, MOSQUITTO, NO_32, TOOLS, VENV  # noqa: E402
from tools.start import debian  # noqa: E402

OLDEST = (1, 24)  # MicroPython
SUITES = ("sid", "trixie")  # Debian's suites that have MicroPython, the best first
BROKER_SUITE = "trixie"
RECIPE = "2"  # to be raised when .tools is made otherwise, so that it is made again
HOST_PACKAGES = "requirements.txt"
BACKEND_PACKAGES = "requirements-backend.txt"
TEST_PACKAGES = "requirements-test.txt"
COMMAND = VENV / "bin" / "petrel"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
STUBS_VERSION = "1.29.0.post1"
STUB_PORTS = ("esp32", "esp8266", "stm32", "rp2")
LEVELS = ("host", "demo", "backend", "test")  # each needs what the one before needs
BROKER_NOTE = "make demo can use amqtt from PyPI instead; the tests need Mosquitto"


class Step(NamedTuple):
    """A part of set-up: `make` makes the paths of `makes` and returns a few words about them."""

    name: str
    made_from: str
    makes: tuple[Path, ...]
    make: Callable[[], str]
    without: str = ""  # what works without it; empty if nothing does
    level: str = "host"  # the first of LEVELS that needs it

    @property
    def stamp(self) -> Path:
        """The file that says what the step was last made from."""
        return TOOLS / "stamps" / re.sub(r"\W+", "-", self.name)

    def is_done(self) -> bool:
        """True if nothing has changed since, and what it made still stands."""
        if not (self.stamp.exists() and all(path.exists() for path in self.makes)):
            return False
        return self.stamp.read_text() == self.made_from


def steps(level: str = "test") -> list[Step]:
    """The steps of a level, in order: the first brings pip, which later ones need."""
    python = VENV / "bin" / "python"
    stub_folders = tuple(TOOLS / "stubs" / port for port in STUB_PORTS)
    thirty_two = NO_32 if NO_32.exists() else MICROPYTHON["32"]
    packages = digest(HOST_PACKAGES)
    backend = digest(HOST_PACKAGES, BACKEND_PACKAGES)
    test_packages = digest(HOST_PACKAGES, TEST_PACKAGES)
    alembic = VENV / "bin" / "alembic"
    pytest = VENV / "bin" / "pytest"
    every = [
        Step("host packages", packages, (python, COMMAND), host_packages),
        Step("MicroPython, 64 bit", RECIPE, (MICROPYTHON["64"],), micropython64),
        Step("Mosquitto", RECIPE, (MOSQUITTO,), mosquitto, BROKER_NOTE, "demo"),
        Step("back-end packages", backend, (alembic,), packages_of_backend, level="backend"),
        Step("test packages", test_packages, (pytest,), packages_of_tests, level="test"),
        Step("MicroPython, 32 bit", RECIPE, (thirty_two,), micropython32, level="test"),
        Step("type stubs of the boards", STUBS_VERSION, stub_folders, stubs, level="test"),
    ]
    return [step for step in every if LEVELS.index(step.level) <= LEVELS.index(level)]


def main(level: str = "test") -> int:
    """Do every step of a level that is not done; returns the exit status."""
    if sys.version_info < (3, 11):  # noqa: UP036  # whatever python3 happens to be
        own = sys.version.split()[0]
        return _failed(
            f"python3 is {own}; 3.11 or later is needed", "make setup PYTHON=python3.12"
        )
    try:
        if all(step.is_done() for step in steps(level)):
            return 0  # another one, of more, need not be waited for
        (TOOLS / "stamps").mkdir(parents=True, exist_ok=True)
        with (TOOLS / "lock").open("w") as lock:
            _wait_for(lock)
            do(steps(level))
    except ToolError as error:
        return _failed(error.message, error.hint)
    except OSError as error:
        return _failed(str(error), "fix that, then run make setup again")
    except KeyboardInterrupt:
        print("\nstopped; make setup continues from here", file=sys.stderr)
        return 130
    return 0


def do(steps: list[Step]) -> None:
    """Take those steps that are not done yet."""
    todo = [step for step in steps if not step.is_done()]
    for number, step in enumerate(todo, 1):
        began = time.monotonic()
        print(f"set-up {number}/{len(todo)}: {step.name} ... ", end="", flush=True)
        try:
            found = step.make()
        except BaseException as error:
            print("failed", flush=True)
            if isinstance(error, ToolError) and step.without:
                print(f"  {error.message}\n  {step.without}", file=sys.stderr)
                continue
            raise
        step.stamp.write_text(step.made_from)
        print(f"{found} ({time.monotonic() - began:.0f} s)", flush=True)
    if todo:
        print("set-up is complete; make help lists what you can do")


def _wait_for(lock: IO[str]) -> None:
    """Hold the lock; another make may be setting up this very folder."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another set-up is running here; waiting for it", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def _failed(message: str, hint: str) -> int:
    print(f"error: {message}\n  {hint}", file=sys.stderr)
    return 1


# --- the steps; each returns what it found or made, in a few words


def host_packages() -> str:
    """The virtual environment with the pinned packages."""
    if not (VENV / "bin" / "python").exists() or not _pip_works():
        _make_venv()
    pip("install", "-r", HOST_PACKAGES)
    COMMAND.write_text(_PETREL)
    COMMAND.chmod(0o755)
    return f"in {VENV.name}"


def packages_of_backend() -> str:
    """What the collector and its page need besides."""
    pip("install", "-r", HOST_PACKAGES, "-r", BACKEND_PACKAGES)
    return f"in {VENV.name}"


def packages_of_tests() -> str:
    """What tests and lint need besides."""
    pip("install", "-r", HOST_PACKAGES, "-r", TEST_PACKAGES)
    return f"in {VENV.name}"


def micropython64() -> str:
    """The unix port for this machine: the system's where it is new enough, else Debian's."""
    own = shutil.which("micropython")
    if own and _micropython(own) >= OLDEST and _pointer_bits(own) == 64:
        _link(MICROPYTHON["64"], Path(own))
        return f"{_version(own)}, this system's"
    if not debian.available():
        how = "brew" if sys.platform == "darwin" else "your package manager"
        raise ToolError(
            f"there is no micropython of {OLDEST[0]}.{OLDEST[1]} or later in PATH",
            f"install micropython with {how}, then run make setup again",
        )
    return _micropython_of_debian("64", debian.architecture())


def micropython32() -> str:
    """The 32-bit unix port, the measure of RAM: its pointers are as wide as the boards'.

    A system without Debian's tools (macOS among them), or whose processor runs no 32-bit code,
    does without; the reason is left in NO_32, and the tests leave out what needs it.
    """
    NO_32.unlink(missing_ok=True)
    if not debian.available():
        return _without_32("it comes from Debian's archive, and this system isn't based on Debian")
    arch = debian.architecture()
    if arch == "amd64":
        return _micropython_of_debian("32", "i386")
    if arch != "arm64":
        return _micropython_of_debian("32", arch)
    try:
        return _micropython_of_debian("32", "armhf")
    except DoesNotRun as error:
        return _without_32(error.message)


def mosquitto() -> str:
    """The broker: the system's, else unpacked from Debian's archive."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/opt/homebrew/sbin"
    own = shutil.which("mosquitto", path=path)
    if own:
        _link(MOSQUITTO, Path(own))
        return f"{own}, this system's"
    if not debian.available():
        how = "brew" if sys.platform == "darwin" else "your package manager"
        raise ToolError("there is no mosquitto in PATH", f"install it with {how}; {BROKER_NOTE}")
    arch = debian.architecture()
    tree = TOOLS / "mosquitto"
    debian.fetch(tree, BROKER_SUITE, arch, "mosquitto")
    debian.wrap(MOSQUITTO, tree, arch, "usr/sbin/mosquitto")
    said = subprocess.run([MOSQUITTO, "-h"], capture_output=True, text=True, timeout=20)
    version = re.search(r"mosquitto version ([\d.]+)", said.stdout)
    if not version:
        raise ToolError(f"{MOSQUITTO} doesn't start: {said.stderr.strip()}", BROKER_NOTE)
    return f"{version[1]} from Debian's archive"


def stubs() -> str:
    """Type stubs of the ports, each in a folder of its own, for `make lint`."""
    for port in STUB_PORTS:
        target = TOOLS / "stubs" / port
        partial = target.with_name(port + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        pip("install", "--target", str(partial), f"micropython-{port}-stubs=={STUBS_VERSION}")
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    return ", ".join(STUB_PORTS)


# --- how they are done


def _make_venv() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
    if made.returncode == 0 and _pip_works():
        return
    # Debian keeps the part of venv that installs pip in a package of its own. Its pip trusts the
    # system's certificates and no others.
    if not CERTIFICATES.exists():
        raise ToolError(f"there is no {CERTIFICATES}", "sudo apt-get install python3-venv")
    shutil.rmtree(VENV, ignore_errors=True)
    _must([sys.executable, "-m", "venv", "--without-pip", str(VENV)], "making .venv")
    tree = TOOLS / "pip"
    debian.fetch(tree, "stable", debian.architecture(), "python3-pip-whl", libraries=False)
    wheels = sorted((tree / "usr/share/python-wheels").glob("pip-*.whl"))
    if not wheels:
        raise ToolError("python3-pip-whl holds no pip", "sudo apt-get install python3-venv")
    python = str(VENV / "bin" / "python")
    _must([python, f"{wheels[0]}/pip", "install", "-q", str(wheels[0])], "installing pip")


# With -P a folder called tools where it is started is not taken for ours.
_PETREL = """\
#!/bin/sh
# Petrel's command line; made by make setup
bin=$(dirname "$(readlink -f "$0")")
code='import sys; sys.path.insert(0, sys.argv.pop(1)); from tools.__main__ import run; run()'
exec "$bin/python" -P -c "$code" "$(dirname "$(dirname "$bin")")" "$@"
"""


def _pip_works() -> bool:
    command = [str(VENV / "bin" / "python"), "-m", "pip", "--version"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def pip(*arguments: str) -> None:
    """Run pip in .venv."""
    python = str(VENV / "bin" / "python")
    _must([python, "-m", "pip", "-q", "--disable-pip-version-check", *arguments], "pip")


def _must(command: list[str], what: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr + done.stdout
        lines = [line for line in said.splitlines() if "ERROR" in line] or [said.strip()[-300:]]
        # pip says "no matching distribution" even where it reached no index at all
        why = "can't reach the package index" if "onnection" in said else lines[-1]
        raise ToolError(f"{what} failed: {why}", "check the network, then run make setup again")


class DoesNotRun(ToolError):
    """What was unpacked cannot be started on this machine."""


def _micropython_of_debian(bits: str, arch: str) -> str:
    """Unpack the unix port of an architecture from the newest suite whose build runs here."""
    program, tree = MICROPYTHON[bits], TOOLS / f"micropython{bits}"
    failures: list[ToolError] = []
    for suite in SUITES:
        try:
            debian.fetch(tree, suite, arch, "micropython")
        except ToolError as error:
            failures.append(error)
            continue
        debian.wrap(program, tree, arch, "usr/bin/micropython")
        if _micropython(str(program)) >= OLDEST:
            return f"{_version(str(program))}, {arch}, from Debian {suite}"
        failures.append(
            DoesNotRun(
                f"micropython of Debian {suite} for {arch} does not run here",
                f"start {program} to see why",
            )
        )
    raise failures[-1]


def _without_32(why: str) -> str:
    MICROPYTHON["32"].unlink(missing_ok=True)
    NO_32.write_text(why)
    return f"done without: {why}; tests of RAM are left out"


def _micropython(path: str) -> tuple[int, ...]:
    """The version of an interpreter; (0,) if it does not run."""
    return _ask(path, "import sys; print(*sys.implementation[1][:3])") or (0,)


def _version(path: str) -> str:
    return ".".join(str(n) for n in _micropython(path))


def _pointer_bits(path: str) -> int:
    return _ask(path, "import sys; print(64 if sys.maxsize > 1 << 32 else 32)")[0]


def _ask(path: str, code: str) -> tuple[int, ...]:
    """The numbers that a line of code prints in an interpreter; none if it does not run."""
    try:
        said = subprocess.run([path, "-c", code], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(int(n) for n in re.findall(r"\d+", said.stdout))


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def digest(*files: str) -> str:
    """A hash over files of the project."""
    return hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in files)).hexdigest()


if __name__ == "__main__":
    if sys.argv[1:] not in ([], *([level] for level in LEVELS)):
        sys.exit(f"usage: python3 tools/start/bootstrap.py [{' | '.join(LEVELS)}]")
    sys.exit(main(*sys.argv[1:]))
