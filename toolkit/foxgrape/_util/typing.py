"""Array types for annotations; import this module under `TYPE_CHECKING`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
DurationArray = npt.NDArray[np.timedelta64]
FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]
IntArray = npt.NDArray[np.int64]
ObjectArray = npt.NDArray[np.object_]
StringArray = npt.NDArray[np.str_]
UInt8Array = npt.NDArray[np.uint8]
UInt64Array = npt.NDArray[np.uint64]
