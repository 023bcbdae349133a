# SPDX-License-Identifier: Apache-2.0
"""Vendors' compilers, each run as a child process with limits: a model in, a model out."""
