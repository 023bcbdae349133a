// SPDX-License-Identifier: Apache-2.0
// Stands in for the header of Ambiq's HAL where a checkout of neuralSPOT lacks the device header that
// it includes: the few declarations that generated board code calls, as the HAL documents them.
#ifndef AM_MCU_APOLLO_H
#define AM_MCU_APOLLO_H

#include <stdbool.h>
#include <stdint.h>

#define AM_PART_APOLLO4_API
#define AM_HAL_STATUS_SUCCESS 0

typedef struct am_hal_cachectrl_config am_hal_cachectrl_config_t;
extern const am_hal_cachectrl_config_t am_hal_cachectrl_defaults;
uint32_t am_hal_cachectrl_config(const am_hal_cachectrl_config_t *config);
uint32_t am_hal_cachectrl_enable(void);

// of the Cortex-M55 chips
uint32_t am_hal_cachectrl_icache_enable(void);
uint32_t am_hal_cachectrl_dcache_enable(bool clean);

typedef enum {
  AM_HAL_PWRCTRL_MCU_MODE_LOW_POWER = 1,
  AM_HAL_PWRCTRL_MCU_MODE_HIGH_PERFORMANCE = 2
} am_hal_pwrctrl_mcu_mode_e;
uint32_t am_hal_pwrctrl_mcu_mode_select(am_hal_pwrctrl_mcu_mode_e mode);

void am_hal_delay_us(uint32_t us);
uint32_t am_hal_delay_us_status_change(uint32_t us, uint32_t address, uint32_t mask, uint32_t value);
uint32_t am_hal_delay_us_status_check(uint32_t us, uint32_t address, uint32_t mask, uint32_t value,
                                      bool equal);

#endif
