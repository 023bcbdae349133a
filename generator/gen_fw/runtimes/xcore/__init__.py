# SPDX-License-Identifier: Apache-2.0
"""XMOS's C++ runtime for xcore.ai: what xformer made of a model becomes a Program."""
