#ifndef TVMGEN_CHIRPS_H_
#define TVMGEN_CHIRPS_H_
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TVMGEN_CHIRPS_SERVING_DEFAULT_KERAS_TENSOR_10_0_SIZE 512
#define TVMGEN_CHIRPS_STATEFULPARTITIONEDCALL_1_0_SIZE 4
struct tvmgen_chirps_inputs {
  void* serving_default_keras_tensor_10_0;
};

struct tvmgen_chirps_outputs {
  void* StatefulPartitionedCall_1_0;
};

int32_t tvmgen_chirps_run(
  struct tvmgen_chirps_inputs* inputs,
  struct tvmgen_chirps_outputs* outputs
);
#define TVMGEN_CHIRPS_WORKSPACE_SIZE 2208

#ifdef __cplusplus
}
#endif

#endif // TVMGEN_CHIRPS_H_
