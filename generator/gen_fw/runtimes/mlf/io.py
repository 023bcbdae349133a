# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of a module: names, types, shapes, from whatever part of the archive tells.

Sizes are those of the C header's macros, else of the metadata, else of the Relay text. Shapes are
in the Relay text only; scale and zero point are nowhere in an archive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gen_fw.archive.types import ELEMENT_BYTES, TensorFact
from gen_fw.errors import ModelError, UsageError
from gen_fw.model.types import display
from gen_fw.program import Io
from gen_fw.runtimes.io import C_TYPES_BY_NAME, interface
from gen_fw.runtimes.mlf.entry import Entry
from gen_fw.runtimes.mlf.imported import Imported

_HINT = "--tflite MODEL (what it was compiled from), or --io NAME=DTYPE:SHAPE"


def resolve(imported: Imported, entry: Entry) -> tuple[tuple[Io, ...], tuple[Io, ...]]:
    """Inputs and outputs in the order of the call.

    Raises ModelError when the archive does not tell a type or size and the user does not either,
    UsageError when the user, or the reference model, contradicts the archive.
    """
    module = imported.module
    relay = module.relay
    outputs = _output_facts(imported, entry)
    inputs = _input_facts(imported, entry, len(outputs))
    types = entry.types if len(entry.types) == len(inputs) + len(outputs) else ()
    wanted = interface(imported.reference) if imported.reference is not None else None
    if wanted is not None and (len(wanted[0]), len(wanted[1])) != (len(inputs), len(outputs)):
        raise UsageError(
            f"--tflite: {len(wanted[0])} inputs and {len(wanted[1])} outputs, the archive has "
            f"{len(inputs)} and {len(outputs)}",
            where=f"module {module.name}",
            hint="name the model that the archive was compiled from",
        )
    relay_inputs = {sanitized(f.name): f for f in relay.inputs} if relay else {}
    relay_outputs = relay.outputs if relay and relay.outputs else ()
    found: list[list[Io]] = [[], []]
    for kind, facts, shift in ((0, inputs, 0), (1, outputs, len(inputs))):
        references = _paired(facts, wanted[kind]) if wanted else [None] * len(facts)
        for position, fact in enumerate(facts):
            sources = [
                imported.told(fact.name, sanitized(fact.name), f"{_KIND[kind]}{position}"),
                fact,
                relay_inputs.get(sanitized(fact.name))
                if kind == 0
                else relay_outputs[position]
                if len(relay_outputs) == len(outputs)
                else None,
                TensorFact("", types[shift + position]) if types else None,
            ]
            reference = references[position]
            found[kind].append(_io(module.name, kind, position, fact, sources, reference))
    return tuple(found[0]), tuple(found[1])


_KIND = ("input", "output")


def sanitized(name: str) -> str:
    """A tensor's name as TVM's C code has it: SanitizeName of TVM's name_transforms.cc.

    >>> sanitized("serving_default_input:0")
    'serving_default_input_0'
    """
    return re.sub(r"[^A-Za-z0-9]", "_", name)


def _output_facts(imported: Imported, entry: Entry) -> list[TensorFact]:
    module = imported.module
    if module.header is not None:
        return _sized(module.header.outputs, module.header.sizes, module.outputs)
    if module.outputs:
        return list(module.outputs)
    if module.relay is not None and module.relay.outputs:
        count = len(module.relay.outputs)
    elif imported.reference is not None:
        count = len(interface(imported.reference)[1])
    else:
        told = [name for name in imported.io if re.fullmatch(r"output[0-9]*", name)]
        count = len(told)
    if count == 0:
        raise _unknown(module.name, "how many outputs there are")
    return [TensorFact("output" if count == 1 else f"output{i}") for i in range(count)]


