# SPDX-License-Identifier: Apache-2.0
"""Questions about graphs, and multiply-accumulates against published figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gen_fw.model import graph
from gen_fw.model.macs import operator_macs, total_macs
from gen_fw.model.reader import read_model
from gen_fw.model.types import Model
from tflite_writer import DENSE, Fields, write

#: MLPerf Tiny v1.x reference models and person_detect, by neuralSPOT's counting rules
PUBLISHED = {
    "mlperf_kws_ref_model": 2_656_768,
    "mlperf_vww_96_int8": 7_489_664,
    "mlperf_pretrainedResnet_quant": 12_501_632,
    "mlperf_ad01_int8": 264_192,
    "mlperf_str_ww_ref_model": 826_368,
    "tflm_person_detect": 7_157_888,
}


@pytest.mark.parametrize(("name", "macs"), PUBLISHED.items())
def test_published_macs(shared: Path, name: str, macs: int) -> None:
    model = read_model(shared / "models" / f"{name}.tflite")
    assert total_macs(model) == macs


def _single(code: int, shapes: list[list[int] | None], output: list[int], **options: Any) -> Model:
    """A float model of one operator; a shape of None is an omitted input."""
    tensors = [{"shape": shape or [1]} for shape in shapes] + [{"shape": output}]
    operator: Fields = {
        "inputs": [i if shape is not None else -1 for i, shape in enumerate(shapes)],
        "outputs": [len(shapes)],
    }
    for union_type, fields in options.items():
        operator["builtin_options"] = (union_type, fields)
    subgraph = {
        "tensors": tensors,
        "inputs": [i for i, shape in enumerate(shapes) if shape is not None],
        "outputs": [len(shapes)],
        "operators": [operator],
    }
    codes = [{"builtin_code": code, "deprecated_builtin_code": min(code, 127)}]
    return read_model(
        write({"version": 3, "operator_codes": codes, "buffers": [{}], "subgraphs": [subgraph]})
    )


CONV = {"stride_w": 1, "stride_h": 1}
LSTM_FULL: list[list[int] | None] = [
    [7, 2, 5],  # 7 steps, 2 rows, 5 inputs
    *[[3, 5]] * 4,
    *[[3, 3]] * 4,
    None,
    None,
    None,
    *[[3]] * 4,
    None,
    None,
    [2, 3],
    [2, 3],
]
LSTM_CIFG = [None if i in (1, 5, 12) else shape for i, shape in enumerate(LSTM_FULL)]
RULES: list[tuple[Model, int]] = [
    (_single(3, [[1, 8, 8, 3], [16, 3, 3, 3]], [1, 4, 4, 16], Conv2DOptions=CONV), 4 * 4 * 16 * 27),
    (
        _single(4, [[1, 8, 8, 3], [1, 3, 3, 6]], [1, 8, 8, 6], DepthwiseConv2DOptions=CONV),
        8 * 8 * 6 * 9,
    ),
    (_single(9, [[2, 7], [5, 7]], [2, 5]), 2 * 7 * 5),
    (
        _single(67, [[4], [5, 3, 3, 2], [1, 4, 4, 2]], [1, 8, 8, 5], TransposeConvOptions=CONV),
        4 * 4 * 2 * 5 * 9,
    ),
    (_single(126, [[2, 3, 4], [2, 4, 5]], [2, 3, 5], BatchMatMulOptions={}), 2 * 3 * 4 * 5),
    (
        _single(126, [[2, 4, 3], [2, 4, 5]], [2, 3, 5], BatchMatMulOptions={"adj_x": True}),
        2 * 3 * 4 * 5,
    ),
    (_single(44, LSTM_FULL, [7, 2, 3]), 7 * 2 * 4 * 3 * (5 + 3)),
    (_single(44, LSTM_CIFG, [7, 2, 3]), 7 * 2 * 3 * 3 * (5 + 3)),
    (_single(27, [[1, 9], [4, 9], [4, 6], [4], [1, 24]], [1, 4]), 4 * 9 + 4 * 6),
    (_single(0, [[1, 9], [1, 9]], [1, 9]), 0),
]


@pytest.mark.parametrize(("model", "macs"), RULES)
def test_mac_rules(model: Model, macs: int) -> None:
    (subgraph,) = model.subgraphs
    assert operator_macs(model, subgraph, subgraph.operators[0]) == macs == total_macs(model)


def test_producers_and_consumers() -> None:
    model = read_model(write(DENSE))
    (subgraph,) = model.subgraphs
    (operator,) = subgraph.operators
    assert graph.producers(subgraph) == {2: operator}
    assert graph.consumers(subgraph) == {0: (operator,), 1: (operator,)}
    assert graph.constants(model, subgraph) == (subgraph.tensors[1],)
    assert not graph.is_stateful(model)


def test_calls_and_state_of_real_models(shared: Path) -> None:
    def read(name: str) -> Model:
        return read_model(shared / "models" / f"{name}.tflite")

    nested = read("litert_nested_while")
    assert graph.reachable(nested) == (0, 1, 2, 3, 4)
    assert graph.reachable(read("litert_multi_signatures")) == (0,)
    branches = read("derived_if_add_mul")
    (caller,) = branches.subgraphs[0].operators
    assert graph.called_subgraphs(caller) == (1, 2)

    wake_word = read("esphome_okay_nabu")
    assert len(graph.resources(wake_word)) == 6 and graph.is_stateful(wake_word)
    lstm = read("tflm_trained_lstm_int8")
    assert [t.is_variable for t in graph.variables(lstm.subgraphs[0])] == [True, True]
    assert graph.is_stateful(lstm) and not graph.is_stateful(nested)
