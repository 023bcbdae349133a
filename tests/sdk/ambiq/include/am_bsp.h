// SPDX-License-Identifier: Apache-2.0
// Stands in for the header of the board support package (see am_mcu_apollo.h).
#ifndef AM_BSP_H
#define AM_BSP_H

#include <stdint.h>

void am_bsp_low_power_init(void);
int32_t am_bsp_itm_printf_enable(void);

#endif
