"""Time zones as log lines and `logtimezone` write them: fixed offsets, or abbreviations with one meaning each.

Zones of places (`Europe/Zurich`) are the system's business: a date that names no zone is in its local time.
"""

from __future__ import annotations

import re

from f2b.errors import ConfigError

_EAST = """
-12 Y; -11 X NUT SST; -10 W CKT HAST HST TAHT TKT; -9.5 MART MIT; -9 V AKST GAMT HADT; -8 U AKDT PST;
-7 T MST PDT; -6 S CST EAST GALT MDT; -5 R CDT COT EASST ECT EST PET HNE; -4.5 VET;
-4 Q AST BOT CLT EDT FKT GYT PYT; -3.5 NST; -3 P ADT ART BRT CLST FKST GFT PMST PYST SRT UYT WGT; -2.5 NDT;
-2 O BRST FNT PMDT UYST WGST; -1 N AZOT CVT EGT; 0 UTC GMT Z EGST WET; 1 A CET WAT WEST;
2 B CAT CEST EET SAST WAST; 3 C EAT EEST IDT MSK; 3.5 IRST; 4 D AMT AZT GET GST MSD MUT RET SAMT SCT;
4.5 AFT IRDT; 5 E AMST MAWT MVT PKT TFT TJT TMT UZT YEKT; 5.5 SLT; 5.75 NPT; 6 F ALMT BTT IOT KGT OMST;
6.5 CCT MMT; 7 G CXT DAVT HOVT ICT KRAT WIB; 8 H AWST BDT BNT HKT IRKT MYT PHT SGT ULAT WITA WST;
9 I JST KST PWT TLT WIT YAKT; 9.5 ACST; 10 K AEST PGT VLAT; 10.5 ACDT LHST; 11 L AEDT LHDT MAGT NCT PONT SBT VUT;
11.5 NFT; 12 M ANAT FJT GILT NZST PETT TVT WFT; 13 NZDT
"""
"""Hours east of UTC. Where several zones share an abbreviation, Fail2Ban's choice."""

ABBREVIATIONS = {
    name: int(float(hours) * 3600) for hours, *names in map(str.split, _EAST.split(";")) for name in names
}

_ZONE = re.compile(r"([A-Z]*)(?:([+-])([01]\d)(?::?(\d\d))?)?")


def offset(text: str) -> int | None:
    """Return the seconds east of UTC of `+01:00`, `CET`, `UTC+2`, ...; None if it is no zone we know."""
    found = _ZONE.fullmatch(text)
    if found is None or not text:
        return None
    name, sign, hours, minutes = found.groups()
    east = ABBREVIATIONS.get(name) if name else 0
    if east is None or not sign:
        return east
    shift = int(hours) * 3600 + int(minutes or 0) * 60
    return east - shift if sign == "-" else east + shift


def configured(text: str) -> int:
    """Return the seconds east of UTC that `logtimezone` names; nothing means UTC. Raises ConfigError."""
    east = offset(text or "UTC")
    if east is None:
        raise ConfigError(
            f"unknown time zone {text!r}", cure="write an offset (+01:00), UTC, or an abbreviation in capitals (CET)"
        )
    return east
