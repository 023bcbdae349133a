// SPDX-License-Identifier: Apache-2.0
/// The signatures of driver 1.0.0 (hal_ethos_u 0356707).
#include <stddef.h>
#include <stdint.h>

struct ethosu_driver {
  int opaque;
};
struct ethosu_hw_info {
  struct {
    uint32_t macs_per_cc, cmd_stream_version, custom_dma;
  } cfg;
};

void ethosu_irq_handler(struct ethosu_driver *drv);
void ethosu_flush_dcache(const uint64_t *base_addr, const size_t *base_addr_size,
                         int num_base_addr);
void ethosu_invalidate_dcache(const uint64_t *base_addr, const size_t *base_addr_size,
                              int num_base_addr);
void ethosu_inference_begin(struct ethosu_driver *drv, void *user_arg);
void ethosu_inference_end(struct ethosu_driver *drv, void *user_arg);
uint64_t ethosu_address_remap(uint64_t address, int index);
unsigned int ethosu_config_select(uint64_t address, int index);
int ethosu_init(struct ethosu_driver *drv, void *const base_address, const void *fast_memory,
                const size_t fast_memory_size, uint32_t secure_enable, uint32_t privilege_enable);
void ethosu_get_hw_info(struct ethosu_driver *drv, struct ethosu_hw_info *hw);
