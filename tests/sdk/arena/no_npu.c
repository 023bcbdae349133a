/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the Ethos-U driver that TFLite Micro's kernel calls, for a machine without an
 * NPU: an invocation changes nothing. The driver's own header declares them. */
#include <ethosu_driver.h>

static struct ethosu_driver driver;

struct ethosu_driver *ethosu_reserve_driver(void) { return &driver; }

void ethosu_release_driver(struct ethosu_driver *drv) { (void)drv; }

int ethosu_invoke_v3(struct ethosu_driver *drv, const void *custom_data_ptr,
                     const int custom_data_size, uint64_t *const base_addr,
                     const size_t *base_addr_size, const int num_base_addr, void *user_arg) {
  (void)drv;
  (void)custom_data_ptr;
  (void)custom_data_size;
  (void)base_addr;
  (void)base_addr_size;
  (void)num_base_addr;
  (void)user_arg;
  return 0;
}
