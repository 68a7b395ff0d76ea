"""What the edgetpu engine makes of a stub, in a child, on whatever runtime is here: run by a test.

python tests/engines/drill_edgetpu.py LIBRARY MODEL
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from edgeseg.engines.child import ChildEngine
from edgeseg.ports import EngineWish, ModelIO

if __name__ == "__main__":
    library, model = sys.argv[1:]
    engine = ChildEngine("edgetpu", Path(model).read_bytes(), ModelIO(8, 8), EngineWish(library=library))
    picture = np.random.default_rng(0).random((8, 8, 3), np.float32)
    right = bool(np.array_equal(engine.infer(picture), picture[..., 0]))
    report = engine.report
    print(json.dumps({"right": right, "library": report.library, "taken": report.delegated_nodes}))
    engine.close()