def _input_facts(imported: Imported, entry: Entry, outputs: int) -> list[TensorFact]:
    module = imported.module
    if module.header is not None:
        return _sized(module.header.inputs, module.header.sizes, module.inputs)
    if module.inputs:
        return list(module.inputs)
    names = [fact.name for fact in module.relay.inputs] if module.relay else []
    # weights are parameters too, and their names tell so (relay/frontend/tflite.py)
    names = [name for name in names if not name.startswith(("v_param_", "_param_"))]
    count = len(names) if entry.tensors is None else entry.tensors - outputs
    if count <= 0:
        raise _unknown(module.name, "how many inputs there are")
    if len(names) < count:
        names = [f"input{i}" for i in range(count)]
    return [TensorFact(name) for name in names[:count]]


def _sized(
    members: Sequence[str], sizes: dict[str, int], facts: Sequence[TensorFact]
) -> list[TensorFact]:
    """Members of a struct with their macro's size, else with what the metadata says."""
    told = {sanitized(fact.name): fact for fact in facts}
    if len(told) != len(members) or set(told) != set(members):
        # 0.11 calls outputs "output" in the metadata
        told = dict(zip(members, facts, strict=True)) if len(facts) == len(members) else {}
    found = []
    for member in members:
        fact = told.get(member, TensorFact(member))
        size = sizes.get(member.upper(), fact.bytes)
        found.append(replace(fact, name=member, bytes=size))
    return found


def _paired(facts: Sequence[TensorFact], ios: Sequence[Io]) -> list[Io | None]:
    """The reference's tensor for each: of the same name, else at the same position."""
    by_name = {sanitized(io.name): io for io in ios}
    names = [sanitized(fact.name) for fact in facts]
    if len(by_name) == len(ios) and set(names) == set(by_name):
        return [by_name[name] for name in names]
    return list(ios)


def _io(
    module: str,
    kind: int,
    position: int,
    fact: TensorFact,
    sources: Sequence[TensorFact | None],
    reference: Io | None,
) -> Io:
    label = f"{_KIND[kind]} {position} ({display(fact.name.encode())})"
    if reference is not None:
        sources = [*sources, TensorFact("", reference.dtype, reference.shape, reference.bytes)]
    known = [source for source in sources if source is not None]
    dtypes = {source.dtype for source in known if source.dtype}
    sizes = {source.bytes for source in known if source.bytes}
    if len(dtypes) > 1 or len(sizes) > 1:
        raise _contradicting(module, label, dtypes, sizes, given=sources[0] or reference)
    if not dtypes or not sizes:
        raise _unknown(module, f"the {'type' if not dtypes else 'size'} of {label}")
    dtype, size = dtypes.pop(), sizes.pop()
    if dtype not in C_TYPES_BY_NAME:
        raise ModelError(
            f"{label} has element type {dtype}",
            where=f"module {module}",
            why="the model API has no C type for it",
        )
    width = ELEMENT_BYTES[dtype]
    shapes = [source.shape for source in known if source.shape is not None]
    if size % width:
        raise _contradicting(module, label, {dtype}, {size}, given=None)
    c_type, suffix = C_TYPES_BY_NAME[dtype]
    return Io(
        position,
        reference.name if reference is not None else display(fact.name.encode()),
        dtype,
        c_type,
        suffix,
        shapes[0] if shapes else (size // width,),
        size // width,
        size,
        reference.scale if reference is not None else None,
        reference.zero_point if reference is not None else None,
    )


def _unknown(module: str, what: str) -> ModelError:
    return ModelError(
        f"the archive does not tell {what}",
        where=f"module {module}",
        why="releases before TVM 0.11 wrote it down nowhere but in the Relay text, which is "
        "missing or has no types",
        hint=_HINT,
    )


def _contradicting(
    module: str, label: str, dtypes: set[str], sizes: set[int], *, given: object
) -> UsageError | ModelError:
    counts = " or ".join(str(size) for size in sorted(sizes))
    said = f"{' or '.join(sorted(dtypes))}, {counts} bytes"
    if given is not None:
        return UsageError(
            f"{label} is not what --tflite or --io says",
            where=f"module {module}",
            why=said,
            hint="name the model that the archive was compiled from",
        )
    return ModelError(
        f"the archive contradicts itself about {label}", where=f"module {module}", why=said
    )
