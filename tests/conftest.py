"""How hard property tests search: `HYPOTHESIS_PROFILE=long` (.ci/full) tries many more examples than every run."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("short", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", parent=settings.get_profile("short"), max_examples=600)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))
