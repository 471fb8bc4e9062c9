"""Make warnings errors in the kernels of tests, as in the tests themselves."""

import warnings

warnings.simplefilter("error")
