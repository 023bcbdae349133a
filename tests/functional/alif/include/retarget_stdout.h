// SPDX-License-Identifier: Apache-2.0
int stdout_init(void);
int stdout_putchar(int ch);
