// SPDX-License-Identifier: Apache-2.0
// Host stand-in for ESP-IDF's header.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C"
#endif
int64_t esp_timer_get_time(void);
