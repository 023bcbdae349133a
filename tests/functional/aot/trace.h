// SPDX-License-Identifier: Apache-2.0
// Included before every generated file: hands each computed tensor to the harness.

#ifndef TRACE_H_
#define TRACE_H_

#include <stdint.h>

void harness_trace(int32_t tensor, const void *data, uint32_t bytes);

#define GEN_FW_AOT_TRACE(tensor, data, bytes) \
  harness_trace((int32_t)(tensor), (data), (uint32_t)(bytes))

#endif  // TRACE_H_
