// SPDX-License-Identifier: Apache-2.0
/// What the firmware needs of Alif Ensemble E7, Cortex-M55 HP and Ethos-U55-256.
#ifndef BOARD_H_
#define BOARD_H_

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What board_count() counts: cycles of the M55_HP core.
#define BOARD_COUNT_UNIT "cycles"

/// Console, cycle counter and NPU: call it first. False when something does not work; what it is
/// was printed, if the console does.
bool board_init(void);

/// A count that grows while the program runs. Must be called once in 2^32 cycles.
uint64_t board_count(void);

/// The core's clock.
uint32_t board_clock_hz(void);

/// Starts the driver of the NPU; board_init() does it. False after a message if that fails: then a
/// model must not be invoked, as it would wait for an NPU forever.
bool board_npu_init(void);

/// Cycles of the NPU since the last call, as its performance monitor has counted them.
uint64_t board_npu_cycles(void);

#ifdef __cplusplus
}
#endif

#endif  // BOARD_H_
