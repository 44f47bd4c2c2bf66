"""What needs Debian's crowdsec-firewall-bouncer runs where F2B_BOUNCER names that program: .ci/full."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("F2B_BOUNCER") else ["test_firewall_bouncer.py"]
