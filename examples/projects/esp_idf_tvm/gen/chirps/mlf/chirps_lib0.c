// SPDX-License-Identifier: Apache-2.0
#include "tvm/runtime/c_runtime_api.h"
#ifdef __cplusplus
extern "C" {
#endif
__attribute__((section(".bss.noinit.tvm"), aligned(16)))
static uint8_t global_workspace[2208];
#include <tvmgen_chirps.h>
TVM_DLL int32_t tvmgen_chirps___tvm_main__(void* serving_default_keras_tensor_10_0,void* output0,uint8_t* global_workspace_0_var);
int32_t tvmgen_chirps_run(struct tvmgen_chirps_inputs* inputs,struct tvmgen_chirps_outputs* outputs) {return tvmgen_chirps___tvm_main__(inputs->serving_default_keras_tensor_10_0,outputs->StatefulPartitionedCall_1_0,&global_workspace);
}
#ifdef __cplusplus
}
#endif
