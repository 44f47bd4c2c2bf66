"""The wheel and the sdist, installed for real: everything is there, is found, and runs.

`F2B_PYTHONS` (interpreters, separated by blanks) makes this try every way of installing with each of them, as
.ci/full does; without it, the usual two ways with the Python that runs the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DATA = ("actions", "filters", "jails")
NOT_SOURCE = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "build")

PYTHONS = os.environ.get("F2B_PYTHONS", "").split()
WAYS = ["wheel", "sdist", "checkout", "editable"] if PYTHONS else ["wheel", "editable"]

# Run in an empty folder by the installed Python: what a user's f2b finds.
LIST_SHIPPED = """
from pathlib import Path
from f2b.config.search import Disk
disk = Disk(None)
print(*(f"actions/{name}.conf" for name in disk.names("action.d")))
print("actions/smtp.py" if disk.program("smtp.py") else "")
print(*(f"filters/{name}.conf" for name in disk.names("filter.d")))
print(*(f"jails/{Path(path).name}" for path in disk.stack("jail")))
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def shipped_files() -> list[str]:
    files = (path for kind in DATA for path in (ROOT / kind).iterdir() if path.suffix in (".conf", ".py"))
    return sorted(str(path.relative_to(ROOT)) for path in files)


def config() -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    return parser


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, so that a build leaves nothing behind in the real ones."""
    copy = tmp_path_factory.mktemp("source") / "f2b"
    shutil.copytree(ROOT, copy, ignore=NOT_SOURCE)
    return copy


@pytest.fixture(scope="session")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist, and the wheel that is built from it."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out, checkout, cwd=out)
    return {"wheel": next(out.glob("*.whl")), "sdist": next(out.glob("*.tar.gz"))}


def test_packages_when_compared_with_the_tree_then_each_is_listed() -> None:
    listed = config()["options"]["packages"].split()
    tree = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "f2b").rglob("__init__.py")}
    assert sorted(listed) == sorted(tree | {f"f2b.shipped.{kind}" for kind in DATA})


def test_wheel_when_opened_then_it_holds_every_module_and_nothing_else(built: dict[str, Path]) -> None:
    names = zipfile.ZipFile(built["wheel"]).namelist()
    installed = [name for name in names if ".dist-info/" not in name and ".data/" not in name]
    files = [path for path in (ROOT / "f2b").rglob("*") if path.suffix in (".py", ".css", ".js", ".svg", ".typed")]
    modules = [str(path.relative_to(ROOT)) for path in files]
    data = [f"f2b/shipped/{path}" for path in shipped_files()]
    assert sorted(installed) == sorted([*modules, *data])
    for shared in (
        "man/man1/f2b.1",
        "man/man1/f2b-regex.1",
        "bash-completion/completions/f2b",
        "zsh/site-functions/_f2b",
    ):
        assert any(name.endswith(f".data/data/share/{shared}") for name in names)
    assert any(name.endswith("/LICENSE") for name in names)


def test_sdist_when_opened_then_it_can_be_tested(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = ["tests", *DATA, "completions", "docs", "man", "script", ".ci"]
    files = [path for folder in wanted for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert not {str(path.relative_to(ROOT)) for path in files if path.suffix != ".pyc"} - names


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("python", PYTHONS or [sys.executable])
def test_installed_f2b_when_run_elsewhere_then_it_finds_what_it_ships(
    python: str, way: str, checkout: Path, built: dict[str, Path], tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    run(python, "-m", "venv", venv, cwd=tmp_path)
    target = ["--editable", checkout] if way == "editable" else [built.get(way, checkout)]
    run(venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *target, cwd=tmp_path)

    empty = tmp_path / "empty"
    empty.mkdir()
    assert sorted(run(venv / "bin" / "python", "-c", LIST_SHIPPED, cwd=empty).split()) == shipped_files()
    log = empty / "auth.log"
    log.write_text("Nov 21 10:00:00 host sshd[1]: Invalid user admin from 192.0.2.1 port 1\n")
    found = run(venv / "bin" / "f2b", "regex", "--json", log, "sshd", cwd=empty)
    assert json.loads(found.splitlines()[0])["failures"][0]["id"] == "192.0.2.1"
    for command in ("f2b", "fail2ban-client", "fail2ban-server", "fail2ban-regex"):
        assert run(venv / "bin" / command, "--version", cwd=empty)


@pytest.fixture(scope="session")
def zipapp(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """f2b.pyz, made as script/package makes it."""
    folder = tmp_path_factory.mktemp("zipapp")
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
    run(*pip, "--dest", folder, "click", "pyroute2", cwd=folder)
    wheels = sorted(folder.glob("*.whl"))
    run(
        sys.executable,
        ROOT / "packaging" / "zipapp" / "build",
        folder / "f2b.pyz",
        built["wheel"],
        *wheels,
        cwd=folder,
    )
    return folder / "f2b.pyz"


@pytest.mark.parametrize("python", PYTHONS or [sys.executable])
def test_zipapp_when_nothing_is_installed_then_it_runs_and_finds_what_it_ships(
    python: str, zipapp: Path, tmp_path: Path
) -> None:
    bare = (python, "-I", "-S")
    find = f"import sys; sys.path.insert(0, {str(zipapp)!r})\n{LIST_SHIPPED}"
    assert sorted(run(*bare, "-c", find, cwd=tmp_path).split()) == shipped_files()
    assert run(*bare, zipapp, "--version", cwd=tmp_path).startswith("f2b ")
    assert "attacker" in run(*bare, zipapp, "demo", "--help", cwd=tmp_path)  # by click, out of the same file
    line = "Nov 21 10:00:00 host sshd[1]: Invalid user admin from 192.0.2.1 port 1"
    found = run(*bare, zipapp, "regex", "--json", line, "sshd", cwd=tmp_path)
    assert json.loads(found.splitlines()[0])["failures"][0]["id"] == "192.0.2.1"
    client = tmp_path / "fail2ban-client"
    client.symlink_to(zipapp)
    assert run(*bare, client, "--version", cwd=tmp_path).startswith("Fail2Ban ")


def test_zipapp_when_it_starts_a_server_then_the_server_is_the_zipapp_too(zipapp: Path, tmp_path: Path) -> None:
    (tmp_path / "jail.conf").write_text("[app]\nenabled = true\nfilter = sshd\nlogpath = app.log\naction = dry\n")
    bare = (sys.executable, "-I", "-S", zipapp.name)
    where = ("-c", tmp_path, "-s", tmp_path / "sock", "-p", tmp_path / "pid", "--logtarget", tmp_path / "log")
    (tmp_path / "fail2ban.conf").write_text(f"[Definition]\ndbfile = None\nsocket = {tmp_path}/sock\n")
    try:
        assert "Server ready" in run(*bare, "--as=fail2ban-client", *where, "start", cwd=zipapp.parent)
        assert b"--as=fail2ban-server" in Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/cmdline").read_bytes()
        assert "app" in run(*bare, "status", "-c", tmp_path, cwd=zipapp.parent)
    finally:
        run(*bare, "stop", "-c", tmp_path, cwd=zipapp.parent)
