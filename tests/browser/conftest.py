"""`f2b web` in a real Chromium: run where F2B_BROWSER is set, by `script/browser` and `.ci/full`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

collect_ignore_glob = [] if os.environ.get("F2B_BROWSER") else ["test_*.py"]

if os.environ.get("F2B_BROWSER"):
    from tests.browser.chromium import Chromium, chromium
    from tests.browser.scene import Scene, scene

    @pytest.fixture(scope="session")
    def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
        """A server under attack, and its page."""
        with scene(tmp_path_factory.mktemp("scene")) as found:
            yield found

    @pytest.fixture
    def browser(shown: Scene, tmp_path: Path) -> Iterator[Chromium]:
        """A browser that has been nowhere."""
        with chromium(tmp_path, shown.url) as found:
            yield found
            assert not found.complaints(), "what the policy forbade, or what a script broke on"
