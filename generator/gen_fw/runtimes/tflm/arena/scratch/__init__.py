# SPDX-License-Identifier: Apache-2.0
"""Ports of the functions with which CMSIS-NN and ESP-NN say how much scratch a kernel needs.

tools/prove_scratch.py compares each with the vendor's own C, compiled for the host.
"""
