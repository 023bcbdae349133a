# SPDX-License-Identifier: Apache-2.0
"""The ahead-of-time runtime: one specialised C99 kernel call per operator, no interpreter."""
