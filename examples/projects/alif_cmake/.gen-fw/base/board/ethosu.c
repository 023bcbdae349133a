// SPDX-License-Identifier: Apache-2.0
// The NPU ethos-u55-256: start of Arm's driver, interrupt, and what the driver asks of the board.

#include <stdio.h>

#include "board.h"

#include "alif.h"
#include "ethosu_driver.h"
#include "pmu_ethosu.h"
#include "soc_vectors.h"
#include "sys_utils.h"

#include "ethosu_config_u55.h"

#define NPU_BASE 0x400e1000u
#define NPU_IRQ 55
#define NPU_MACS 256

static struct ethosu_driver npu;
static uint64_t npu_cycles;

// soc_vectors.h gives this name to the handler of interrupt 55
void IRQ55_Handler(void);
void IRQ55_Handler(void) { ethosu_irq_handler(&npu); }

bool board_npu_init(void) {
  struct ethosu_hw_info info;
  // secure and privileged; fast memory is for the U65
  if (ethosu_init(&npu, (void *)NPU_BASE, NULL, 0, 1, 1) != 0) {
    printf("NPU: no ethos-u55-256 answers at 0x%08lx; is its clock on?\n", (unsigned long)NPU_BASE);
    return false;
  }
  ethosu_get_hw_info(&npu, &info);
  if (1u << info.cfg.macs_per_cc != NPU_MACS) {
    printf("NPU: %lu MACs per cycle, the models were compiled for %u\n",
           1ul << info.cfg.macs_per_cc, NPU_MACS);
    return false;
  }
  NVIC_ClearPendingIRQ((IRQn_Type)NPU_IRQ);
  NVIC_EnableIRQ((IRQn_Type)NPU_IRQ);
  return true;
}

uint64_t board_npu_cycles(void) {
  const uint64_t cycles = npu_cycles;
  npu_cycles = 0;
  return cycles;
}

void ethosu_inference_begin(struct ethosu_driver *drv, void *user_arg) {
  (void)user_arg;
  ETHOSU_PMU_Enable(drv);
  ETHOSU_PMU_CYCCNT_Reset(drv);
  ETHOSU_PMU_CNTR_Enable(drv, ETHOSU_PMU_CCNT_Msk);
}

void ethosu_inference_end(struct ethosu_driver *drv, void *user_arg) {
  (void)user_arg;
  npu_cycles += ETHOSU_PMU_Get_CCNTR(drv);
  ETHOSU_PMU_CNTR_Disable(drv, ETHOSU_PMU_CCNT_Msk);
  ETHOSU_PMU_Disable(drv);
}

/// The NPU is a bus master of its own: it sees the core's TCMs at their global addresses.
uint64_t ethosu_address_remap(uint64_t address, int index) {
  (void)index;
  return LocalToGlobal((const volatile void *)(uintptr_t)address);
}

/// Which AXI port and limits serve a region: the driver's choice, except that the port M1 of this
/// NPU reaches nothing from 0x58000000 on (MRAM and OSPI), where the driver would send it
/// for weights and commands. M0 does.
unsigned int ethosu_config_select(uint64_t address, int index) {
  static const uint8_t regions[] = {NPU_REGIONCFG_0, NPU_REGIONCFG_1, NPU_REGIONCFG_2,
                                    NPU_REGIONCFG_3, NPU_REGIONCFG_4, NPU_REGIONCFG_5,
                                    NPU_REGIONCFG_6, NPU_REGIONCFG_7};
  if (address >= 0x58000000u) {
    return 0;
  }
  return index < 0 ? NPU_QCONFIG : regions[(unsigned)index % (sizeof regions / sizeof regions[0])];
}

// What core and NPU both write lies in sram0, with a write-through cache (mpu.c of the DFP).
// Models are constant, and what was copied at start is clean.

void ethosu_flush_dcache(const uint64_t *base_addr, const size_t *base_addr_size,
                         int num_base_addr) {
  (void)base_addr, (void)base_addr_size, (void)num_base_addr;
  __DSB();  // nothing to write back
}

void ethosu_invalidate_dcache(const uint64_t *base_addr, const size_t *base_addr_size,
                              int num_base_addr) {
  (void)base_addr, (void)base_addr_size, (void)num_base_addr;
  SCB_CleanInvalidateDCache();  // clean as well, for what others keep in write-back memory
}
