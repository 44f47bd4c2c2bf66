"""The attackers in `bench/traffic`, kind by kind. All of them should be banned."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.traffic_people import SITE
from bench.traffic_world import BROWSERS, DAY, WEEK, Events, World

NAMES = ("root", "admin", "test", "oracle", "postgres", "ubuntu", "pi", "ftpuser", "guest", "mysql", "deploy", "git")
FILES = (
    "index",
    "config",
    "backup",
    "test",
    "old",
    "new",
    "admin",
    "db",
    "login",
    "upload",
    "api",
    "install",
    "setup",
    "shell",
)
ENDS = (".php", ".bak", ".zip", ".sql", ".asp", ".jsp", ".txt", ".old", "/")
PROBES = (
    *(
        "/.env",
        "/.git/config",
        "/wp-login.php",
        "/phpmyadmin/index.php",
        "/.aws/credentials",
        "/xmlrpc.php",
        "/backup.zip",
    ),
    *(
        "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
        "/cgi-bin/luci",
        "/boaform/admin/formLogin",
        "/pma/",
        "/shell.php",
    ),
    *(
        "/wp-includes/wlwmanifest.xml",
        "/.svn/entries",
        "/solr/admin/info/system",
        "/HNAP1/",
        "/actuator/env",
        "/db.sql.gz",
    ),
)
SQL = (
    *(
        "/item?id=1%27%20OR%20%271%27=%271",
        "/item?id=-1+UNION+ALL+SELECT+NULL,NULL,version()--",
        "/p?x=1;WAITFOR+DELAY+%270:0:5%27",
    ),
    *(
        "/item?id=1%20AND%20SLEEP(5)",
        "/list?sort=1%27)%20ORDER%20BY%205--+",
        "/a?b=1%27+and+extractvalue(1,concat(0x7e,version()))--",
    ),
)
FILES_OUTSIDE = (
    *(
        "/..%2f..%2f..%2f..%2fetc/passwd",
        "/download?file=../../../../etc/passwd",
        "/view?page=php://filter/convert.base64-encode/resource=index",
    ),
    *(
        "/cgi-bin/.%2e/.%2e/.%2e/bin/sh",
        "/static/../../../../windows/win.ini",
        "/get?path=..%252f..%252f..%252fetc%252fshadow",
    ),
)
SCANNERS = (
    "sqlmap/1.8.2#stable (https://sqlmap.org)",
    "Mozilla/5.0 zgrab/0.x",
    "Nuclei - Open-source project",
    "WPScan v3.8.25",
    "gobuster/3.6",
    "Nikto/2.5.0",
)


def _begin(world: World, room: float = DAY) -> float:
    return world.dice.random() * (WEEK - room)


def brute(world: World, host: str) -> Events:
    """Guess passwords for ssh, as fast as it goes."""
    at = _begin(world)
    for _ in range(world.dice.randrange(15, 250)):
        known = world.dice.random() < 0.3
        yield from world.ssh_failure(
            at, host, "root" if known else world.dice.choice(NAMES[1:]), known, 3 if known else 1
        )
        at += 2 + world.dice.expovariate(1 / 6)


def patient(world: World, host: str) -> Events:
    """Guess one password an hour, for days."""
    at = _begin(world, 2 * DAY)
    for _ in range(world.dice.randrange(20, 60)):
        yield from world.ssh_failure(at, host, world.dice.choice(NAMES), known=False)
        at += 3600 * (0.8 + world.dice.random() * 0.4)


def spray(world: World, host: str) -> Events:
    """Try one password for one name after the other, each quarter of an hour."""
    at = _begin(world, 2 * DAY)
    for number in range(world.dice.randrange(40, 120)):
        yield from world.ssh_failure(at, host, f"user{number}")
        at += 900 * (0.8 + world.dice.random() * 0.4)


def botnet(world: World, hosts: list[str]) -> Iterator[Events]:
    """Guess for a few names, each host a few times in a day."""
    begin, names = _begin(world, 2 * DAY), world.dice.sample(NAMES, 3)
    for host in hosts:
        yield _bot(world, host, begin + world.dice.random() * DAY, names)


def _bot(world: World, host: str, at: float, names: list[str]) -> Events:
    for _ in range(world.dice.randrange(1, 4)):
        yield from world.ssh_failure(at, host, world.dice.choice(names), known=False)
        at += 60 + world.dice.expovariate(1 / 4000)


def few(world: World, host: str) -> Events:
    """Guess three to five passwords within an hour: from abroad, from a data centre, from a listed address."""
    at = _begin(world)
    for _ in range(world.dice.randrange(3, 6)):
        yield from world.ssh_failure(at, host, world.dice.choice(NAMES), known=False)
        at += 600 + world.dice.random() * 600


def scan(world: World, host: str, least: int = 80, most: int = 500, pause: float = 0.5) -> Events:
    """Look for files that are not there."""
    at = _begin(world)
    agent = world.dice.choice((*BROWSERS, "python-requests/2.32", "Go-http-client/1.1"))
    for _ in range(world.dice.randrange(least, most)):
        path = f"/{world.dice.choice(FILES)}{world.dice.randrange(40)}{world.dice.choice(ENDS)}"
        yield world.web(at, host, f"GET {path}", world.dice.choice((404, 404, 404, 404, 403, 200)), "-", agent)
        at += world.dice.expovariate(1 / pause)


def small_scan(world: World, host: str) -> Events:
    """Look for some files."""
    yield from scan(world, host, 30, 60, 5)


def slow_scan(world: World, host: str) -> Events:
    """Look for a file every ten minutes."""
    yield from scan(world, host, 80, 140, 600)


def probe(world: World, host: str) -> Events:
    """Try a dozen well-known holes."""
    at = _begin(world)
    for path in world.dice.sample(PROBES, world.dice.randrange(5, 13)):
        yield world.web(
            at, host, f"GET {path}", world.dice.choice((404, 404, 404, 403)), "-", world.dice.choice(BROWSERS)
        )
        at += world.dice.expovariate(1 / 4)


def stuff(
    world: World, host: str, pause: float = 6, form: str = "/login", status: int = 401, times: int = 150
) -> Events:
    """Try stolen passwords for a web application."""
    at = _begin(world, 3 * DAY)
    for _ in range(world.dice.randrange(times // 2, times)):
        yield world.web(at, host, f"POST {form}", status, f"{SITE}{form}", world.dice.choice(BROWSERS[:2]))
        at += pause * (0.5 + world.dice.random())


def slow_stuff(world: World, host: str) -> Events:
    """The same, one try in twenty minutes."""
    yield from stuff(world, host, 1200, times=120)


def wordpress(world: World, host: str) -> Events:
    """Guess passwords for WordPress."""
    yield from stuff(world, host, 3, "/wp-login.php", 200)


def xmlrpc(world: World, host: str) -> Events:
    """Guess passwords by XML-RPC."""
    yield from stuff(world, host, 1, "/xmlrpc.php", 200, 300)


def scanner(world: World, host: str) -> Events:
    """Scan with a tool that says its name."""
    at, agent = _begin(world), world.dice.choice(SCANNERS)
    for number in range(world.dice.randrange(3, 12)):
        yield world.web(at + number, host, f"GET /page/{number}", 200, "-", agent)


def thief(world: World, host: str) -> Events:
    """Read robots.txt, and then what it asks robots to leave alone."""
    at = _begin(world)
    yield world.web(at, host, "GET /robots.txt", 200, "-", "HungryBot/1.0")
    for number in range(world.dice.randrange(12, 80)):
        at += world.dice.expovariate(1 / 60)
        yield world.web(at, host, f"GET /private/{number}", 200, "-", "HungryBot/1.0")


def flood(world: World, host: str) -> Events:
    """Ask for pages without end."""
    at = _begin(world)
    for number in range(4000):
        yield world.web(at, host, f"GET /search?q={number}", world.dice.choice((200, 200, 503)), "-", BROWSERS[0])
        at += world.dice.expovariate(25)


def post_flood(world: World, host: str) -> Events:
    """Send a form without end."""
    at = _begin(world)
    for _ in range(1500):
        yield world.web(at, host, "POST /search", 200, f"{SITE}/search", BROWSERS[0])
        at += world.dice.expovariate(8)


def spam(world: World, host: str) -> Events:
    """Send a form blindly."""
    at = _begin(world)
    for _ in range(world.dice.randrange(60, 120)):
        yield world.web(at, host, "POST /contact", 200, "-", BROWSERS[0])
        at += world.dice.expovariate(1 / 8)


def sql(world: World, host: str, targets: tuple[str, ...] = SQL) -> Events:
    """Try to inject SQL."""
    at = _begin(world)
    for _ in range(world.dice.randrange(4, 30)):
        yield world.web(
            at, host, f"GET {world.dice.choice(targets)}", world.dice.choice((200, 400, 500)), "-", BROWSERS[1]
        )
        at += world.dice.expovariate(1 / 10)


def outside(world: World, host: str) -> Events:
    """Try to read files outside of the site."""
    yield from sql(world, host, FILES_OUTSIDE)


def everywhere(world: World, host: str) -> Events:
    """Fail a little everywhere within an hour: below each limit."""
    at = _begin(world)
    for number in range(4):
        yield from world.ssh_failure(at + 750 * number, host, world.dice.choice(NAMES), known=False)
        yield world.web(at + 700 * number, host, "GET /private/", 401, "-", BROWSERS[0])
    for number in range(12):
        path = f"/{FILES[number]}.bak" if number % 6 else PROBES[number // 6]
        yield world.web(at + 200 * number, host, f"GET {path}", 404, "-", BROWSERS[0])


def admin(world: World, host: str) -> Events:
    """Try the administrators' pages from abroad."""
    at = _begin(world)
    for number in range(world.dice.randrange(3, 9)):
        yield world.web(
            at + 30 * number, host, "POST /administrator/index.php", 200, f"{SITE}/administrator/", BROWSERS[0]
        )


