"""What is seen of the playground: readings, the board's console, and the prompt."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.events import Key, Resize
from textual.suggester import Suggester
from textual.widgets import DataTable, Input, RichLog, Static

from tools.play.playground.prompt import Prompt, Quit
from tools.play.playground.stage import Stage
from tools.shared.errors import ToolError
from tools.talk.monitor_screen import PERIOD_S, fill

COLUMNS = ("sensor", "value", "unit", "readings", "age")
EDITORS = ("nano", "vi")  # the first that is there, if neither VISUAL nor EDITOR names one
MOST = 500  # lines that can be scrolled back to
LOW = 30  # lines of a terminal that has little room


class Completion(Suggester):
    """Shows how the line may go on; the right arrow or Tab takes it."""

    def __init__(self, prompt: Prompt) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._prompt = prompt

    async def get_suggestion(self, value: str) -> str | None:
        """The first line that this one may become."""
        found = self._prompt.next(value) if value else []
        return found[0] if found and found[0] != value else None


class Lines(RichLog):
    """Text that is wrapped again when the terminal's width changes."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, wrap=True, min_width=20, max_lines=MOST)
        self.can_focus = False
        self._texts: deque[Text] = deque(maxlen=MOST)
        self._width = 0

    def add(self, text: Text, scroll_end: bool | None = None) -> None:
        """Write a text below the others."""
        self._texts.append(text)
        self.write(text, scroll_end=scroll_end)

    def on_resize(self, event: Resize) -> None:
        """Begin again if the lines have another width now."""
        if self._width and event.size.width != self._width:
            self.clear()
            for text in self._texts:
                self.write(text)
        self._width = event.size.width


