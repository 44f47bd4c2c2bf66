"""Every annotated line of Fail2Ban's sample logs, through Debian's own filters and `f2b regex`: as they say."""

from __future__ import annotations

import pytest

from tests.filter import agreement


def test_samples_when_fed_in_order_then_all_fail_as_annotated(capsys: pytest.CaptureFixture[str]) -> None:
    agreement.main([])
    assert capsys.readouterr().out == "1381 of 1381 sample lines agree\n"
