"""Lines over sizes as SVG, both axes by powers of ten: no more than docs/benchmarks.md needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 290, 220
"""Of one panel, with its texts."""
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 30, 38
COLOURS = ("#888888", "#1f6feb")

Line = Sequence[tuple[float, float]]


def panels(titles: Sequence[str], drawn: Sequence[Mapping[str, Line]], unit: str) -> str:
    """Return an SVG with a panel beside the other; each has a line for each name."""
    parts = [
        f'<g transform="translate({number * WIDTH} 0)">{_panel(title, lines, unit if number == 0 else "")}</g>'
        for number, (title, lines) in enumerate(zip(titles, drawn, strict=True))
    ]
    size = f'width="{WIDTH * len(drawn)}" height="{HEIGHT}" viewBox="0 0 {WIDTH * len(drawn)} {HEIGHT}"'
    style = "text{font:11px sans-serif;fill:#555}.h{font-weight:bold}"
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{style}</style>{ground}'
        + "\n".join(parts)
        + "</svg>\n"
    )


def _panel(title: str, lines: Mapping[str, Line], unit: str) -> str:
    points = [point for line in lines.values() for point in line]
    across, up = _scale([x for x, _ in points]), _scale([y for _, y in points])
    parts = [_text(WIDTH / 2, 16, title, "middle", ' class="h"'), _text(4, TOP - 4, unit)]
    for power in range(up[0], up[1] + 1):
        y = _y(10.0**power, up)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 5, y + 4, _short(10.0**power), "end"))
    for x in sorted({x for x, _ in points}):
        parts.append(_text(_x(x, across), HEIGHT - BOTTOM + 16, _short(x), "middle"))
    for (name, line), colour in zip(lines.items(), COLOURS, strict=False):
        way = " ".join(f"{_x(x, across):.1f},{_y(y, up):.1f}" for x, y in line)
        parts.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{_x(x, across):.1f}" cy="{_y(y, up):.1f}" r="3" fill="{colour}"/>' for x, y in line]
        parts.append(_text(_x(line[-1][0], across), _y(line[-1][1], up) - 7, name, "end"))
    return "\n".join(parts)


def _scale(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten around values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _x(value: float, scale: tuple[int, int]) -> float:
    return LEFT + 8 + (WIDTH - LEFT - RIGHT - 16) * _part(value, scale)


def _y(value: float, scale: tuple[int, int]) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * _part(value, scale)


def _part(value: float, scale: tuple[int, int]) -> float:
    return (math.log10(value) - scale[0]) / (scale[1] - scale[0])


def _short(number: float) -> str:
    for size, sign in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{sign}"
    return f"{number:g}"


def _text(x: float, y: float, text: str, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'
