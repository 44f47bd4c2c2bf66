"""Drawings as SVG: rectangles, lines and texts, in colours that suit light and dark pages."""

from __future__ import annotations

from html import escape

from f2b.cli.show import plain

FONT = 12
"""Height of usual text, in pixels."""
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.head{font-weight:600;font-size:14px}.dim{fill:#777}"
    ".bar{fill:#2f6db5}.bad{fill:#c0392b}.good{fill:#3a8f4d}.page{fill:#fff}.axis{stroke:#999;stroke-width:1}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.dim{fill:#999}.bar{fill:#6aa5e8}.bad{fill:#ef7d70}"
    ".good{fill:#7bc98b}.page{fill:#16181c}}"
)


class Drawing:
    """A page of so many pixels. Texts may be anybody's: they are escaped."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height = width, height
        self._title = title
        self._parts: list[str] = []

    def box(
        self, x: float, y: float, width: float, height: float, kind: str = "bar", *, tip: str = "", opacity: float = 1
    ) -> None:
        """Draw a filled rectangle; `kind` is bar, bad or good, `tip` what it says when pointed at."""
        shade = "" if opacity == 1 else f' fill-opacity="{opacity:.2f}"'
        inside = f"><title>{escape(plain(tip))}</title></rect>" if tip else "/>"
        self._parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{shade}{inside}'
        )

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """Write a text whose line stands at y; `kind` is head or dim, `anchor` start, middle or end."""
        style = f' class="{kind}"' if kind else ""
        self._parts.append(
            f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(plain(text))}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """Draw a thin line."""
        self._parts.append(f'<line class="axis" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def __str__(self) -> str:
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
                f"<title>{escape(self._title)}</title><style>{_STYLE}</style>",
                '<rect class="page" width="100%" height="100%"/>',
                *self._parts,
                "</svg>\n",
            ]
        )
