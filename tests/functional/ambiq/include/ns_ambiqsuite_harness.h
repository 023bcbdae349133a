// SPDX-License-Identifier: Apache-2.0
// See ns_core.h.
#ifndef NS_AMBIQSUITE_HARNESS
#define NS_AMBIQSUITE_HARNESS

void ns_lp_printf(const char *format, ...);
void ns_itm_printf_enable(void);

#endif
