// SPDX-License-Identifier: Apache-2.0
/// The descriptor of archives before the entry function existed (mid 2021); nothing reads it.
/// Brought by gen-fw instead of the C runtime.
#ifndef GEN_FW_TVM_AOT_EXECUTOR_H_
#define GEN_FW_TVM_AOT_EXECUTOR_H_

#include <stdint.h>

typedef struct {
  int32_t (*run_func)(void *args, void *arg_type_ids, int32_t num_args, void *out_ret_value,
                      void *out_ret_tcode, void *resource_handle);
  uint32_t num_input_tensors;
  uint32_t num_output_tensors;
} tvm_model_t;

#endif  // GEN_FW_TVM_AOT_EXECUTOR_H_
