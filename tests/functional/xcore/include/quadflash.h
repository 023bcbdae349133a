// SPDX-License-Identifier: Apache-2.0
#ifndef MOCK_QUADFLASH_H_
#define MOCK_QUADFLASH_H_
typedef struct {
  int device;
} fl_QuadDeviceSpec;
typedef struct {
  int select, clock, data, block;
} fl_QSPIPorts;
enum { PORT_SQI_CS = 1, PORT_SQI_SCLK, PORT_SQI_SIO, XS1_CLKBLK_2 };
#define FL_QUADDEVICE_DEFAULT {7}
#endif  // MOCK_QUADFLASH_H_