class Screen(App[None]):
    """The playground, until quit or Ctrl-Q."""

    CSS = """
    #summary { height: 1; background: $panel; }
    DataTable { height: 2fr; scrollbar-size-vertical: 1; }
    RichLog {
        height: 2fr;
        border-top: solid $primary;
        border-title-color: $text;
        scrollbar-size-vertical: 1;
    }
    .-low #console { height: 4; }
    Input { border: none; height: 1; background: $boost; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-low"), (LOW, "-high")]  # noqa: RUF012, as Textual has it
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage
        self._prompt = Prompt(stage)
        self._typed: list[str] = []
        self._at = 0
        self._draft = ""  # of a config that could not be taken

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Static(id="summary")
        yield DataTable(cursor_type="none")
        yield Lines("console")
        yield Lines("replies")
        yield Input(placeholder="type help", suggester=Completion(self._prompt))

    def on_mount(self) -> None:
        """Switch the board on, and begin to show."""
        self.query_one(DataTable).add_columns(*((name, name) for name in COLUMNS))
        self.query_one("#console", Lines).border_title = "the board's console"
        replies = self.query_one("#replies", Lines)
        replies.border_title = "type help; Tab completes, PageUp and PageDown scroll"
        self._stage.on_line = lambda line: self.call_from_thread(self._line, line)
        for said in self._stage.said:
            self._say(Text(said, "yellow"))
        self.set_interval(PERIOD_S, self.show)
        self._start()
        self.query_one(Input).focus()

    def on_unmount(self) -> None:
        """The board may go on to speak; nobody listens."""
        self._stage.on_line = lambda line: None

    @work(thread=True)
    def _start(self) -> None:
        self._stage.start()

    def _line(self, line: str) -> None:
        for console in self.query("#console").results(Lines):  # none while the screen closes
            console.add(Text(line))

    def _say(self, text: Text) -> None:
        """Add to the replies; a long one is shown from its beginning."""
        log = self.query_one("#replies", Lines)
        before = len(log.lines)
        log.add(text, scroll_end=False)
        if before and len(log.lines) - before >= log.size.height:
            log.scroll_to(y=before - 1, animate=False)
        else:
            log.scroll_end(animate=False, immediate=True)

    def on_key(self, event: Key) -> None:
        """Tab completes; up and down go through what was typed, the page keys through replies."""
        line = self.query_one(Input)
        if event.key in ("pageup", "pagedown"):
            log = self.query_one("#replies", Lines)
            (log.scroll_page_up if event.key == "pageup" else log.scroll_page_down)(animate=False)
            event.prevent_default()
        elif event.key == "tab":
            found = self._prompt.next(line.value)
            if len(found) == 1:
                line.value = found[0]
            elif found:
                line.value = _shared(found)
                self._say(Text("  ".join(each.split(" ")[-1] for each in found), "dim"))
            line.cursor_position = len(line.value)
            event.prevent_default()
            event.stop()
        elif event.key in ("up", "down") and self._typed:
            self._at = max(0, min(len(self._typed), self._at + (1 if event.key == "down" else -1)))
            line.value = (*self._typed, "")[self._at]
            line.cursor_position = len(line.value)
            event.prevent_default()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Do what was typed."""
        line = event.value.strip()
        event.input.value = ""
        if not line:
            return
        if line not in self._typed[-1:]:
            self._typed.append(line)
        self._at = len(self._typed)
        self._say(Text(f"> {line}", "bold"))
        if line.lower().split() == ["config", "edit"]:
            self._edit()
        else:
            self._do(line)

    @work
    async def _do(self, line: str) -> None:
        try:
            said = await _aside(lambda: self._prompt.run(line))
        except Quit:
            self.exit()
            return
        self._say(Text(said))

    def _edit(self) -> None:
        """The config in an editor; the node starts with it if there is nothing wrong with it."""
        editor = _editor()
        if not editor:
            self._say(Text("there is no editor; set EDITOR, and start again", "red"))
            return
        file = self._stage.flash.parent / f"{self._stage.flash.name}.json"
        before = self._draft or json.dumps(self._stage.config, indent=2) + "\n"
        file.write_text(before)
        try:
            with self.suspend():
                subprocess.run([*editor, str(file)])
            self._draft = file.read_text()
        except OSError as error:
            self._say(Text(f"nothing has changed: {editor[0]}: {error.strerror}", "red"))
            return
        finally:
            file.unlink(missing_ok=True)
        if self._draft == before and json.dumps(self._stage.config, indent=2) + "\n" == before:
            self._draft = ""
            self._say(Text("nothing has changed"))
            return
        self._take()

    @work(thread=True)
    def _take(self) -> None:
        """Start the node with the draft, or say what is wrong with it."""
        try:
            config: Any = json.loads(self._draft)
            wrong = [] if isinstance(config, dict) else ["it has to be an object, {...}"]
            wrong = wrong or self._stage.faults(config)
            said = [] if wrong else self._stage.restart(config)
        except ValueError as error:
            wrong = [f"it is not JSON: {error}"]
        except ToolError as error:
            wrong = [error.message]
        if wrong:
            said = [*wrong, "The node goes on as it was. Type config edit to correct it."]
        else:
            self._draft = ""
            self.call_from_thread(self._say, Text("the node starts with the new config"))
        for line in said:
            self.call_from_thread(self._say, Text(line, "red" if wrong else "yellow"))

    def show(self) -> None:
        """Bring readings and summary up to date."""
        if not self.query("#summary"):  # the screen is closing
            return
        stage = self._stage
        status = stage.readings.status.get(stage.node, "not yet seen")
        broker = "hangs" if stage.hangs else "runs" if stage.broker.running else "stopped"
        power, wifi = stage.bench.powered, stage.bench.world.in_reach
        summary = f" {stage.base}/{stage.node}: {status}   broker: {broker}   " + "   ".join(
            f"{name}: {'on' if on else 'off'}" for name, on in (("Wi-Fi", wifi), ("power", power))
        )
        self.query_one("#summary", Static).update(Text(summary))
        rows = {cells[2]: cells[2:] for cells in stage.readings.shown() if cells[0] == stage.node}
        fill(self.query_one(DataTable), COLUMNS, rows)


async def _aside(do: Callable[[], str]) -> str:
    """What a function returns, run in a thread that quit does not wait for."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[str] = loop.create_future()

    def settle(said: str, error: Exception | None) -> None:
        if result.done():  # the screen has closed
            return
        if error:
            result.set_exception(error)
        else:
            result.set_result(said)

    def run() -> None:
        said, failed = "", None
        try:
            said = do()
        except Exception as error:  # raised again where it is awaited
            failed = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, said, failed)

    threading.Thread(target=run, daemon=True).start()
    return await result


def _editor() -> list[str]:
    """The command of the editor that somebody wants, or of one that is there."""
    wanted = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if wanted:
        return shlex.split(wanted)
    return next(([each] for each in EDITORS if shutil.which(each)), [])


def _shared(lines: list[str]) -> str:
    """What all lines begin with."""
    first, last = min(lines), max(lines)
    return first[: next((k for k in range(len(first)) if first[k] != last[k]), len(first))]
