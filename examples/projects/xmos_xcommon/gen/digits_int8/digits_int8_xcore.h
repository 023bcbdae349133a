// SPDX-License-Identifier: LicenseRef-XMOS-Public-Licence-1
// Made by xformer, the compiler of XMOS's AI tools, and prepared by gen-fw; do not edit.
#ifndef digits_int8_xcore_GEN_H
#define digits_int8_xcore_GEN_H

#include "tensorflow/lite/c/common.h"

#ifdef SHARED_TENSOR_ARENA
  #ifndef LARGEST_TENSOR_ARENA_SIZE
    #define LARGEST_TENSOR_ARENA_SIZE 3696
  #elif LARGEST_TENSOR_ARENA_SIZE < 3696
    #define LARGEST_TENSOR_ARENA_SIZE 3696
  #endif
#endif

// Sets up the model with init and prepare steps.
TfLiteStatus digits_int8_xcore_init(void *weights_data_ptr);
// Returns the input tensor with the given index.
TfLiteTensor *digits_int8_xcore_input(int index);
// Returns the output tensor with the given index.
TfLiteTensor *digits_int8_xcore_output(int index);
// Runs inference for the model.
TfLiteStatus digits_int8_xcore_invoke();
// Resets variable tensors in the model.
// This should be called after invoking a model with stateful ops such as LSTM.
TfLiteStatus digits_int8_xcore_reset();

// Returns the number of input tensors.
inline size_t digits_int8_xcore_inputs() {
  return 1;
}
// Returns the number of output tensors.
inline size_t digits_int8_xcore_outputs() {
  return 1;
}

inline void *digits_int8_xcore_input_ptr(int index) {
  return digits_int8_xcore_input(index)->data.data;
}
size_t digits_int8_xcore_input_size(int index);
inline int digits_int8_xcore_input_dims_len(int index) {
  return digits_int8_xcore_input(index)->dims->data[0];
}
inline int *digits_int8_xcore_input_dims(int index) {
  return &digits_int8_xcore_input(index)->dims->data[1];
}

inline void *digits_int8_xcore_output_ptr(int index) {
  return digits_int8_xcore_output(index)->data.data;
}
size_t digits_int8_xcore_output_size(int index);
inline int digits_int8_xcore_output_dims_len(int index) {
  return digits_int8_xcore_output(index)->dims->data[0];
}
inline int *digits_int8_xcore_output_dims(int index) {
  return &digits_int8_xcore_output(index)->dims->data[1];
}
// Only returns valid value if input is quantized
inline int32_t digits_int8_xcore_input_zeropoint(int index) {
  return digits_int8_xcore_input(index)->params.zero_point;
}
// Only returns valid value if input is quantized
inline float digits_int8_xcore_input_scale(int index) {
  return digits_int8_xcore_input(index)->params.scale;
}
// Only returns valid value if output is quantized
inline int32_t digits_int8_xcore_output_zeropoint(int index) {
  return digits_int8_xcore_output(index)->params.zero_point;
}
// Only returns valid value if output is quantized
inline float digits_int8_xcore_output_scale(int index) {
  return digits_int8_xcore_output(index)->params.scale;
}

// Sets up the model part of ioserver to communicate
// with this model from host.
// Requires that ioserver() has been setup and running.
// This is an infinite loop and does not exit.
TfLiteStatus model_ioserver(unsigned io_channel);

#endif
