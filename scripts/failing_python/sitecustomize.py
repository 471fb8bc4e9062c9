"""Let calls fail in every Python process with this folder on its path; see failing_calls.py."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if "FOXGRAPE_FAULT" in os.environ:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from failing_calls import FailingCalls

    del sys.path[0]
    FailingCalls.from_environment().install()
