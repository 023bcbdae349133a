// SPDX-License-Identifier: Apache-2.0
/// The DFP's configuration of its drivers, with the console's UART in polling mode.
#ifndef BOARD_RTE_DEVICE_H_
#define BOARD_RTE_DEVICE_H_

#include_next "RTE_Device.h"

#undef RTE_UART4_BLOCKING_MODE_ENABLE
#define RTE_UART4_BLOCKING_MODE_ENABLE 1

#endif  // BOARD_RTE_DEVICE_H_
