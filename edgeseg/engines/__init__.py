"""Engines: one way to run a model a file. The table is all that is known of them before one is made."""

ENGINES = {
    "cpu": "edgeseg.engines.litert:CpuEngine",
    "chroma": "edgeseg.engines.chroma:ChromaEngine",
}
