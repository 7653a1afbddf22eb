"""User-mode instructions per QoS 1 publish, counted by valgrind's callgrind.

In a heap of a fixed size runs agree closely: within 0.1 % where nothing depends on when the answer
comes, within a few percent where a client looks for it meanwhile. So it is the figure to compare
two versions by. It grows with every byte allocated, since the heap must be swept. Start and end of
a run cancel out in the difference between a short run and a long one.
"""

from __future__ import annotations

import re
import shutil
from statistics import median

from tools.lab.bench.figures import Kind
from tools.lab.bench.place import Place
from tools.play.broker import Broker
from tools.shared.errors import ToolError
from tools.shared.paths import TOOLS
from tools.start import debian

HEAP = "256K"
SHORT, LONG = 200, 1200
RUNS = 3
SUITE = "stable"
TREE = TOOLS / "valgrind"


class Valgrind:
    """The one on PATH, else Debian's, unpacked into .tools. Raises ToolError if there is none."""

    def __init__(self) -> None:
        own = shutil.which("valgrind")
        self._command = [own] if own else self._unpacked()

    def _unpacked(self) -> list[str]:
        launcher = TREE / "usr" / "bin" / "valgrind.bin"
        if not launcher.exists():
            if not debian.available():
                raise ToolError("there is no valgrind", "install it with your package manager")
            debian.fetch(TREE, SUITE, debian.architecture(), "valgrind", libraries=False)
        return ["env", f"VALGRIND_LIB={TREE / 'usr' / 'libexec' / 'valgrind'}", str(launcher)]

    def count(self, place: Place, command: list[str]) -> int:
        """The instructions that a command takes."""
        log = place.folder / "callgrind.log"
        log.unlink(missing_ok=True)
        options = ["--tool=callgrind", f"--log-file={log}", "--callgrind-out-file=/dev/null"]
        # The interpreter may stand behind a shell script, which becomes it.
        place.run([*self._command, *options, "--trace-children=yes", *command])
        found = re.findall(r"Collected : (\d+)", log.read_text()) if log.exists() else []
        if not found:
            raise ToolError("valgrind counted nothing", f"see {log}")
        return int(found[-1])


def per_publish(valgrind: Valgrind, place: Place, broker: Broker, kind: Kind) -> float:
    """Instructions per QoS 1 publish, one at a time; the median of some runs."""

    def run(number: int) -> int:
        command = place.command("64", kind.program, "qos1", broker.port, number, "none", heap=HEAP)
        return valgrind.count(place, command)

    return median((run(LONG) - run(SHORT)) / (LONG - SHORT) for _ in range(RUNS))
