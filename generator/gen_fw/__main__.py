# SPDX-License-Identifier: Apache-2.0
"""``python -m gen_fw`` is ``gen-fw``."""

from gen_fw.cli.main import main

if __name__ == "__main__":
    main()
