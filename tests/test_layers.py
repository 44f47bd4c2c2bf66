"""The order of the layers, the purity of the core, sizes: read from the sources, so that they stay true.

The table below is the one place where the order stands; docs/architecture.md says what each module is for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "f2b"

# A module imports only from the layers above its own, and within a layer of several modules without a cycle.
LAYERS = [
    ["named"],
    ["errors"],
    ["value"],
    ["runaway"],
    ["net"],
    ["duration"],
    ["events"],
    ["logform"],
    ["planted"],
    ["log"],
    ["loop"],
    ["memory"],
    ["paths"],
    ["bundle"],
    ["config"],
    ["date"],
    ["filter"],
    ["ban"],
    ["lines"],
    ["sieve"],
    ["oddity"],
    ["trace"],
    ["custody"],
    ["jail"],
    ["engine"],
    ["lint"],
    ["alarm"],
    ["source"],
    ["store"],
    ["firewall"],
    ["daemon"],
    ["control"],
    ["client"],
    ["notify"],
    ["metrics"],
    ["fleet"],
    ["cli", "web"],
    ["__main__"],
]

# What computes only: handed bytes, times and tables, it returns values. Replay and parity tests rest on this.
PURE = [
    *("named", "errors", "value", "runaway", "net", "duration", "events", "paths"),
    *("config", "date", "filter", "ban", "lines", "oddity", "trace", "sieve", "custody", "jail", "engine", "lint"),
    *(f"source.{module}" for module in ("entry", "newline", "pattern", "position", "rotation", "seek")),
    "firewall.effort",
    *("firewall", "firewall.dry", "firewall.expression", "firewall.life", "firewall.lifecycle", "firewall.nft"),
    *("firewall.choice", "firewall.ipset_wire", "firewall.plan", "firewall.reach", "firewall.whom"),
    "firewall.xtables",
    *("firewall.port", "firewall.render", "firewall.ruleset", "firewall.script", "firewall.shell"),
    *("firewall.stock", "firewall.stock_xtables", "firewall.ticket", "firewall.wire"),
    "daemon.account",
    *("daemon.assemble", "daemon.cause", "daemon.desk", "daemon.feed", "daemon.reload", "daemon.proof"),
    *("control", "control.pickles", "control.protocol", "control.requests", "control.refusal", "control.report"),
    *("control.roll", "control.testimony"),
    "control.event",
    "control.guest",
    *(f"web.{module}" for module in ("door", "markup", "setting")),
    *("fleet", "fleet.book", "fleet.entry", "fleet.gate", "fleet.herald", "fleet.setting", "fleet.tally"),
    *(f"control.{module}words" for module in ("", "server_", "jail_", "regex_", "bantime_", "action_")),
]
PACKAGES_PURE_THROUGHOUT = ("config", "date", "filter", "ban", "lint")
IMPURE = ["config.search"]
IMPURE_IMPORTS = {"asyncio", "socket", "_socket", "subprocess", "threading", "sqlite3", "logging", "random", "os"}
IMPURE_CALLS = {
    *("open", "io.open", "time.time", "time.time_ns", "time.monotonic", "time.sleep"),
    *(f"datetime.{kind}.{call}" for kind in ("datetime", "date") for call in ("now", "utcnow", "today")),
}
# Pure functions that live in an impure module.
PURE_NAMES = {("net", "_socket"): {"AF_INET", "AF_INET6", "inet_ntop", "inet_pton"}}

# (module, what it imports inside a function): why not at its top.
LATE_IMPORTS = {
    ("daemon.silence", "f2b.filter.form"): "only a filter that matches nothing needs it",
    ("cli.top", "f2b.cli.screen"): "textual, which only this command needs, and not with --json",
    ("daemon.protection", "grp"): "needed only while somebody is logged in",
    ("daemon.protection", "pwd"): "needed only while somebody is logged in",
    ("config.convert", "difflib"): "only to name a likely misspelling, once something is wrong",
    ("config.interpolation", "difflib"): "the same",
    ("config.count", "f2b.config.formula"): "0.7 MB with ast, and few jails have a formula",
    ("ban.growth", "f2b.config.formula"): "the same",
    ("bundle", "zipfile"): "10 ms that only a zipapp pays",
    ("cli.compat_ping", "f2b.cli"): "all of the client takes several times as long to import as `ping` takes",
    ("cli.compat_client", "f2b"): "only who starts a server needs to know where f2b lies",
    ("cli.compat_client", "f2b.config"): "the client is called in loops, and only some calls read a configuration",
    ("cli.compat_client", "f2b.control.address"): "the same",
    ("control.address", "f2b.config"): "clients are called in loops, and few configurations need all of the reader",
    ("control.address", "pathlib"): "the same",
    ("control.endpoint", "f2b.control"): "eight modules that no answer needs before the jails are up",
    ("firewall.choice", "f2b.firewall"): "regexes that only hosts with iptables need",
    ("firewall.native", "f2b.firewall.ipset"): "the same",
    ("firewall.native", "f2b.firewall.iptables"): "the same",
    ("firewall.build", "f2b.firewall"): "threads that only Python actions need",
    ("firewall.build", "f2b.firewall.python"): "the same",
    ("store.rescue", "shutil"): "0.5 MB with what it imports, and few databases need rescue",
    ("store.rescue", "tempfile"): "the same",
    ("cli.compat_client", "pathlib"): "6 ms that only who reads the configuration pays",
    ("cli.compat_show", "f2b.cli"): "only `statistics` draws a table",
    ("cli.compat_client", "shlex"): "only to talk with somebody who types",
    ("source.journal", "f2b.source.journalctl"): "subprocess, only where libsystemd cannot be used",
    ("daemon.reference", "maxminddb"): "an extra, which only filters by origin need",
    ("daemon.reference", "protego"): "an extra, which only the type robots needs",
    ("cli.verdict", "socket"): "3 ms that only logs with host names cost",
    ("cli.sample", "subprocess"): "5 ms that only who reads the journal pays",
    ("cli.sample", "f2b.source"): "the same",
    ("cli.regex", "f2b.cli"): "thirty modules that filters of regexes do not need",
    ("filter.build", "f2b.filter"): "twenty modules that only hosts with filter types need",
    ("filter.build", "f2b.filter.over"): "the same",
    ("source.journal", "f2b.source.libsystemd"): "ctypes and libsystemd, only where a jail reads the journal",
    ("cli.report", "urllib.parse"): "10 ms that only -D needs",
    ("firewall.sets", "pyroute2"): "150 ms and 12 MB that only hosts with ipset need",
    ("firewall.native", "f2b.firewall.iptc"): "python-iptables is an extra, and loads libraries at import",
    ("notify.target", "apprise"): "an extra, half a second of import",
    ("cli.metrics", "f2b.metrics.collector"): "prometheus_client is an extra",
    ("cli.metrics", "f2b.metrics.page"): "the same",
    ("cli.web", "f2b.web.bouncer"): "starlette and uvicorn are an extra",
    ("cli.web", "f2b.web.serve"): "the same",
    ("cli.web", "f2b.web.site"): "the same",
    ("cli.fleet", "f2b.fleet.service"): "redis is an extra",
    ("cli.fleet", "f2b.fleet.stream"): "the same",
    ("cli.fleet", "redis.exceptions"): "the same",
    ("control.listener", "grp"): "few sockets have a group",
    ("control.endpoint", "pwd"): "few servers have a fleet",
    ("cli.networks", "maxminddb"): "an extra, and only this command needs it",
    ("cli.demo", "pyroute2"): "100 ms of import that only the demonstration for root needs",
}

# What costs time and memory at every start, and what takes its place.
DEAR_IMPORTS = {
    "dataclasses": "f2b.value",
    "typing.NamedTuple": "f2b.named",
    "asyncio": "f2b.loop",
    "logging": "f2b.log",
}
DEAR_ALLOWED = {
    *(("value", "dataclasses"), ("named", "typing.NamedTuple"), ("cli.fleet", "asyncio"), ("web.serve", "asyncio")),
    *((f"fleet.{module}", "asyncio") for module in ("hand", "link", "service")),  # a process of its own
    ("cli.demo", "dataclasses"),
}

MAX_FILE = 500
MAX_FUNCTION = 60


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of every import under `tree`; name "" for `import module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            yield from ((node.module or "", alias.name) for alias in node.names)


def ours(tree: ast.AST) -> Iterator[str]:
    """Yield the modules of f2b that `tree` imports, named from below f2b."""
    for module, name in imports(tree):
        if module.split(".")[0] != "f2b":
            continue
        below = module.removeprefix("f2b").removeprefix(".")
        inner = f"{below}.{name}".removeprefix(".")
        yield inner if inner in MODULES else below


def layer(module: str) -> int:
    """Return where the module stands in LAYERS; the package itself (its version) is above all."""
    if not module:
        return -1
    for index, names in enumerate(LAYERS):
        if module.split(".")[0] in names:
            return index
    raise AssertionError(f"f2b.{module} stands in no layer: add it to LAYERS")


def is_pure(module: str) -> bool:
    throughout = module.split(".")[0] in PACKAGES_PURE_THROUGHOUT
    return (module in PURE or throughout) and module not in IMPURE


def calls(tree: ast.AST) -> set[str]:
    """Return the full names of what is called: `wall.time()` after `import time as wall` is `time.time`."""
    real = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            real.update({alias.asname or alias.name: alias.name for alias in node.names})
        elif isinstance(node, ast.ImportFrom):
            real.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    names = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {real.get(head, head) + dot + tail for head, dot, tail in (name.partition(".") for name in names)}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("module", MODULES)
def test_module_when_it_imports_ours_then_only_from_above(module: str) -> None:
    below = [other for other in ours(TREES[module]) if layer(other) > layer(module)]
    assert not below


def test_imports_when_followed_then_they_never_come_back() -> None:
    open_modules: list[str] = []
    done: set[str] = set()

    def visit(module: str) -> None:
        assert module not in open_modules, f"a cycle: {' -> '.join([*open_modules, module])}"
        if module in done:
            return
        open_modules.append(module)
        for other in set(ours(TREES[module])) - {module}:
            visit(other)
        done.add(open_modules.pop())

    for module in MODULES:
        visit(module)
    assert done == set(MODULES)


@pytest.mark.parametrize("module", [module for module in MODULES if is_pure(module)])
def test_pure_module_when_read_then_it_touches_nothing_outside(module: str) -> None:
    tree = TREES[module]
    excused = {(where, name) for (who, where), names in PURE_NAMES.items() if who == module for name in names}
    impure = [
        (where, name)
        for where, name in imports(tree)
        if where.split(".")[0] in IMPURE_IMPORTS and (where, name) not in excused
    ]
    assert not impure
    assert not calls(tree) & IMPURE_CALLS
    assert not [other for other in ours(tree) if other and not is_pure(other)]


@pytest.mark.parametrize("module", MODULES)
def test_module_when_measured_then_it_is_no_longer_than_one_can_read(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= MAX_FILE
    long = [f.name for f in functions(TREES[module]) if (f.end_lineno or 0) - f.lineno >= MAX_FUNCTION]
    assert not long


@pytest.mark.parametrize("module", MODULES)
def test_module_when_it_imports_then_nothing_dear(module: str) -> None:
    found = {part for where, name in imports(TREES[module]) for part in (where.split(".")[0], f"{where}.{name}")}
    dear = {
        where: DEAR_IMPORTS[where] for where in found & DEAR_IMPORTS.keys() if (module, where) not in DEAR_ALLOWED
    }
    assert not dear, "use our own instead"


def test_late_imports_when_collected_then_each_has_its_reason() -> None:
    late = {
        (module, where)
        for module, tree in TREES.items()
        for function in functions(tree)
        for where, _ in imports(function)
    }
    assert late == set(LATE_IMPORTS)


def test_tables_when_compared_with_the_tree_then_they_name_only_what_is_there() -> None:
    assert not {*PURE, *IMPURE} - set(MODULES)


def test_architecture_when_compared_with_the_tree_then_it_names_every_module() -> None:
    """By its path below f2b/: `jail.py`, `filter/regex.py`; a package as `filter/`."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = [path.relative_to(PACKAGE).as_posix().removesuffix("__init__.py") for path in MODULES.values()]
    assert not [path for path in paths if path and not re.search(rf"(?<![\w.-]){re.escape(path)}", text)]
