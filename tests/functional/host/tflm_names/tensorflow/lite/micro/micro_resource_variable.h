// SPDX-License-Identifier: Apache-2.0
#include "tflm_names.h"
