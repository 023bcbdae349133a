# SPDX-License-Identifier: Apache-2.0
# Arm Compiler 6 for a Cortex-M55. UNTESTED: the authors of gen-fw have no licence of it. The build
# with arm-none-eabi-gcc is the tested one.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m55)

set(CMAKE_C_COMPILER armclang)
set(CMAKE_CXX_COMPILER armclang)
set(CMAKE_ASM_COMPILER armclang)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(machine "--target=arm-arm-none-eabi -mcpu=cortex-m55 -mthumb -mfloat-abi=hard -fshort-enums")
set(CMAKE_C_FLAGS_INIT "${machine}")
set(CMAKE_CXX_FLAGS_INIT "${machine}")
set(CMAKE_ASM_FLAGS_INIT "${machine}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "--cpu=Cortex-M55 --entry=Reset_Handler --diag_suppress=6304,6314")
