"""Those in good faith in `bench/traffic`: people, offices, programs, crawlers. None of them may be banned."""

from __future__ import annotations

from collections.abc import Iterator

from bench.traffic_world import BROWSERS, DAY, WEEK, Events, World

SITE = "https://www.example.org"
ASSETS = ("/static/site.css", "/static/app.js", "/static/vendor.js", "/static/logo.svg", "/static/font.woff2")
UNBIDDEN = ("/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png")
MONITORS = (
    "UptimeRobot/2.0 (http://www.uptimerobot.com/)",
    "check_http/v2.3.3 (monitoring-plugins 2.3.3)",
    "Prometheus/2.53",
)
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BING = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"


def visit(world: World, at: float, host: str, agent: str, pages: int) -> Events:
    """Yield what one person's visit looks like: pages, what they bring along, an old link now and then, a search."""
    dice = world.dice
    referer = dice.choice(("-", "https://www.google.com/", f"{SITE}/"))
    for number in range(pages):
        page = f"/page/{dice.randrange(900)}"
        status = 404 if dice.random() < 0.015 else 200
        yield world.web(at, host, f"GET {page if status == 200 else '/old' + page}", status, referer, agent)
        referer = f"{SITE}{page}"
        for asset in ASSETS if number == 0 else ASSETS[:1]:
            at += dice.random() / 5
            yield world.web(at, host, f"GET {asset}", dice.choice((200, 304)), referer, agent)
        if number == 0 and dice.random() < 0.3:
            for asset in UNBIDDEN[: dice.randrange(1, 4)]:
                yield world.web(at, host, f"GET {asset}", 404, referer, agent)
        if dice.random() < 0.05:
            words = dice.choice(
                ("select+the+best+union+hotel", "o%27brien+and+sons", "how+to+order+by+mail", "rock%27n%27roll")
            )
            yield world.web(at, host, f"GET /search?q={words}", 200, referer, agent)
        at += 4 + dice.expovariate(1 / 25)


def web_login(world: World, at: float, host: str, agent: str, typos: int, form: str = "/login") -> Events:
    """Yield a login to the site, with some wrong passwords first."""
    wrong = 200 if form.startswith("/wp-") else 401
    yield world.web(at, host, f"GET {form}", 200, f"{SITE}/", agent)
    for _ in range(typos):
        at += 5 + world.dice.random() * 15
        yield world.web(at, host, f"POST {form}", wrong, f"{SITE}{form}", agent)
    at += 5 + world.dice.random() * 15
    yield world.web(at, host, f"POST {form}", 302, f"{SITE}{form}", agent)
    yield world.web(at + 1, host, "GET /account", 200, f"{SITE}{form}", agent)


def typos(world: World, share: float = 0.12) -> int:
    """Return how often a password is mistyped before it is right: mostly not at all."""
    number = 0
    while number < 4 and world.dice.random() < share:
        number += 1
    return number


def visitor(world: World, host: str) -> Events:
    """Yield a week of somebody at home."""
    agent = world.dice.choice(BROWSERS)
    for at in sorted(world.office_hour() for _ in range(1 + int(world.dice.expovariate(1 / 2)))):
        yield from visit(world, at, host, agent, 1 + int(world.dice.expovariate(1 / 4)))
        if world.dice.random() < 0.15:
            yield from web_login(world, at, host, agent, typos(world))


def mobile(world: World, hosts: list[str]) -> Iterator[Events]:
    """Yield the weeks of each address of people on the road, who change theirs within a visit."""
    for host in hosts:
        yield visitor(world, host)


def office(world: World, host: str, people: int) -> Iterator[Events]:
    """Yield the weeks of all in an office behind one address: many browsers, ssh, a chat that polls, WordPress."""
    for number in range(people):
        agent = world.dice.choice(BROWSERS)
        yield _worker(world, host, agent, f"user{number}", number % 4 == 0)


def _worker(world: World, host: str, agent: str, user: str, admin: bool) -> Events:
    dice = world.dice
    for day in range(5):
        at = day * DAY + 8.5 * 3600 + abs(dice.gauss(0, 1200))
        yield from web_login(world, at, host, agent, typos(world), "/wp-login.php" if admin else "/login")
        if admin:
            yield from _ssh(world, at + 60, host, user)
        for _ in range(dice.randrange(2, 7)):
            at += 600 + dice.expovariate(1 / 4000)
            yield from visit(world, at, host, agent, 1 + int(dice.expovariate(1 / 5)))
        for number in range(40 if admin else 0):
            beat = f"{SITE}/wp-admin/post.php"
            yield world.web(at + 15 * number, host, "POST /wp-admin/admin-ajax.php", 200, beat, agent)
        for number in range(30):
            yield world.web(at + 5 * number, host, "POST /chat/poll", 200, f"{SITE}/chat", agent)


