"""Faults of the firewall: others who change it, limits, programs that are missing."""

from __future__ import annotations

import shutil
import signal
import time
from functools import partial
from pathlib import Path

from tests.faults.case import fault
from tests.faults.patient import NFT, Patient, numbered

IPTABLES = 'iptables-multiport[name=app, port="80", protocol=tcp]'
IPSET = 'iptables-ipset-proto6[name=app, port="80", protocol=tcp]'
BOTH_ACTIONS = f"{NFT}\n  note"


def holds(patient: Patient, *who: str) -> None:
    patient.wait(lambda: patient.held() == sorted(who), f"the kernel holds {patient.held()}, not {sorted(who)}")


def _banned(patient: Patient, count: int = 5) -> list[str]:
    """Start with the native action beside the one that notes, and let some be banned."""
    everybody = list(numbered(count))
    patient.jail(action=BOTH_ACTIONS)
    patient.log.touch()
    patient.start()
    for who in everybody:
        patient.attack(who)
    patient.sees(*everybody)
    holds(patient, *everybody)
    return everybody


def _changed(patient: Patient, *command: str) -> None:
    """Let somebody change the firewall: everybody who is banned is to be held again, and the next one, too."""
    everybody = _banned(patient)
    patient.inside(*command)
    patient.goes_on()
    holds(patient, *everybody, "192.0.2.99")


@fault(quick=True)
def table_deleted(patient: Patient) -> None:
    """Somebody deletes the table."""
    _changed(patient, "nft", "delete table inet f2b-table")


@fault()
def everything_flushed(patient: Patient) -> None:
    """Somebody flushes the whole ruleset."""
    _changed(patient, "nft", "flush ruleset")


@fault()
def set_flushed(patient: Patient) -> None:
    """Somebody empties the set."""
    _changed(patient, "nft", "flush set inet f2b-table addr-set-app")


@fault()
def one_element_deleted(patient: Patient) -> None:
    """Somebody takes one address out of the set."""
    _changed(patient, "nft", "delete element inet f2b-table addr-set-app { 198.51.0.1 }")


@fault()
def rules_deleted(patient: Patient) -> None:
    """Somebody deletes the rules, and leaves the set: it must be used again."""
    _changed(patient, "nft", "flush chain inet f2b-table f2b-chain")
    chain = ("nft", "list", "chain", "inet", "f2b-table", "f2b-chain")
    patient.wait(lambda: "@addr-set-app" in patient.inside(*chain, fails=True), "the set is not used any more")


@fault()
def table_deleted_again_and_again(patient: Patient) -> None:
    """Thirty times within three seconds, while bans come."""
    everybody = _banned(patient)
    more = numbered(30, "203.0")
    for who in more:
        patient.inside("nft", "delete table inet f2b-table", fails=True)
        patient.attack(who)
        time.sleep(0.1)
    patient.sees(*more)
    patient.goes_on()
    holds(patient, *everybody, *more, "192.0.2.99")


@fault()
def set_made_anew_and_full(patient: Patient) -> None:
    """Somebody puts a set of the same name in place, with room for two only."""
    everybody = _banned(patient)
    put = "delete table inet f2b-table; add table inet f2b-table; "
    put += "add set inet f2b-table addr-set-app { type ipv4_addr; flags timeout; size 2; }"
    patient.inside("nft", put)
    patient.goes_on()
    holds(patient, *everybody, "192.0.2.99")


@fault()
def set_of_another_type(patient: Patient) -> None:
    """Somebody puts a set of the same name, but of another type, in place."""
    everybody = _banned(patient)
    put = "delete table inet f2b-table; add table inet f2b-table; "
    put += "add set inet f2b-table addr-set-app { type inet_service; }"
    patient.inside("nft", put)
    patient.goes_on()
    holds(patient, *everybody, "192.0.2.99")


@fault()
def table_owned_by_another(patient: Patient) -> None:
    """A program takes the table as its own, so that the kernel refuses changes (EPERM), for three seconds."""
    everybody = _banned(patient)
    own = "delete table inet f2b-table; add table inet f2b-table { flags owner; }"
    patient.inside("sh", "-c", f"(echo '{own}'; sleep 3) | nft -i >/dev/null")
    patient.goes_on()
    holds(patient, *everybody, "192.0.2.99")