KINDS: dict[str, tuple[int, Callable[[World, str], Events]]] = {
    "ssh: brute force": (40, brute),
    "ssh: one try an hour": (20, patient),
    "ssh: password spraying, one address": (15, spray),
    "web: scanner, 404 bursts": (20, scan),
    "web: scanner, some dozens of requests": (20, small_scan),
    "web: scanner, a request in ten minutes": (8, slow_scan),
    "web: well-known holes": (40, probe),
    "web: credential stuffing": (15, stuff),
    "web: credential stuffing, a try in 20 minutes": (8, slow_stuff),
    "web: WordPress passwords": (15, wordpress),
    "web: xmlrpc": (10, xmlrpc),
    "web: scanners by name": (15, scanner),
    "web: robots.txt ignored": (10, thief),
    "web: flood of requests": (4, flood),
    "web: flood of POST": (4, post_flood),
    "web: form spam": (8, spam),
    "web: SQL injection": (15, sql),
    "web: path traversal": (15, outside),
    "everywhere a little": (12, everywhere),
}
"""Each kind, how many of its attackers there are in a whole week, and what each does."""


def attacks(world: World, scale: float) -> Iterator[Events]:
    """Yield the weeks of all attackers."""
    for kind, (count, attack) in KINDS.items():
        for _ in range(max(2, round(count * scale))):
            yield attack(world, world.attacker(kind))
    for _ in range(max(2, round(4 * scale))):
        yield from botnet(world, [world.attacker("ssh: botnet, each address a few tries") for _ in range(120)])
    for number in range(max(2, round(4 * scale))):
        prefix = f"198.18.{100 + number}"
        hosts = [world.attacker("ssh: one network, many addresses", prefix) for _ in range(15)]
        yield from _network(world, hosts)
    for kind, addresses in (("abroad", world.abroad), ("data centre", world.centres), ("on a list", world.listed)):
        for _ in range(max(2, round(20 * scale))):
            addresses.append(host := world.attacker(f"ssh: a few tries, {kind}"))
            yield few(world, host)
    for _ in range(max(2, round(8 * scale))):
        world.abroad.append(host := world.attacker("web: administrators' pages from abroad"))
        yield admin(world, host)


def _network(world: World, hosts: list[str]) -> Iterator[Events]:
    begin = _begin(world)
    for host in hosts:
        yield _bot(world, host, begin + world.dice.random() * 5000, [f"u{host[-2:]}"])
