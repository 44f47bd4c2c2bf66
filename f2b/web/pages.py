"""What is answered to a browser: who asks, what he may, which page."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from math import ceil
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from f2b import bundle, duration
from f2b.control.client import NO_SERVER
from f2b.errors import ControlError, F2bError
from f2b.named import NamedTuple
from f2b.web import bans, change, history, overview, reasons, rehearsal
from f2b.web.bans import Query
from f2b.web.layout import Visit
from f2b.web.overview import Moment
from f2b.web.site import COOKIE, Guest, Site, form, peer

LATEST = 20
"""So many bans stand on a jail's page."""
REPLAY_LIMIT_S = 60.0
MOST_LINES = 50
"""Of a log, tried at once."""
FILES = {"style.css": "text/css", "refresh.js": "text/javascript", "icon.svg": "image/svg+xml"}
_HTML = "text/html; charset=utf-8"
_NAME = re.compile(r"[\w.+-]+(\[[\w\s=\"'.,+-]*\])?")
"""Of a jail or a filter, with options perhaps: never a path."""


class Came(NamedTuple):
    """A request, understood."""

    request: Request
    guest: Guest
    fields: Mapping[str, str]
    """Of the address, or of the form."""

    @property
    def visit(self) -> Visit:
        """What pages know of who came."""
        return self.guest.visit

    def get(self, name: str) -> str:
        """Return a field, without blanks around it."""
        return self.fields.get(name, "").strip()


View = Callable[[Came], Awaitable[bytes | Response]]


