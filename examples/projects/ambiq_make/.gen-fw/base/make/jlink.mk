# SPDX-License-Identifier: Apache-2.0
# Flashing and watching by J-Link, as neuralSPOT does it.
JLINK_DEVICE ?= AMAP42KK-KBR
JLINK_SPEED  ?= 4000
JLINK_ADDRESS := 0x18000
ifneq ($(findstring WSL2,$(shell uname -r)),)
  jlink_suffix := .exe
endif
ifeq ($(OS),Windows_NT)
  JLINK ?= JLink
else
  JLINK ?= JLinkExe$(jlink_suffix)
endif
# the console is SWO, the trace port
JLINK_CPU_HZ ?= 96105000
JLINK_SWO_HZ ?= 1000000
ifeq ($(shell uname -s),Linux)
  JLINK_VIEW ?= JLinkSWOViewer_CL
else
  JLINK_VIEW ?= JLinkSWOViewerCL
endif
jlink_view_options = -device $(JLINK_DEVICE) -cpufreq $(JLINK_CPU_HZ) -swofreq $(JLINK_SWO_HZ) -itmport 0
jlink_found = command -v $1 > /dev/null || { echo "error: $1 is not found: install SEGGER's J-Link software, or name it with $2=..." >&2; exit 1; }
jlink_run = $(JLINK) -nogui 1 -device $(JLINK_DEVICE) -if SWD -speed $(JLINK_SPEED) -commandfile $1

$(BUILD)/flash.jlink: $(FLAGS_FILE)
	@printf 'ExitOnError 1\nconnect\nloadbin %s, %s\nsleep 250\nr\nq\n' '$(IMAGE).bin' '$(JLINK_ADDRESS)' > $@

$(BUILD)/reset.jlink: $(FLAGS_FILE)
	@printf 'ExitOnError 1\nconnect\nsleep 1000\nw4 40000004 1b\nsleep 1000\nExit\n' > $@

.PHONY: deploy reset view
deploy: $(IMAGE).bin $(BUILD)/flash.jlink
	@$(call jlink_found,$(JLINK),JLINK)
	$(Q)$(call jlink_run,$(BUILD)/flash.jlink)

reset: $(BUILD)/reset.jlink
	@$(call jlink_found,$(JLINK),JLINK)
	$(Q)$(call jlink_run,$(BUILD)/reset.jlink)

view:
	@$(call jlink_found,$(JLINK_VIEW),JLINK_VIEW)
	$(Q)$(JLINK_VIEW) $(jlink_view_options)
