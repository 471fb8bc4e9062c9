"""In the kernels of tests a warning is an error, as it is in tests."""

import warnings

warnings.simplefilter("error")
