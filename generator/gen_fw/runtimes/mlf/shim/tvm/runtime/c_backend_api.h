// SPDX-License-Identifier: Apache-2.0
/// What C code of TVM calls: an allocator of blocks that are given back in reverse order.
/// Brought by gen-fw instead of the C runtime.
#ifndef GEN_FW_TVM_C_BACKEND_API_H_
#define GEN_FW_TVM_C_BACKEND_API_H_

#include <tvm/runtime/c_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int (*TVMBackendPackedCFunc)(TVMValue *args, int *type_codes, int num_args,
                                     TVMValue *out_value, int *out_type_code, void *resource);

/// A block aligned to 16 bytes; NULL when there is no room.
void *TVMBackendAllocWorkspace(int device_type, int device_id, uint64_t bytes, int code_hint,
                               int bits_hint);

/// Gives back the block that was taken last; -1 for any other.
int TVMBackendFreeWorkspace(int device_type, int device_id, void *block);

#ifdef __cplusplus
}
#endif

#endif  // GEN_FW_TVM_C_BACKEND_API_H_
