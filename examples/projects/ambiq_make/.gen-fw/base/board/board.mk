# SPDX-License-Identifier: Apache-2.0
# Ambiq Apollo4 Plus EVB: core, glue, linker script.
CORE_FLAGS    := -mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
BOARD_SOURCES := $(addprefix $(BOARD_DIR)/,board.c fault.c libc.c)
BOARD_DEFINES :=
LINKER_SCRIPT := $(BOARD_DIR)/linker.ld
