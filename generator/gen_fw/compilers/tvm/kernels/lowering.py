# SPDX-License-Identifier: Apache-2.0
"""A PrimFunc as C: TVM's passes without the packed calling convention, then its C code generator.

There is no pass for bare pointers any more (MakeUnpackedAPI of TVM < 0.20): each buffer parameter
gets a pointer variable and is declared over it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import s_tir, tirx
from tvm.ir import PointerType, PrimType
from tvm.target import Target

from gen_fw.compilers.tvm.kernels.spec import Knob, Spec, Unscheduled

#: buffers inside a kernel that the caller gives it, when they are larger than registers
_WORKSPACES = ("patches", "plane")
#: bytes of a buffer that may be a local array of C
_LOCAL = 64
_FUNCTION = "kernel"
_C_TYPES = {"float32": "float", "bool": "bool"}


@dataclass(frozen=True, slots=True)
class Lowered:
    """``body``: C text between the braces, in terms of the parameters; ``workspaces``: (parameter,
    C type, bytes) of memory that it needs; ``helpers``: text of functions."""

    body: str
    workspaces: tuple[tuple[str, str, int], ...]
    helpers: str


def scheduled(spec: Spec, kernel: Unscheduled) -> tuple[Any, dict[str, list[Any]]]:
    """The PrimFunc with the schedule of the spec's knobs, defaults where it has none; and the space
    of its schedules: name of a knob -> [values, the default]."""
    space: dict[str, list[Any]] = {}
    if kernel.schedule is None:
        return kernel.func, space

    def knob(name: str, values: Any, default: int) -> int:
        space[name] = [list(values), default]
        value = spec.knobs.get(name, default)
        return int(value) if value in values else default

    return with_knobs(kernel, knob).mod["main"], space


def with_knobs(kernel: Unscheduled, knob: Knob) -> Any:
    """A Schedule of the kernel."""
    sch = s_tir.Schedule(tvm.IRModule({"main": kernel.func}), debug_mask="none")
    assert kernel.schedule is not None
    kernel.schedule(sch, knob)
    return sch


def lowered(func: Any, spec: Spec, helpers: str) -> Lowered:
    """C text of a scheduled PrimFunc whose parameters are those of the spec, the output last."""
    with Target("c"), tvm.transform.PassContext(opt_level=3):
        passed = _passes()(tvm.IRModule({_FUNCTION: func.with_attr("global_symbol", _FUNCTION)}))
        bare, workspaces = _bare(passed[_FUNCTION])
        module = tvm.IRModule({_FUNCTION: bare.with_attr("global_symbol", _FUNCTION)})
        module = tirx.transform.BindTarget(Target("c"))(module)
        module = tirx.transform.LowerIntrin()(module)
        text = tvm.get_global_func("target.build.c")(module, Target("c")).inspect_source()
    body = _body(text)
    unused = [p.name for p in spec.parameters if not re.search(rf"\b{p.name}\b", body)]
    body += "".join(f"  (void){name};\n" for name in unused)
    return Lowered(body, tuple(workspaces), helpers)


def _passes() -> Any:
    """Those of tvm.s_tir.pipeline.default_s_tir_pipeline that plain loops need, up to
    CommonSubexprElim; vectors are scalars again."""
    s, t = s_tir.transform, tirx.transform
    return tvm.ir.transform.Sequential(
        [
            s.CanonicalizeLoop(),
            s.LowerInitBlock(),
            s.PlanAndUpdateBufferAllocationLocation(),
            s.ConvertBlocksToOpaque(),
            s.CompactBufferAllocation(),
            s.LowerMatchBuffer(),
            s.StmtSimplify(),
            s.AnnotateIrregularLoop(),
            s.LowerOpaqueBlock(),
            t.FlattenBuffer(),
            t.NarrowDataType(32),
            s.LoopPartition(),
            t.VectorizeLoop(False),
            t.StorageRewrite(),
            s.HoistIfThenElse(),
            t.UnrollLoop(),
            s.RenormalizeSplitPattern(),
            t.StmtSimplify(),
            t.RemoveNoOp(),
            s.RewriteUnsafeSelect(),
            t.CommonSubexprElim(),
        ]
    )


def _bare(func: Any) -> tuple[Any, list[tuple[str, str, int]]]:
    """The function with pointers, and its large buffers as parameters."""
    pointers, declared, statements = [], [], []
    workspaces: list[tuple[str, str, int]] = []
    for parameter in func.params:
        pointer = tirx.Var(parameter.name, PointerType(PrimType(str(parameter.dtype))))
        pointers.append(pointer)
        declared.append(tirx.DeclBuffer(parameter, data=pointer))
    body = func.body
    for statement in body.seq if isinstance(body, tirx.SeqStmt) else [body]:
        if isinstance(statement, tirx.AllocBuffer):
            buffer = statement.buffer
            size = tvm.DataType(str(buffer.dtype)).bits // 8
            for extent in buffer.shape:
                size *= int(extent)
            if buffer.name.startswith(_WORKSPACES) and size > _LOCAL:
                dtype = str(buffer.dtype)
                pointer = tirx.Var(buffer.name, PointerType(PrimType(dtype)))
                pointers.append(pointer)
                workspaces.append((buffer.name, _C_TYPES.get(dtype, f"{dtype}_t"), size))
                statements.append(tirx.DeclBuffer(buffer, data=pointer))
                continue
        statements.append(statement)
    return tirx.PrimFunc(pointers, tirx.SeqStmt([*declared, *statements])), workspaces


#: what TVM prints around simple expressions
_LOAD = re.compile(r"\(\((int\d+_t|float)\)(\w+\[(?:\w+|\(\w+ \+ \d+\))\])\)")


def _body(text: str) -> str:
    """The statements of the function, without what TVM needs for its runtime."""
    start = text.rindex(f" {_FUNCTION}(")
    body = text[text.index("{\n", start) + 2 : text.rindex("}")]
    return _LOAD.sub(r"(\1)\2", body).rstrip() + "\n"
