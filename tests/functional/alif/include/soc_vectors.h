// SPDX-License-Identifier: Apache-2.0
#define IRQ55_Handler NPU_LOCAL_IRQHandler
