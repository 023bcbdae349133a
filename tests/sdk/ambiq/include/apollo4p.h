// SPDX-License-Identifier: Apache-2.0
// Stands in for the device header, which nothing here needs (see am_mcu_apollo.h).
