"""What an attacker may write into a field so that a filter takes somebody else's address for his."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from f2b.lint.bench import VICTIM, Field, Specimen

DATE = "2026-11-21T10:00:00+00:00"


def planted(specimen: Specimen, field: Field, lines: Iterable[str]) -> Iterator[str]:
    """Yield the specimen's text with one thing after the other in a field; `lines` accuse the victim."""
    text, before, after = specimen.text, specimen.text[: field.start], specimen.text[field.end :]
    old = text[field.start : field.end]
    if field.nature.host:
        yield f"{before}{VICTIM}.x.example{after}"
        return
    closed = field.nature.closed
    for payload in dict.fromkeys((*_names(), *_close(specimen, field, old or "x"), *_lines(lines))):
        if not any(char in payload for char in closed):
            yield before + payload + after


def _names() -> Iterator[str]:
    """Yield what may stand where a server writes the name of a host."""
    yield from (VICTIM, f"{VICTIM}.x.example", f"x.{VICTIM}")


def _close(specimen: Specimen, field: Field, old: str) -> Iterator[str]:
    """Yield what repeats the line's own words around the address, with the victim's in its place."""
    text = specimen.text
    yield from (VICTIM, f"{old} {VICTIM}", f"{old} {VICTIM} {old}", f"[{VICTIM}]", f"{old} from {VICTIM}")
    for start, end in specimen.addresses:
        false = text[:start] + VICTIM + text[end:]
        if start >= field.end:
            reach = start + len(VICTIM)
            between = text[field.end : start] + VICTIM
            rest = false[reach:]
            yield from (old + between, f"{old}{between} {old}", old + between + rest, f"{old}{between}{rest} {old}")
            yield from (
                f"{old}{between}{rest}: {old}",
                between + rest,
                f"{old}{between}:",
                f"{old}{between}{rest[:1]}",
            )
        yield from (false, f"{old} {false}", false[specimen.content :], f"{old} {false[specimen.content :]}")
        yield from (f"{old} {specimen.raw(false)}", f"{old} {DATE} {false}", f"{old}{false}{old}")


def _lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from (line, f"x {line}", f"x {line} ")
