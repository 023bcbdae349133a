// SPDX-License-Identifier: Apache-2.0
/// What C code of TVM needs of TVM's runtime: types. Brought by gen-fw instead of the C runtime.
#ifndef GEN_FW_TVM_C_RUNTIME_API_H_
#define GEN_FW_TVM_C_RUNTIME_API_H_

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#ifndef TVM_DLL
#define TVM_DLL
#endif

typedef int64_t tvm_index_t;

typedef union {
  int64_t v_int64;
  double v_float64;
  void *v_handle;
  const char *v_str;
  DLDataType v_type;
  DLDevice v_device;
} TVMValue;

enum {
  kTVMArgInt = 0,
  kTVMArgFloat = 2,
  kTVMOpaqueHandle = 3,
  kTVMNullptr = 4,
  kTVMDLTensorHandle = 7,
  kTVMNDArrayHandle = 13
};

typedef void *TVMFunctionHandle;

#ifdef __cplusplus
extern "C" {
#endif

/// Kernels say here why they fail, before they return -1.
void TVMAPISetLastError(const char *message);

#ifdef __cplusplus
}
#endif

#endif  // GEN_FW_TVM_C_RUNTIME_API_H_
