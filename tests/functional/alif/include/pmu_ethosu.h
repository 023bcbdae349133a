// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>

struct ethosu_driver;
#define ETHOSU_PMU_CCNT_Msk (1UL << 31)
void ETHOSU_PMU_Enable(struct ethosu_driver *drv);
void ETHOSU_PMU_Disable(struct ethosu_driver *drv);
void ETHOSU_PMU_CYCCNT_Reset(struct ethosu_driver *drv);
void ETHOSU_PMU_CNTR_Enable(struct ethosu_driver *drv, uint32_t mask);
void ETHOSU_PMU_CNTR_Disable(struct ethosu_driver *drv, uint32_t mask);
uint64_t ETHOSU_PMU_Get_CCNTR(struct ethosu_driver *drv);
