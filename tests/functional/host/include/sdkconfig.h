// SPDX-License-Identifier: Apache-2.0
// Host stand-in for the header that ESP-IDF writes: the defaults of main/Kconfig.projbuild.
#pragma once

#define CONFIG_GEN_FW_SELFTEST 1
#define CONFIG_APP_SELFTEST 1
#define CONFIG_APP_INFERENCE_PERIOD_MS 1000
#define CONFIG_APP_INFERENCE_PRIORITY 5
#define CONFIG_APP_INFERENCE_CORE 1
