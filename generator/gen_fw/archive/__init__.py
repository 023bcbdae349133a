# SPDX-License-Identifier: Apache-2.0
"""Reading TVM Model Library Format archives."""
