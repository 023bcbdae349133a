// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>

uint32_t get_reference_time(void);
