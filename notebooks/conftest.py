"""Run the numbered notebooks as tests with nbmake, in kernels where warnings are errors."""

import os
from pathlib import Path

# Scripts duplicate their notebooks, and other tests run the templates as reports.
collect_ignore_glob = ["*.py", "templates/*"]

os.environ["IPYTHONDIR"] = str(Path(__file__).parents[1] / "tests" / "ipython")
