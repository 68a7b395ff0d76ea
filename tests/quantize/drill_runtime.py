"""Run every model in a folder on whatever runtime this Python has; one line of JSON for each.

    python drill_runtime.py FOLDER ANSWERS [PRECISION...]

FOLDER holds `.tflite` files, and pictures-<height>x<width>.npy for each size: (count, height, width, 3) uint8 RGB;
float models take only the first, for an emulator is slow at them. PRECISION: the models whose names end so. What each
answers goes to ANSWERS/<model>.npz. Numpy and LiteRT or tflite-runtime is all that is asked for.
"""

import hashlib
import importlib
import json
import sys
from pathlib import Path

import numpy as np

from edgeseg.engines.interpreter import RUNTIMES, counted


def interpreter_class():
    for _, package in RUNTIMES:
        try:
            return importlib.import_module(f"{package}.interpreter").Interpreter
        except ImportError:
            continue
    raise SystemExit("there is neither LiteRT nor tflite-runtime here")


def fed(pictures, dtype):
    """The pictures as a tier takes them: RGB in [0, 1], or its 256 steps."""
    if dtype == np.float32:
        return pictures[:1].astype(np.float32) / 255
    return pictures if dtype == np.uint8 else (pictures.astype(np.int16) - 128).astype(np.int8)


def answers(interpreter, pictures):
    """The outputs for each picture, the mask first."""
    given = interpreter.get_input_details()[0]
    for picture in fed(pictures, given["dtype"]):
        interpreter.set_tensor(given["index"], picture[np.newaxis])
        interpreter.invoke()
        yield [interpreter.get_tensor(out["index"]) for out in interpreter.get_output_details()]


def main(folder, to, *precisions):
    make = interpreter_class()
    Path(to).mkdir(exist_ok=True)
    for model in sorted(Path(folder).glob("*.tflite")):
        if precisions and not model.stem.endswith(precisions):
            continue
        interpreter = make(model_path=str(model), num_threads=1)
        interpreter.allocate_tensors()
        _, height, width, _ = interpreter.get_input_details()[0]["shape"]
        pictures = np.load(model.with_name(f"pictures-{height}x{width}.npy"))
        given = list(answers(interpreter, pictures))
        np.savez(Path(to, f"{model.stem}.npz"), *(np.concatenate(outputs) for outputs in zip(*given, strict=True)))
        delegated, nodes, _ = counted(interpreter)
        hashes = [hashlib.sha256(b"".join(out.tobytes() for out in outputs)).hexdigest() for outputs in given]
        print(json.dumps({"model": model.stem, "delegated": delegated, "nodes": nodes, "sha256": hashes}))


if __name__ == "__main__":
    main(*sys.argv[1:])
