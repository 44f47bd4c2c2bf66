"""How hard property tests search.

Every run tries the same few examples, so that a green tree stays green; `HYPOTHESIS_PROFILE=long` (.ci/full) tries
many more, and others each time. `mutants` is for script/mutants.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "short", max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", parent=settings.get_profile("short"), max_examples=600, derandomize=False)
settings.register_profile(  # a failure is enough, be it ever so large
    "mutants", parent=settings.get_profile("short"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))
