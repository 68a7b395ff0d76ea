"""Engines: one way to run a model a file. The tables are all that is known of them before one is made."""

ENGINES = {
    "cpu": "edgeseg.engines.litert:CpuEngine",
    "gpu": "edgeseg.engines.gpu:GpuEngine",
    "npu": "edgeseg.engines.npu:NpuEngine",
    "edgetpu": "edgeseg.engines.edgetpu:EdgeTpuEngine",
    "chroma": "edgeseg.engines.chroma:ChromaEngine",
}
# What can abort, hang or leak runs in a child process, see `child.ChildEngine`.
APART = frozenset({"gpu", "npu", "edgetpu"})
