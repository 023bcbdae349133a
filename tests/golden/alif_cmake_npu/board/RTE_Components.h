// SPDX-License-Identifier: Apache-2.0
/// The parts of Alif's DFP that this project compiles; the DFP's sources include this file.
#ifndef RTE_COMPONENTS_H
#define RTE_COMPONENTS_H

#define CMSIS_device_header "alif.h"

#define RTE_Drivers_LL_PINCONF 1
#define RTE_Drivers_USART 1
#define RTE_CMSIS_Compiler_STDOUT
#define RTE_CMSIS_Compiler_STDOUT_Custom

#endif  // RTE_COMPONENTS_H
