# SPDX-License-Identifier: Apache-2.0
"""Builds and runs projects for this computer and for emulated boards, in child processes."""
