"""HTTP: one POST, and what went wrong in words. URLs are never told: they may hold secrets."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import IO, NoReturn

from f2b import __version__
from f2b.errors import F2bError

PATIENCE_S = 15.0
LONGEST_ANSWER = 65536


class UndeliveredError(F2bError):
    """A message did not arrive; the target asks for a pause of `wait_s`."""

    def __init__(self, what: str, wait_s: float = 0.0, answer: bytes = b"") -> None:
        super().__init__(what)
        self.wait_s = wait_s
        self.answer = answer


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A POST that is sent elsewhere would go there as a GET, without its body."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> NoReturn:
        raise UndeliveredError(f"the server wants to be asked elsewhere (HTTP {code}); correct the URL")


_OPENER = urllib.request.build_opener(_NoRedirect)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send JSON. Raises UndeliveredError unless it was taken (2xx)."""
    ours = {"Content-Type": "application/json", "User-Agent": f"f2b/{__version__}"}
    request = urllib.request.Request(url, body, {**ours, **headers}, method="POST")
    try:
        with _OPENER.open(request, timeout=PATIENCE_S) as answer:
            answer.read(LONGEST_ANSWER)
    except urllib.error.HTTPError as error:
        said = error.read(LONGEST_ANSWER)
        error.close()
        raise UndeliveredError(f"HTTP {error.code}", _pause(error.headers.get("Retry-After")), said) from None
    except (OSError, http.client.HTTPException) as error:
        raise UndeliveredError(reason(error)) from None


def reason(error: Exception) -> str:
    """Say what an attempt to reach somebody ended with."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__)


def _pause(text: str | None) -> float:
    return float(text) if text and text.isdecimal() else 0.0
