# SPDX-License-Identifier: Apache-2.0
"""The model of the archives that mlf_writer.py writes, and its C in the shape of TVM's.

int8 x[1,8] -> int8 y[1,4], y[j] = clamp((x[2j] w[2j] + x[2j+1] w[2j+1] + b[j]) >> 2). ``run``
gives the expected output. The C is written by hand after TVM's code generators (source_module.cc,
interface_c.cc, codegen_c_host.cc), so that no TVM is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

WEIGHTS = (3, -2, 5, 7, -11, 4, 1, -6)
BIAS = (10, -20, 30, 40)
WORKSPACE = 16  # int16 products[8]


@dataclass(frozen=True)
class Variant:
    """How an archive is made; the defaults are what ``tvmc`` of TVM 0.12 and later writes."""

    version: int = 7
    module: str = "default"
    #: "c" or "packed"
    interface: str = "c"
    #: kernels take DLTensor handles too
    packed_kernels: bool = False
    #: where the products are: "alloc" (TVMBackendAllocWorkspace), "internal" or "external" pool
    workspace: str = "internal"
    #: "static" arrays, "internal" or "external" pool
    constants: str = "static"
    mapped: bool = False
    devices: tuple[str, ...] = ()
    system_lib: bool = False
    executors: tuple[str, ...] = ("aot",)
    style: str = "full-model"
    input_name: str = "serving_default_x:0"
    output_name: str = "StatefulPartitionedCall:0"
    #: bytes of what alloc asks for at a time, to be aligned
    alloc: tuple[int, ...] = (16,)
    sizes: bool = True
    relay_result: bool = True
    #: more members, or replacements of those that are there
    extra: dict[str, bytes] = field(default_factory=dict)
    #: added to every product, so that two modules differ
    shift: int = 0


def run(x: NDArray[np.int8], variant: Variant = Variant()) -> NDArray[np.int8]:
    """The model's output for ``x`` [1, 8]."""
    products = x.astype(np.int64).reshape(8) * np.array(WEIGHTS) + variant.shift
    sums = (products[0::2] + products[1::2] + np.array(BIAS)) >> 2
    return np.clip(sums, -128, 127).astype(np.int8).reshape(1, 4)


