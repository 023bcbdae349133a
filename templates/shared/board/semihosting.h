// SPDX-License-Identifier: Apache-2.0
/// Semihosting: the debugger or emulator lends its console and its files.
///
/// Calls and numbers: "Semihosting for AArch32 and AArch64" (Arm) and the RISC-V semihosting
/// specification, which takes them over.
#ifndef SEMIHOSTING_H_
#define SEMIHOSTING_H_

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Opens a file of the host, or its console: ":tt". A negative value if that fails.
int semihosting_open(const char *path, bool write);

/// Reads up to `bytes`; returns how many there were.
size_t semihosting_read(int file, void *data, size_t bytes);

/// Writes all of `data`; false if that fails.
bool semihosting_write(int file, const void *data, size_t bytes);

void semihosting_close(int file);

/// The same for the console, which is opened when first used.
bool semihosting_print(const char *text, size_t bytes);

/// Ends the program; the emulator's exit code is `status`.
_Noreturn void semihosting_exit(int status);

#ifdef __cplusplus
}
#endif

#endif  // SEMIHOSTING_H_