class Pages:
    """Every page of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """Return what leads to them."""
        shown: Mapping[str, View] = {
            "/": self._overview,
            "/jails": self._jails,
            "/jail": self._jail,
            "/bans": self._bans,
            "/past": self._past,
            "/explain": self._explain,
            "/line": self._line,
            "/replay": self._replay,
            "/change": self._change,
            "/login": self._login,
        }
        done: Mapping[str, View] = {
            "/line": self._try_line,
            "/replay": self._try_replay,
            "/login": self._log_in,
            "/logout": self._log_out,
            "/ban": self._ban,
            "/unban": self._unban,
            "/allow": self._allow,
        }
        return [
            *(Route(path, self._answering(view), methods=["GET"]) for path, view in shown.items()),
            *(Route(path, self._answering(view), methods=["POST"]) for path, view in done.items()),
            *(Route(f"/{name}", _file(name, kind), methods=["GET"]) for name, kind in FILES.items()),
        ]

    # ---- what is so for every page ----

    def _answering(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            guest = self._site.guest(request)
            response = self._barred(request, guest) or await self._shown(view, request, guest)
            # Not to who follows a link of another site: browsers hide our cookie then, and it may be a session's.
            if guest.fresh and request.headers.get("sec-fetch-site") != "cross-site":
                self._name(request, response, guest.name)
            return response

        return answer

    def _barred(self, request: Request, guest: Guest) -> Response | None:
        """Return what a guest is answered who may not come in."""
        path = request.url.path
        if guest.visit.inside or path == "/login":
            return None
        if self._site.spec.private or path in ("/change", "/ban", "/unban", "/allow"):
            return RedirectResponse("/login", 303)
        return None

    async def _shown(self, view: View, request: Request, guest: Guest) -> Response:
        try:
            posted = request.method == "POST"
            fields = await form(request) if posted else dict(request.query_params)
        except ValueError:
            return _page(change.wrong(guest.visit, "Not understood", "This is no form."), 400)
        if posted and not self._site.door.is_marked(guest.name, fields.get("mark", "")):
            told = "This form is too old, or not from here. Go back, load the page again, and send it once more."
            return _page(change.wrong(guest.visit, "Not sent", told), 403)
        try:
            made = await view(Came(request, guest, fields))
        except F2bError as error:
            return _trouble(guest.visit, error)
        return made if isinstance(made, Response) else _page(made)

    def _name(self, request: Request, response: Response, name: str) -> None:
        """Have a browser say who it is from now on."""
        secure = self._site.is_proxied(request)
        response.set_cookie(COOKIE, name, httponly=True, samesite="strict", secure=secure)

    # ---- to look at ----

    async def _overview(self, came: Came) -> bytes:
        site, now = self._site, time.time()
        answer = await site.summary()
        pulse = site.pulse
        _, rates, suspects = pulse.glance(now)
        banned = frozenset(one.id for one in suspects if site.mirror.holding(one.id))
        counts = site.counts(answer)
        seen = Moment(answer, counts, rates, suspects, banned, pulse.minutes(now), pulse.latest, now)
        return overview.overview(came.visit, seen)

    async def _jails(self, came: Came) -> bytes:
        answer = await self._site.summary()
        return overview.jails(
            came.visit, answer, self._site.pulse.glance(time.time()).rates, self._site.counts(answer)
        )

    async def _jail(self, came: Came) -> bytes | Response:
        name, answer = came.get("name"), await self._site.summary()
        about = next((jail for jail in answer["jails"] if jail["name"] == name), None)
        if about is None:
            return _page(change.wrong(came.visit, "No such jail", f"There is no jail {name!r}."), 404)
        found = self._site.mirror.page(jail=name, limit=LATEST)
        counts = self._site.counts(answer)
        return overview.jail(came.visit, about, found.bans, counts.get(name, 0), time.time())

    async def _bans(self, came: Came) -> bytes:
        number = came.get("page")
        order = next((order for order in bans.ORDERS if order == came.get("order")), bans.ORDERS[0])
        at = min(max(int(number), 1), 1_000_000) if re.fullmatch("[0-9]{1,9}", number) else 1
        query = Query(came.get("q"), came.get("jail"), order, at)
        found = bans.looked_up(self._site.mirror, query)
        return bans.bans(came.visit, query, found, await self._site.jails(), time.time())

    async def _past(self, came: Came) -> bytes:
        span = came.get("span") if came.get("span") in history.SPANS else history.USUAL
        return history.history(came.visit, span, await self._site.tally(span, history.SPANS[span]))

    async def _explain(self, came: Came) -> bytes:
        who = came.get("id")
        if not who:
            return reasons.somebody(came.visit, "", None)
        try:
            answer = await self._site.ask("explain", id=who)
            return reasons.somebody(came.visit, who, await self._site.work("examine", answer=answer))
        except F2bError as error:
            return reasons.somebody(came.visit, who, None, str(error))

    async def _line(self, came: Came) -> bytes:
        return reasons.line(came.visit, came.fields, await self._site.jails(), (), "")

    async def _try_line(self, came: Came) -> bytes:
        name, regex = came.get("name"), came.get("regex")
        lines = came.fields.get("lines", "").splitlines()[:MOST_LINES]
        jails = await self._site.jails()
        if bool(name) == bool(regex):
            trouble = "Write either the name of a jail or filter, or a regex."
        elif name and not _NAME.fullmatch(name):
            trouble = "This is no name of a jail or filter."
        else:
            try:
                reports = await self._site.work("line", name=name, regex=regex, lines=lines)
                return reasons.line(came.visit, came.fields, jails, reports, "")
            except F2bError as error:
                trouble = str(error)
        return reasons.line(came.visit, came.fields, jails, (), trouble)

    async def _replay(self, came: Came) -> bytes:
        return rehearsal.rehearsal(came.visit, came.fields, await self._site.jails(), None, "")

    async def _try_replay(self, came: Came) -> bytes:
        jails, jail = await self._site.jails(), came.get("jail")
        allowed = [*rehearsal.OPTIONS, *([rehearsal.REGEX] if came.visit.inside else [])]
        changes = {name: came.get(name) for name in allowed if came.get(name)}
        rotated = came.get("rotated") == "yes"
        try:
            if jail not in jails:
                return rehearsal.rehearsal(came.visit, came.fields, jails, None, f"There is no jail {jail!r}.")
            asked = {"jail": jail, "changes": changes, "rotated": rotated}
            found = await self._site.work("replay", REPLAY_LIMIT_S, **asked)
        except F2bError as error:
            return rehearsal.rehearsal(came.visit, came.fields, jails, None, str(error))
        return rehearsal.rehearsal(came.visit, came.fields, jails, found, "")

    # ---- to change something ----

    async def _login(self, came: Came) -> bytes | Response:
        return RedirectResponse("/", 303) if came.visit.inside else change.login(came.visit)

    async def _log_in(self, came: Came) -> bytes | Response:
        door, now, who = self._site.door, time.time(), peer(came.request)
        wait = door.wait(who, now)
        if wait:
            told = f"Too many wrong tokens. Try again in {ceil(wait)} s."
            return _page(change.login(came.visit, told), 429, {"Retry-After": str(ceil(wait))})
        if not door.opens(came.get("token"), who, now):
            return _page(change.login(came.visit, "This is not the token."), 403)
        response = RedirectResponse("/", 303)
        self._name(came.request, response, door.admit(now))
        return response

    async def _log_out(self, came: Came) -> Response:
        self._site.door.leave(came.guest.name)
        response = RedirectResponse("/", 303)
        self._name(came.request, response, self._site.door.visitor())
        return response

    async def _change(self, came: Came) -> bytes:
        return change.change(came.visit, came.get("id"), await self._site.jails())

    async def _ban(self, came: Came) -> bytes | Response:
        force = came.get("force") == "yes"
        asked = {"ids": came.get("id").split(), "jail": came.get("jail"), "force": force}
        return await self._did(came, "ban", lambda answer: f"{answer['banned']} newly banned", asked)

    async def _unban(self, came: Came) -> bytes | Response:
        asked = {"ids": came.get("id").split(), "jail": came.get("jail")}
        return await self._did(came, "unban", lambda answer: f"{answer['unbanned']} let in again", asked)

    async def _allow(self, came: Came) -> bytes | Response:
        return await self._did(came, "allow", lambda answer: "allowed", {"ids": came.get("id").split()})

    async def _did(
        self, came: Came, request: str, told: Callable[[Mapping[str, object]], str], asked: Mapping[str, object]
    ) -> bytes | Response:
        """Have the server do something, and show the list of bans, or what is wrong."""
        try:
            time_given = {"duration": _seconds(came.get("time"))} if came.get("time") else {}
            answer = await self._site.ask(request, **asked, **time_given)
        except (F2bError, ValueError) as error:
            return _page(change.change(came.visit, came.get("id"), await self._site.jails(), str(error)), 400)
        self._site.door.say(came.guest.name, f"{came.get('id')}: {told(answer)}.")
        return RedirectResponse("/bans", 303)


def _seconds(text: str) -> float:
    return duration.seconds(text)


def _page(text: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(text, status, headers, _HTML)


def _trouble(visit: Visit, error: F2bError) -> Response:
    away = isinstance(error, ControlError) and error.status == NO_SERVER
    return _page(change.wrong(visit, "No answer" if away else "Not done", str(error)), 503 if away else 500)


def _file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    text = bundle.read(str(Path(__file__).with_name(name)))

    async def answer(request: Request) -> Response:
        return Response(text, 200, {"Cache-Control": "max-age=300"}, kind)

    return answer
