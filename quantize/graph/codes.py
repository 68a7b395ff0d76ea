"""What the schema's numbers stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"
VERSION = 3

OPS: dict[int, str] = {v: k for k, v in vars(schema.BuiltinOperator).items() if k.isupper()}
OP_CODES = {name: code for code, name in OPS.items()}
OPTIONS: dict[str, int] = {k: v for k, v in vars(schema.BuiltinOptions).items() if not k.startswith("_")}
OPTION_NAMES = {code: name for name, code in OPTIONS.items()}
DTYPES: dict[int, np.dtype[Any]] = {
    schema.TensorType.FLOAT32: np.dtype(np.float32),
    schema.TensorType.FLOAT16: np.dtype(np.float16),
    schema.TensorType.INT32: np.dtype(np.int32),
    schema.TensorType.INT64: np.dtype(np.int64),
    schema.TensorType.INT16: np.dtype(np.int16),
    schema.TensorType.INT8: np.dtype(np.int8),
    schema.TensorType.UINT8: np.dtype(np.uint8),
    schema.TensorType.BOOL: np.dtype(np.bool_),
}
TYPE_CODES = {dtype: code for code, dtype in DTYPES.items()}
TYPE_NAMES: dict[int, str] = {v: k for k, v in vars(schema.TensorType).items() if k.isupper()}