def _c(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def header(v: Variant) -> str:
    m, upper = v.module, f"TVMGEN_{v.module.upper()}"
    x, y = _c(v.input_name), _c(v.output_name)
    text = f"#ifndef {upper}_H_\n#define {upper}_H_\n#include <stdint.h>\n\n"
    text += '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
    if v.sizes and v.version >= 7:
        text += f"/*!\n * \\brief Input tensor {x} size (in bytes)\n */\n"
        text += f"#define {upper}_{x.upper()}_SIZE 8\n#define {upper}_{y.upper()}_SIZE 4\n"
    text += f"struct tvmgen_{m}_inputs {{\n  void* {x};\n}};\n\n"
    text += f"struct tvmgen_{m}_outputs {{\n  void* {y};\n}};\n\n"
    if v.devices:
        members_ = "".join(f"  void* {device};\n" for device in v.devices)
        text += f"struct tvmgen_{m}_devices {{\n{members_}}};\n\n"
    pools = _external(v)
    if pools:
        members_ = "".join(f"  void* {pool};\n" for pool in pools)
        text += f"struct tvmgen_{m}_workspace_pools {{\n{members_}}};\n\n"
    if v.mapped:
        for kind in ("inputs", "outputs"):
            text += f"struct tvmgen_{m}_{kind} tvmgen_{m}_map_{kind}(\n"
            text += f"  struct tvmgen_{m}_workspace_pools* workspace_pools\n);\n\n"
    text += f"int32_t tvmgen_{m}_run(\n  {_run_parameters(v)}\n);\n"
    if v.version >= 6 or v.workspace != "internal":
        text += f"#define {upper}_WORKSPACE_SIZE {WORKSPACE}\n"
    if "sram" in pools:
        text += f"#define {upper}_SRAM_WORKSPACE_POOL_SIZE {WORKSPACE + (32 if v.mapped else 0)}\n"
    if "flash" in pools:
        data = bytes(w & 0xFF for w in WEIGHTS) + np.array(BIAS, "<i4").tobytes()
        rows = ", \\\n    ".join(f"0x{byte:02x}" for byte in data)
        text += f"#define {upper}_FLASH_CONSTANT_POOL_SIZE {len(data)}\n"
        text += f"#define {upper}_FLASH_CONSTANT_POOL_DATA \\\n    {rows}\\\n\n"
    text += "\n#ifdef __cplusplus\n}\n#endif\n\n"
    return text + f"#endif // {upper}_H_\n"


def _external(v: Variant) -> list[str]:
    return ["flash"] * (v.constants == "external") + ["sram"] * (v.workspace == "external")


def _run_parameters(v: Variant) -> str:
    m = v.module
    parts = (
        []
        if v.mapped
        else [f"struct tvmgen_{m}_inputs* inputs", f"struct tvmgen_{m}_outputs* outputs"]
    )
    if _external(v):
        parts.append(f"struct tvmgen_{m}_workspace_pools* workspace_pools")
    if v.devices:
        parts.append(f"struct tvmgen_{m}_devices* devices")
    return ",".join(parts)


def _main_name(v: Variant) -> str:
    if v.version < 3:
        return "tvm__run_func"
    return f"tvmgen_{v.module}_{'run_model' if v.version < 6 else '__tvm_main__'}"


def _pool_parameters(v: Variant) -> list[str]:
    return ["uint8_t* global_const_workspace_0_var"] * (v.constants != "static") + [
        "uint8_t* global_workspace_1_var"
    ] * (v.workspace != "alloc")


def glue(v: Variant) -> str:
    """lib0: pools of its own, and the entry point."""
    m, main = v.module, _main_name(v)
    text = ""
    if v.system_lib:
        text += "#include <tvm/runtime/crt/module.h>\n"
        text += "static TVMBackendPackedCFunc _tvm_func_array[] = {\n    0,\n};\n"
        text += "static const TVMFuncRegistry _tvm_func_registry = {\n"
        text += '    "\\001\\000main\\000",    _tvm_func_array,\n};\n'
        text += "static const TVMModule _tvm_system_lib = {\n    &_tvm_func_registry,\n};\n"
        text += "const TVMModule* TVMSystemLibEntryPoint(void) {\n    return &_tvm_system_lib;\n}\n"
    if v.version < 5:
        text += '#include "tvm/runtime/crt/internal/aot_executor/aot_executor.h"\n'
    text += '#include "tvm/runtime/c_runtime_api.h"\n#ifdef __cplusplus\nextern "C" {\n#endif\n'
    if v.version < 5:  # a descriptor instead of a function
        text += f"TVM_DLL int32_t {main}(void* args, void* type_code, int num_args, "
        text += "void* out_value, void* out_type_code, void* resource_handle);\n"
        network = "network" if v.version < 3 else f"tvmgen_{m}_network"
        text += f"const tvm_model_t {network} = {{\n    .run_func = &{main},\n"
        text += "    .num_input_tensors = 1,\n    .num_output_tensors = 1, \n};\n"
        return text + "#ifdef __cplusplus\n}\n#endif\n;"
    if v.constants == "internal":
        w, b = ", ".join(map(str, WEIGHTS)), ", ".join(map(str, BIAS))
        text += (
            '__attribute__((section(".rodata.tvm"), ))\nstatic struct global_const_workspace {\n'
        )
        text += "  int8_t weights_let[8] __attribute__((aligned(16))); // 8 bytes\n"
        text += "  int32_t bias_let[4] __attribute__((packed, aligned(8))); // 16 bytes\n"
        text += "} global_const_workspace = {\n  .weights_let = {\n    "
        text += f"{w}\n  }},\n  .bias_let = {{\n    {b}\n  }},\n}};// of total size 24 bytes\n"
    if v.workspace == "internal":
        text += '__attribute__((section(".bss.noinit.tvm"), aligned(16)))\n'
        text += f"static uint8_t global_workspace[{WORKSPACE}];\n"
    x, y = _c(v.input_name), _c(v.output_name)
    pools = ["&global_const_workspace"] * (v.constants == "internal")
    pools += ["workspace_pools->flash"] * (v.constants == "external")
    pools += ["&global_workspace"] * (v.workspace == "internal")
    pools += ["workspace_pools->sram"] * (v.workspace == "external")
    io = [] if v.mapped else [f"void* {x}", "void* output0"]
    declared = ",".join([*io, *_pool_parameters(v), *(f"void* {d}" for d in v.devices)])
    if v.interface == "c":
        text += f"#include <tvmgen_{m}.h>\n"
        if v.mapped:
            for kind, name, offset in (("inputs", x, 16), ("outputs", y, 32)):
                text += f"struct tvmgen_{m}_{kind} tvmgen_{m}_map_{kind}(\n"
                text += f"  struct tvmgen_{m}_workspace_pools* workspace_pools\n\n){{\n"
                text += f"struct tvmgen_{m}_{kind} ret = {{\n"
                text += f"\t.{name} = &((uint8_t*)workspace_pools->sram)[{offset}],\n}};\n"
                text += "return ret;\n}\n\n"
        text += f"TVM_DLL int32_t {main}({declared});\n"
        given = [] if v.mapped else [f"inputs->{x}", f"outputs->{y}"]
        given += pools + [f"devices->{d}" for d in v.devices]
        text += f"int32_t tvmgen_{m}_run({_run_parameters(v)}) "
        text += f"{{return {main}({','.join(given)});\n}}\n"
    elif not v.packed_kernels:
        text += f"TVM_DLL int32_t {main}({declared});\n"
        text += f"int32_t tvmgen_{m}_run(void* args, void* type_code, int num_args, "
        text += "void* out_value, void* out_type_code, void* resource_handle) {\n"
        given = [f"((DLTensor*)(((TVMValue*)args)[{i}].v_handle))[0].data" for i in range(2)]
        text += f"return {main}({','.join([*given, *pools])});\n}}\n"
    else:
        typed = "TVMValue* args, int* type_code, int num_args, TVMValue* out_value, "
        typed += "int* out_type_code, void* resource_handle"
        text += f"TVM_DLL int32_t {main}({typed});\n\n"
        text += f"int32_t tvmgen_{m}_run({typed}) {{\n"
        text += f"TVMValue tensors[{2 + len(pools)}];\n"
        text += "tensors[0] = ((TVMValue*)args)[0];\ntensors[1] = ((TVMValue*)args)[1];\n"
        for i, pool in enumerate(name.lstrip("&") for name in pools):
            text += f"DLTensor {pool}_dltensor = {{\n.data = &{pool}\n}};\n"
            text += f"TVMValue {pool}_tvm_value = {{\n.v_handle = &{pool}_dltensor\n}};\n"
            text += f"tensors[{2 + i}] = {pool}_tvm_value;\n"
        text += f"return {main}((void*)tensors, type_code, num_args, out_value, out_type_code, "
        text += "resource_handle);\n}\n"
    return text + "#ifdef __cplusplus\n}\n#endif\n;"


def kernels(v: Variant) -> str:
    """lib1: the kernel and the main function."""
    m, main = v.module, _main_name(v)
    prefix = "" if v.version < 3 else f"tvmgen_{m}_"
    text = "// tvm target: c -keys=cpu \n#define TVM_EXPORTS\n"
    text += '#include "tvm/runtime/c_runtime_api.h"\n#include "tvm/runtime/c_backend_api.h"\n'
    text += "#include <math.h>\n"
    if v.constants == "static":
        w, b = ", ".join(map(str, WEIGHTS)), ", ".join(map(str, BIAS))
        attribute = '__attribute__((section(".rodata.tvm"), aligned(16)))'
        text += '#ifdef __cplusplus\nextern "C" {\n#endif\n'
        text += f"static const int8_t {attribute} weights[8] = {{\n    {w}\n}};\n"
        text += f"static const int32_t {attribute} bias[4] = {{\n    {b}\n}};\n"
        text += '#ifdef __cplusplus\n}  // extern "C"\n#endif\n'
    if v.packed_kernels and v.version >= 7:
        text += _self_description(v)
    pools = _pool_parameters(v)
    shown = "".join(f", {parameter}" for parameter in pools)
    text += '#ifdef __cplusplus\nextern "C"\n#endif\n'
    text += f"TVM_DLL int32_t {prefix}fused_mix(int8_t* p0, int8_t* T_cast{shown}) {{\n"
    if v.constants != "static":
        text += "  void* weights = (&(global_const_workspace_0_var[0]));\n"
        text += "  void* bias = (&(global_const_workspace_0_var[8]));\n"
    if v.workspace == "alloc":
        for i, size in enumerate(v.alloc):
            text += f"  void* block{i} = TVMBackendAllocWorkspace(1, 0, (uint64_t){size}, 0, 16);\n"
            text += f"  if (block{i} == NULL) {{\n    return -1;\n  }}\n"
        text += "  void* products_let = block0;\n"
    else:
        text += "  void* products_let = (&(global_workspace_1_var[0]));\n"
    text += "  for (int32_t i = 0; i < 8; ++i) {\n    ((int16_t*)products_let)[i] = "
    text += (
        f"((int16_t)((((int16_t)p0[i]) * ((int16_t)((int8_t*)weights)[i])) + {v.shift}));\n  }}\n"
    )
    text += "  for (int32_t j = 0; j < 4; ++j) {\n    int32_t sum = (((int32_t)((int16_t*)"
    text += "products_let)[(j * 2)]) + ((int32_t)((int16_t*)products_let)[((j * 2) + 1)]));\n"
    text += "    int32_t shifted = ((sum + ((int32_t*)bias)[j]) >> 2);\n"
    text += "    int32_t low = ((shifted) < (127) ? (shifted) : (127));\n"
    text += "    T_cast[j] = ((int8_t)((low) > (-128) ? (low) : (-128)));\n  }\n"
    if v.workspace == "alloc":
        for i in reversed(range(len(v.alloc))):
            text += (
                f"  if (TVMBackendFreeWorkspace(1, 0, block{i}) != 0) {{\n    return -1;\n  }}\n"
            )
    text += "  return 0;\n}\n\n"
    text += '#ifdef __cplusplus\nextern "C"\n#endif\n'
    passed = "".join(f", {p.split()[-1]}" for p in pools)
    if v.version < 5 or v.packed_kernels:
        handles = "void* args, int32_t* arg_type_ids, int32_t num_args, void* out_ret_value, "
        handles += "int32_t* out_ret_tcode, void* resource_handle"
        if v.version < 5:
            handles = handles.replace("int32_t* ", "void* ")
        text += f"TVM_DLL int32_t {main}({handles}) {{\n"
        text += "  void* input = (((TVMValue*)args)[0].v_handle);\n"
        text += "  void* output = (((TVMValue*)args)[1].v_handle);\n"
        text += "  void* x = (((DLTensor*)input)[0].data);\n"
        text += "  void* y = (((DLTensor*)output)[0].data);\n"
        for i, parameter in enumerate(pools):
            name = parameter.split()[-1]
            pool = f"(((TVMValue*)args)[{2 + i}].v_handle)"
            text += f"  uint8_t* {name} = (((DLTensor*){pool})[0].data);\n"
        if v.packed_kernels:
            text += "  if (!((((DLTensor*)input)[0].ndim == 2))) {\n"
            text += '    TVMAPISetLastError("input has another rank");\n    return -1;\n  }\n'
        text += f"  if ({prefix}fused_mix(x, y{passed}) != 0 ) return -1;\n"
    elif v.mapped:
        declared = ", ".join([*pools, *(f"void* {d}" for d in v.devices)])
        text += f"TVM_DLL int32_t {main}({declared}) {{\n"
        text += "  void* x = (&(global_workspace_1_var[16]));\n"
        text += "  void* y = (&(global_workspace_1_var[32]));\n"
        text += f"  if ({prefix}fused_mix(x, y{passed}) != 0 ) return -1;\n"
    else:
        x, y = _c(v.input_name), _c(v.output_name)
        declared = "".join(f", void* {d}" for d in v.devices)
        text += f"TVM_DLL int32_t {main}(int8_t* {x}_buffer_var, int8_t* {y}_buffer_var"
        text += f"{shown}{declared}) {{\n"
        text += (
            f"  if ({prefix}fused_mix({x}_buffer_var, {y}_buffer_var{passed}) != 0 ) return -1;\n"
        )
    return text + "  return 0;\n}\n\n"


def _self_description(v: Variant) -> str:
    """What TVM adds to the packed interface (0.10 and later), in short."""
    text = "#include <inttypes.h>\n#include <tvm/runtime/metadata_types.h>\n"
    text += "static const int64_t kTvmgenMetadata_inputs_0_shape[2] = {\n1L, \n8L};\n"
    text += "static const struct TVMTensorInfo kTvmgenMetadata_inputs[1] = {\n"
    text += '{\n"x" /* name*/, \nkTvmgenMetadata_inputs_0_shape, \n2L, \n{0, 8, 1}}\n};\n'
    text += "static const struct TVMMetadata kTvmgenMetadata[1] = {\n{\n1L, \n"
    text += "kTvmgenMetadata_inputs, \n1L, \nNULL, \n0L, \nNULL, \n0L, \nNULL, \n0L, \n"
    text += f'"tvmgen_{v.module}"}}\n}};\n'
    text += f"TVM_DLL int32_t tvmgen_{v.module}_get_c_metadata(TVMValue* arg_values, "
    text += "int* arg_tcodes, int num_args, TVMValue* ret_values, int* ret_tcodes, "
    text += "void* resource_handle) {\n    ret_values[0].v_handle = (void*) &kTvmgenMetadata;\n"
    return text + "    ret_tcodes[0] = kTVMOpaqueHandle;\n    return 0;\n};\n"
