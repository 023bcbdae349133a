# SPDX-License-Identifier: Apache-2.0
"""One module per operator family; each registers its lowerings in ``gen_fw.runtimes.aot.table``."""
