// SPDX-License-Identifier: Apache-2.0
/// A console that the debugger reads from memory while the core runs (SEGGER's RTT): no pins, no
/// clocks, no driver.
#ifndef RTT_H_
#define RTT_H_

#include <stdbool.h>
#include <stddef.h>

/// Writes into the buffer. Text that the debugger has not read yet is kept, what does not fit is
/// left out: false. Without a debugger nothing waits.
bool rtt_write(const char *text, size_t bytes);

#endif  // RTT_H_
