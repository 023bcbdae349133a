// SPDX-License-Identifier: Apache-2.0
// See ns_core.h.
#ifndef NS_PERIPHERALS_POWER
#define NS_PERIPHERALS_POWER

#include "ns_core.h"

typedef enum { NS_MINIMUM_PERF, NS_MEDIUM_PERF, NS_MAXIMUM_PERF } ns_power_mode_e;
typedef struct {
  const ns_core_api_t *api;
  ns_power_mode_e eAIPowerMode;
  bool bNeedSharedSRAM;
} ns_power_config_t;
extern const ns_power_config_t ns_development_default;
uint32_t ns_power_config(const ns_power_config_t *config);

#endif
