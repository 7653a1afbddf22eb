"""The table of `monitor`: it scrolls, and what is typed filters it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from rich.text import Text
from textual.app import App, ComposeResult
from textual.events import Key
from textual.widgets import DataTable, Input, Static

from tools.talk.connection import Connection
from tools.talk.readings import Readings

COLUMNS = ("node", "status", "sensor", "value", "unit", "readings", "age")
COLOURS = {"online": "green", "offline": "bold red"}
PERIOD_S = 0.5


class Screen(App[None]):
    """Shows the readings until Ctrl-Q, or for `seconds`."""

    CSS = "DataTable { height: 1fr; } Input { border: none; height: 1; }"
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self, readings: Readings, connection: Connection, wanted: str = "",
        seconds: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._readings = readings
        self._connection = connection
        self._wanted = wanted
        self._end = time.monotonic() + seconds if seconds else float("inf")

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Static(id="summary")
        yield Input(self._wanted, placeholder="type to filter: node, status, sensor")
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Begin to show what arrives."""
        self.query_one(DataTable).add_columns(*((name, name) for name in COLUMNS))
        self.set_interval(PERIOD_S, self.show)
        self.show()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what has these words alone."""
        self._wanted = event.value
        self.show()

    def on_key(self, event: Key) -> None:
        """Arrow keys scroll the table while the filter is typed."""
        moves = {"up": "cursor_up", "down": "cursor_down", "pageup": "page_up",
                 "pagedown": "page_down"}  # fmt: skip
        if move := moves.get(event.key):
            getattr(self.query_one(DataTable), f"action_{move}")()

    def show(self) -> None:
        """Bring the table up to date."""
        if not self.query("#summary"):  # the screen is closing
            return
        if self._connection.refused or time.monotonic() > self._end:
            self.exit()
        summary = self._readings.summary()
        self.query_one("#summary", Static).update(
            Text("; ".join(filter(None, (summary, self._connection.lost))))
        )
        rows = {f"{cells[0]}/{cells[2]}": cells for cells in self._readings.shown(self._wanted)}
        fill(self.query_one(DataTable), COLUMNS, rows)


def fill(
    table: DataTable[Text], columns: tuple[str, ...], rows: Mapping[str, Sequence[str]]
) -> None:
    """Bring a table up to date; cells change in place while its rows are the same."""
    if list(rows) != [key.value for key in table.rows]:
        at = table.cursor_row
        table.clear()
        for key, cells in rows.items():
            table.add_row(*map(_cell, columns, cells), key=key)
        table.move_cursor(row=at)
        return
    for key, cells in rows.items():
        for name, cell in zip(columns, cells, strict=True):
            shown = _cell(name, cell)
            if table.get_cell(key, name) != shown:
                table.update_cell(key, name, shown, update_width=True)


def _cell(column: str, text: str) -> Text:
    """What stands in a cell: as it is, never as markup."""
    return Text(text, COLOURS.get(text, "yellow") if column == "status" else "")
