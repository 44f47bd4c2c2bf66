"""Which tests of a fleet take too long for every change; `.ci/full` sets F2B_FLEET."""

import os

collect_ignore = [] if os.environ.get("F2B_FLEET") else ["test_trouble.py"]