def _ssh(world: World, at: float, host: str, user: str) -> Events:
    dice = world.dice
    for _ in range(1 + int(dice.expovariate(1 / 3))):
        if dice.random() < 0.02:
            yield from world.ssh_failure(at, host, user.replace("user", "uesr"), known=False)
            at += 20
        way = "publickey" if dice.random() < 0.6 else "password"
        yield from world.ssh_login(at, host, user, way, 0 if way == "publickey" else typos(world))
        at += 120 + dice.expovariate(1 / 3600)


def developer(world: World, host: str, user: str) -> Events:
    """Yield the week of somebody who works on the server from home."""
    for at in sorted(world.office_hour() for _ in range(12)):
        yield from _ssh(world, at, host, user)


def crawler(world: World, host: str, agent: str, pace: float, gone: float) -> Events:
    """Yield a well-behaved crawler: robots.txt first, then pages at a steady pace, some of which are gone."""
    at = world.dice.random() * 3600
    while at < WEEK:
        yield world.web(at, host, "GET /robots.txt", 200, "-", agent)
        for _ in range(world.dice.randrange(300, 2500)):
            at += world.dice.expovariate(pace)
            lost = world.dice.random() < gone
            page = f"/page/{world.dice.randrange(900)}" if not lost else f"/old/page/{world.dice.randrange(5000)}"
            yield world.web(at, host, f"GET {page}", 404 if lost else world.dice.choice((200, 200, 304)), "-", agent)
        at += world.dice.expovariate(1 / 20_000)


def monitor(world: World, host: str, agent: str, every: float, status: int, ssh: bool) -> Events:
    """Yield a probe that looks in all week, at a path that may not be there any more, and at sshd's port."""
    for number in range(int(WEEK / every)):
        at = number * every + world.dice.random() * 2
        yield world.web(at, host, "GET /health", status, "-", agent)
        if ssh and number % 5 == 0:
            pid, port = world.dice.randrange(1000, 4_000_000), world.dice.randrange(1024, 65_536)
            yield world.auth(at, "sshd", pid, f"Connection closed by {host} port {port} [preauth]")


def api_client(world: World, host: str, every: float, path: str, status: int) -> Events:
    """Yield a program that asks an API all week, often in vain, and renews its token now and then."""
    for number in range(int(WEEK / every)):
        at = number * every + world.dice.random() * every / 2
        answer = status if world.dice.random() < 0.8 else 200
        yield world.web(
            at,
            host,
            f"GET {path.format(world.dice.randrange(50))}",
            answer,
            "-",
            "acme-client/2.1 (python-requests/2.32)",
        )
        if number % 200 == 0:
            yield world.web(at + 1, host, "GET /api/v1/me", 401, "-", "acme-client/2.1 (python-requests/2.32)")
            yield world.web(at + 2, host, "POST /api/token", 200, "-", "acme-client/2.1 (python-requests/2.32)")
        if number % 3 == 0:
            yield world.web(at + 3, host, "POST /api/v1/events", 202, "-", "acme-client/2.1 (python-requests/2.32)")


def machine(world: World, share: int) -> Events:
    """Yield what the server's own programs write into auth.log."""
    for number in range(share):
        at = number * WEEK / share
        pid = world.dice.randrange(300, 4_000_000)
        yield world.auth(at, "CRON", pid, "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)")
        yield world.auth(at + 1, "CRON", pid, "pam_unix(cron:session): session closed for user root")


def good_faith(world: World, scale: float) -> Iterator[Events]:
    """Yield the weeks of all in good faith; `scale` 1 makes 2.3 million lines, with the attacks."""
    for _ in range(int(24_550 * scale)):
        yield visitor(world, world.innocent("visitor"))
    for net in range(max(2, int(30 * scale))):
        prefix = f"100.{64 + net}.{net}"
        yield from mobile(world, [world.innocent("on the road", prefix) for _ in range(60)])
    for number in range(max(2, int(16 * scale))):
        yield from office(world, world.innocent("office"), 15 + number * 6)
    for number in range(max(5, int(250 * scale))):
        yield developer(world, world.innocent("developer"), f"dev{number}")
    for net in range(max(1, int(6 * scale))):
        for number in range(40):
            yield developer(world, world.innocent("campus", f"141.{20 + net}.7"), f"campus{net}-{number}")
    for agent, pace, gone in ((GOOGLE, 0.7, 0.05), (BING, 0.4, 0.08), (GOOGLE, 2.0, 0.03)):
        for _ in range(max(1, int(2 * scale))):
            yield crawler(world, world.innocent("crawler"), agent, pace * max(scale, 0.05), gone)
    for agent, every, status, ssh in zip(MONITORS, (30, 60, 15), (200, 404, 200), (False, True, False), strict=True):
        yield monitor(world, world.innocent("monitor"), agent, every / max(scale, 0.05), status, ssh)
    paths = (
        ("/api/v1/jobs/next", 404),
        ("/api/v1/items/{}", 200),
        ("/feed.xml", 404),
        ("/packages/p{}.json", 404),
        ("/feed.xml", 304),
    )
    for number, (path, status) in enumerate(paths * 3):
        yield api_client(world, world.innocent("program"), (20 + 15 * number) / max(scale, 0.05), path, status)
    yield machine(world, int(68_000 * scale))
