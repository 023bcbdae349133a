// SPDX-License-Identifier: Apache-2.0
// See ns_core.h.
#ifndef NS_PERIPHERAL_PSRAM
#define NS_PERIPHERAL_PSRAM

#include "ns_core.h"

typedef enum { PSRAM_TYPE_HEX = 0, PSRAM_TYPE_OCT = 1 } psram_type_e;
typedef struct {
  const ns_core_api_t *api;
  bool psram_enable;
  psram_type_e psram_type;
  uint8_t psram_block;
  uint32_t psram_size;
  uint32_t psram_base_address;
} ns_psram_config_t;
extern const ns_core_api_t ns_psram_V0_0_1;
extern uint32_t ns_psram_init(ns_psram_config_t *config);

#endif
