// SPDX-License-Identifier: Apache-2.0
// What C++ code without a heap needs of its library: destructors of static objects never run, and
// deleting never happens.

#include <stddef.h>
#include <stdlib.h>

void operator delete(void *) noexcept {}
void operator delete(void *, size_t) noexcept {}

extern "C" {
extern void *__dso_handle;
void *__dso_handle = nullptr;

[[noreturn]] void __cxa_pure_virtual() { abort(); }
int __cxa_atexit(void (*)(void *), void *, void *) { return 0; }
int __aeabi_atexit(void *, void (*)(void *), void *) { return 0; }
}
