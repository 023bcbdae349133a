// SPDX-License-Identifier: Apache-2.0
/// Declarations of what generated code uses of Alif's DFP and of CMSIS, to check its syntax: nothing
/// here has code.
#ifndef ALIF_H
#define ALIF_H

#include <stdint.h>

#define __NO_RETURN __attribute__((__noreturn__))

typedef int IRQn_Type;

struct dcb {
  volatile uint32_t DEMCR;
};
struct dwt {
  volatile uint32_t CTRL, CYCCNT;
};
struct scb {
  volatile uint32_t CFSR, BFAR;
};
extern struct dcb *const DCB;
extern struct dwt *const DWT;
extern struct scb *const SCB;
#define DCB_DEMCR_TRCENA_Msk (1UL << 24)
#define DWT_CTRL_CYCCNTENA_Msk 1UL

void NVIC_ClearPendingIRQ(IRQn_Type interrupt);
void NVIC_EnableIRQ(IRQn_Type interrupt);
void SCB_CleanDCache(void);
void SCB_CleanInvalidateDCache(void);
void __DSB(void);
void __WFE(void);
uint32_t __get_IPSR(void);
uint32_t GetSystemCoreClock(void);

#endif  // ALIF_H
