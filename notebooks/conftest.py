"""Numbered notebooks are run as tests, by nbmake, in kernels in which a warning is an error."""

import os
from pathlib import Path

# A script is the same text as its notebook; templates are run as reports.
collect_ignore_glob = ["*.py", "templates/*"]

os.environ["IPYTHONDIR"] = str(Path(__file__).parents[1] / "tests" / "ipython")
