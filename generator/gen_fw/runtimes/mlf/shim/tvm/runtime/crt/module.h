// SPDX-License-Identifier: Apache-2.0
/// The table of functions that TVM adds with --runtime-crt-system-lib=1; nothing reads it, and the
/// linker drops it. Brought by gen-fw instead of the C runtime.
#ifndef GEN_FW_TVM_CRT_MODULE_H_
#define GEN_FW_TVM_CRT_MODULE_H_

#include <tvm/runtime/c_backend_api.h>

typedef struct {
  const char *names;
  TVMBackendPackedCFunc const *funcs;
} TVMFuncRegistry;

typedef struct {
  const TVMFuncRegistry *registry;
} TVMModule;

#endif  // GEN_FW_TVM_CRT_MODULE_H_
