"""What a model does not need goes; what runtimes ask for is added."""

from __future__ import annotations

from quantize.graph.graph import Graph, ModelError, Op, Tensor


def drop_orphans(graph: Graph) -> None:
    """Operations whose results nothing takes go; tensors and buffers that nothing points at are never written."""
    kept: list[Op] = []
    needed = {id(t) for t in graph.outputs}
    for op in reversed(graph.ops):
        if any(id(out) in needed for out in op.outputs):
            needed.update(id(t) for t in op.inputs if t is not None)
            kept.append(op)
    graph.ops = kept[::-1]


def keep_outputs(graph: Graph, names: dict[str, str]) -> None:
    """Keep the outputs of these tensor names, in this order, and name them in the signature: tensor -> name there."""
    by_name = {t.name: t for t in graph.outputs}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise ModelError(f"The model has no output {missing[0]}; it has {', '.join(by_name)}.")
    graph.outputs = [by_name[name] for name in names]
    add_signature(graph, list(names.values()))


def add_signature(graph: Graph, outputs: list[str] | None = None) -> None:
    """A signature `serving_default`, by which quantizers and delegates find inputs and outputs."""
    outs = outputs or ["mask", *(f"output_{i}" for i in range(1, len(graph.outputs)))]
    ins = ["image", *(f"input_{i}" for i in range(1, len(graph.inputs)))]
    graph.signature = {
        "inputs": dict(zip(ins, graph.inputs, strict=True)),
        "outputs": dict(zip(outs, graph.outputs, strict=True)),
    }


def mask_as_probability(graph: Graph) -> None:
    """A first output that is not computed by LOGISTIC is taken for logits and gets one: a mask is in [0, 1]."""
    mask = graph.outputs[0]
    producer = graph.producer(mask)
    if producer is not None and producer.name == "LOGISTIC":
        return
    probability = Tensor(f"{mask.name}_probability", mask.shape, mask.dtype)
    graph.redirect(mask, probability)
    graph.ops.append(Op("LOGISTIC", [mask], [probability]))
