# SPDX-License-Identifier: Apache-2.0
# The application. This file is yours: gen-fw wrote it once and will not touch it again.
APP_SOURCES  := $(addprefix $(APP_DIR)/,main.c preprocess.c postprocess.c)
APP_INCLUDES := $(APP_DIR)
APP_DEFINES  :=
