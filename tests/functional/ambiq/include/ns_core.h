// SPDX-License-Identifier: Apache-2.0
// Declarations of neuralSPOT that generated board code uses, for compiling it without neuralSPOT.
#ifndef NS_CORE
#define NS_CORE

#include <stdbool.h>
#include <stdint.h>

#define NS_STATUS_SUCCESS 0

typedef struct {
  uint32_t apiId;
} ns_core_api_t;
typedef struct {
  const ns_core_api_t *api;
} ns_core_config_t;
extern const ns_core_api_t ns_core_V1_0_0;
uint32_t ns_core_init(ns_core_config_t *config);

#endif
