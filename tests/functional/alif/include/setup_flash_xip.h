// SPDX-License-Identifier: Apache-2.0
int setup_flash_xip(void);
