# SPDX-License-Identifier: Apache-2.0
"""The sets of kernels, for people."""

#: name of a set -> what it is, for people
SETS = {
    "portable": "gen-fw, plain C",
    "dsp": "gen-fw, Arm DSP extension",
    "mve": "gen-fw, Arm MVE (Helium)",
    "cmsis_nn": "CMSIS-NN",
    "esp_nn": "ESP-NN",
    "tvm": "Apache TVM",
}
