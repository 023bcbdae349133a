// SPDX-License-Identifier: Apache-2.0
#include "mock_xcore.h"
