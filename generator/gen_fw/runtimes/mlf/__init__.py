# SPDX-License-Identifier: Apache-2.0
"""Archives in TVM's Model Library Format as Programs."""
