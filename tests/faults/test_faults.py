"""The quick part of the fault suite; script/faults runs all of it. Needs root."""

from __future__ import annotations

import pytest

from tests.faults.case import CASES
from tests.faults.suite import attempts

QUICK = [case for case in CASES if case.quick]


def test_quick_faults_do_no_harm() -> None:
    failed = [f"{it.case.area}: {it.case.name}: {it.failure}" for it in attempts(QUICK, "f2b") if it.failure]
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("area", sorted({case.area for case in CASES}))
def test_every_area_has_quick_cases_and_each_case_says_what_it_does(area: str) -> None:
    cases = [case for case in CASES if case.area == area]
    assert any(case.quick for case in cases)
    assert all(case.what for case in cases)
