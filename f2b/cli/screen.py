"""The screen of `f2b top`: what the scoreboard says, two tables and the latest events."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Input, RichLog, Static
from textual.worker import get_current_worker

from f2b import bundle, duration
from f2b.cli.scoreboard import SUSPECTS, WINDOW_S, Rate, Scoreboard, Suspect, kept_out
from f2b.cli.show import moment, plain, size
from f2b.client import Client, ControlError, Event, Status

PERIOD_S = 2.0
WAIT_S = 0.5
"""How long to wait for an event; so long, at most, it takes to quit."""
EVENTS = 200
"""So many events can be scrolled back to."""
PAGE_BYTES = 4096
_TOLD = {"ban": "bold red", "unban": "green", "prolong": "red", "error": "bold yellow", "down": "bold yellow"}
"""Kinds of events that are more than failures, and how they look."""
_JAILS = ("JAIL", "STATE", "FAIL/MIN", "BAN/MIN", "FAILED", "BANNED", "BEHIND")
_SUSPECTS = ("ADDRESS", "FAILURES", "BANNED", "JAILS")


class Asked(ModalScreen[str]):
    """Asks for an address."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss('')", "Cancel")]
    CSS = "Asked { align: center middle; } Asked Input { width: 60; }"

    def __init__(self, verb: str, address: str) -> None:
        super().__init__()
        self._verb, self._address = verb, address

    def compose(self) -> ComposeResult:
        """Draw it."""
        line = Input(self._address, placeholder="address or network")
        line.border_title = f"{self._verb} — Enter does it, Escape does not"
        yield line

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what was typed."""
        self.dismiss(event.value.strip())


class Told(ModalScreen[None]):
    """Shows a text."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,enter", "dismiss", "Back")]
    CSS = "Told VerticalScroll { margin: 1 3; padding: 0 1; border: round $accent; background: $surface; }"

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Draw it."""
        with VerticalScroll():
            yield Static(self._text, markup=False)


class Screen(App[None]):
    """All of it."""

    TITLE = "f2b top"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        ("b", "ban", "Ban"),
        ("u", "unban", "Unban"),
        ("e", "explain", "Explain"),
        ("q", "quit", "Quit"),
    ]
    CSS = """
    #head { height: 1; background: $panel; }
    #jails { height: auto; max-height: 40%; }
    #suspects { height: 1fr; min-height: 4; }
    #events { height: 6; border-top: solid $panel; }
    """

    def __init__(self, socket: str) -> None:
        super().__init__()
        self._socket = socket
        self._board = Scoreboard()

    def compose(self) -> ComposeResult:
        """Draw it."""
        yield Static(id="head", markup=False)
        yield DataTable(id="jails", cursor_type="none", show_cursor=False)
        yield DataTable(id="suspects", cursor_type="row")
        yield RichLog(id="events", max_lines=EVENTS, wrap=False)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to ask and to listen."""
        for name, heads in (("#jails", _JAILS), ("#suspects", _SUSPECTS)):
            table = self.query_one(name, DataTable)
            for head in heads:
                table.add_column(head, key=head)
        self.query_one("#suspects").focus()
        self._follow()

    @work(thread=True)
    def _follow(self) -> None:
        worker, since, cursor, due = get_current_worker(), time.time() - WINDOW_S, "", 0.0
        with Client(self._socket) as client:
            while not worker.is_cancelled:
                try:
                    batch = client.read(cursor or None, None if cursor else since, wait=WAIT_S)
                    self.call_from_thread(self._take, batch.events)
                    cursor = batch.cursor
                    if time.monotonic() >= due:
                        self._ask(client)
                        due = time.monotonic() + PERIOD_S
                except ControlError as error:
                    self.call_from_thread(self._say, str(error))
                    time.sleep(WAIT_S)

    def _ask(self, client: Client) -> None:
        suspects = self.call_from_thread(self._board.suspects, time.time(), SUSPECTS)
        self.call_from_thread(self._show, client.status(), suspects, kept_out(client, suspects))

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            self._happened(event)

    def _happened(self, event: Event) -> None:
        self._board.take(event)
        style = _TOLD.get(event.event)
        if style and not event.details.get("restored"):
            who = event.id or event.details.get("reason", "")
            line = f"{moment(event.time)}  {event.event:8} {plain(event.jail or '-'):16} {plain(str(who))}"
            self.query_one("#events", RichLog).write(Text(line, style=style))

    def _say(self, text: str) -> None:
        self.query_one("#head", Static).update(text)

    def _show(self, status: Status, suspects: Sequence[Suspect], banned: Collection[str]) -> None:
        now = time.time()
        self._say(_head(status, now))
        rates = self._board.rates(now)
        rows = []
        for jail in status.jails:
            rate = rates.get(jail.name, Rate(0, 0))
            behind = size(jail.lag) if jail.lag else ""
            rows.append((jail.name, jail.state, rate.failures, rate.bans, jail.failed, jail.banned, behind))
        _fill(self.query_one("#jails", DataTable), rows)
        listed = [
            (each.id, each.failures, "yes" if each.id in banned else "", " ".join(each.jails)) for each in suspects
        ]
        _fill(self.query_one("#suspects", DataTable), listed)

    def _chosen(self) -> str:
        table = self.query_one("#suspects", DataTable)
        return str(table.get_row_at(table.cursor_row)[0]) if table.is_valid_row_index(table.cursor_row) else ""

    def action_ban(self) -> None:
        """Ask whom, and ban him."""
        self.push_screen(Asked("Ban", self._chosen()), partial(self._asked, "ban"))

    def action_unban(self) -> None:
        """Ask whom, and let him in."""
        self.push_screen(Asked("Unban", self._chosen()), partial(self._asked, "unban"))

    def action_explain(self) -> None:
        """Ask whom, and show what the server makes of him."""
        self.push_screen(Asked("Explain", self._chosen()), partial(self._asked, "explain"))

    def _asked(self, verb: str, who: str | None) -> None:
        if who:
            self._do(verb, who)

    @work(thread=True)
    def _do(self, verb: str, who: str) -> None:
        command = [*bundle.again("f2b", "f2b"), verb, "-s", self._socket, "--", who]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        said = (run.stdout + run.stderr).strip()
        if verb == "explain":
            self.call_from_thread(self.push_screen, Told(said))
        else:
            self.notify(plain(said), severity="information" if run.returncode == 0 else "error", markup=False)


