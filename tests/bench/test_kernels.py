from __future__ import annotations

from edgeseg.bench.graph import Node
from edgeseg.bench.kernels import nodes_of


def nodes(*ops: str) -> list[Node]:
    return [Node(n, op, (n,), (n + 1,), (1, 4, 4, 2), "int8", False) for n, op in enumerate(ops)]


def test_one_look_up_serves_a_hard_swish_that_is_spelled_out() -> None:
    found = nodes_of(
        ["Convolution (NHWC, QC8) IGEMM", "Invalid Unary Op", "Multiply (ND)"], nodes("CONV_2D", "ADD", "MUL", "MUL")
    )
    assert [(node.op, node.index) for node in found if node] == [("CONV_2D", 0), ("ADD+MUL", 2), ("MUL", 3)]


def test_a_look_up_that_stands_for_something_else_leaves_the_kernels_own_names() -> None:
    assert nodes_of(["Invalid Unary Op"], nodes("SUB", "MUL")) == [None]