@fault()
def news_lost(patient: Patient) -> None:
    """While the server stands still, more news come than its socket takes (ENOBUFS); then the table is deleted."""
    everybody = _banned(patient)
    patient.send(signal.SIGSTOP)
    patient.inside("nft", "add table ip other; add set ip other s { type ipv4_addr; flags interval; }")
    for turn in range(3):
        elements = ", ".join(f"10.{turn}.{number >> 8}.{number & 255}" for number in range(0, 60_000, 2))
        (patient.folder / "many").write_text(f"add element ip other s {{ {elements} }}\n")
        patient.inside("nft", "-f", str(patient.folder / "many"))
    patient.inside("nft", "delete table ip other; delete table inet f2b-table")
    patient.send(signal.SIGCONT)
    patient.goes_on()
    holds(patient, *everybody, "192.0.2.99")


def _hidden(patient: Patient, *programs: str) -> None:
    """Let programs be missing from now on."""
    for program in programs:
        patient.inside("mount", "--bind", "/dev/null", str(_place(program)))


def _found(patient: Patient, *programs: str) -> None:
    """Let them be there again."""
    for program in programs:
        patient.inside("umount", str(_place(program)))


def _place(program: str) -> Path:
    return Path(shutil.which(program) or f"/usr/sbin/{program}").resolve()


@fault(quick=True)
def nft_is_missing(patient: Patient) -> None:
    """The program nft goes while the server runs."""
    everybody = _banned(patient)
    _hidden(patient, "nft")
    patient.goes_on()
    _found(patient, "nft")
    holds(patient, *everybody, "192.0.2.99")


def _iptables_holds(patient: Patient, *who: str) -> None:
    for each in who:
        patient.wait(partial(_listed, patient, f"-s {each}/32", "iptables", "-S"), f"{each} is let in")


def _listed(patient: Patient, text: str, *command: str) -> bool:
    return text in patient.inside(*command)


@fault()
def iptables_flushed(patient: Patient) -> None:
    """Somebody flushes iptables and deletes its chains; everybody is shut out again."""
    patient.jail(action=f"{IPTABLES}\n  note")
    patient.log.touch()
    patient.start()
    patient.bans("192.0.2.1")
    _iptables_holds(patient, "192.0.2.1")
    patient.inside("sh", "-c", "iptables -F; iptables -X")
    patient.goes_on()
    _iptables_holds(patient, "192.0.2.1", "192.0.2.99")


@fault()
def iptables_is_missing_for_a_while(patient: Patient) -> None:
    """The iptables programs go while the server runs, and come back; who was banned meanwhile is shut out then."""
    patient.jail(action=f"{IPTABLES}\n  note")
    patient.log.touch()
    patient.start()
    patient.bans("192.0.2.1")
    _iptables_holds(patient, "192.0.2.1")
    names = ("xtables-nft-multi", "xtables-legacy-multi")
    _hidden(patient, *names)
    patient.bans("192.0.2.2")
    time.sleep(1.0)
    _found(patient, *names)
    patient.goes_on()
    _iptables_holds(patient, "192.0.2.1", "192.0.2.2", "192.0.2.99")


@fault()
def ipset_destroyed(patient: Patient) -> None:
    """Somebody flushes the rules and destroys the ipset, or empties it where the rules were back already."""
    patient.jail(action=f"{IPSET}\n  note")
    patient.log.touch()
    patient.start()
    patient.bans("192.0.2.1")
    patient.inside("sh", "-c", "iptables -F; ipset destroy || ipset flush")
    patient.goes_on()
    for who in ("192.0.2.1", "192.0.2.99"):
        patient.wait(partial(_listed, patient, f" {who} ", "ipset", "save"), f"{who} is let in")


@fault()
def rights_are_missing(patient: Patient) -> None:
    """The server may not change the firewall at all: it must say so, and not look like one that protects."""
    patient.setup = 'exec setpriv --bounding-set -net_admin --inh-caps -net_admin "$@"'
    patient.jail(action=NFT)
    patient.log.touch()
    patient.start(wait=False)
    patient.wait(lambda: not patient.alive, "it runs on as if all were well")
    assert "No jail can ban" in patient.said()


@fault()
def killed_and_the_kernel_agrees(patient: Patient) -> None:
    """kill -9 between bans; the next server holds everybody, once."""
    everybody = _banned(patient)
    patient.attack("203.0.113.7")
    patient.kill()
    patient.acts.unlink(missing_ok=True)
    patient.setup = ""
    patient.start()
    patient.goes_on()
    patient.wait(lambda: "203.0.113.7" in patient.banned(), "203.0.113.7 is lost")
    holds(patient, *everybody, "203.0.113.7", "192.0.2.99")