def _fill(table: DataTable[Text], rows: Sequence[Sequence[object]]) -> None:
    """Write rows; who looks at one goes on looking at it."""
    keys = [str(row[0]) for row in rows]
    if [key.value for key in table.rows] != keys:
        row, chosen = table.cursor_row, None
        if table.is_valid_row_index(row):
            chosen = str(table.get_row_at(row)[0])
        table.clear()
        for key, cells in zip(keys, rows, strict=True):
            table.add_row(*map(_cell, cells), key=key)
        if chosen in keys:
            table.move_cursor(row=keys.index(chosen))
        return
    for key, cells in zip(keys, rows, strict=True):
        for column, cell in zip(table.columns, cells, strict=True):
            table.update_cell(key, column, _cell(cell), update_width=True)


def _cell(value: object) -> Text:
    """Return a cell. Ids may be what an attacker typed: no markup in them counts."""
    return Text(plain(str(value)), justify="right" if isinstance(value, int) else "left")


def _head(status: Status, now: float) -> str:
    enforcing = "enforcing" if status.enforcing else f"NOT enforcing ({status.reason})"
    age = duration.human(max(1, int(now - status.started)))
    return f" {moment(now)[11:]}  f2b {status.version}  up {age}  memory {_memory(status.pid)}  {enforcing}"


def _memory(pid: int) -> str:
    """Return the server's memory (resident), as /proc tells everybody."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return "?"
    return f"{pages * PAGE_BYTES / 1e6:.1f} MB"
