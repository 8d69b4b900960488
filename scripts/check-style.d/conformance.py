# SPDX-License-Identifier: GPL-2.0-only
"""Conformance: Documentation/rfc-conformance.rst and differences.rst are what scripts/conformance writes."""

import os
import subprocess
import sys

sys.exit(subprocess.call([sys.executable, "-B", os.path.join(sys.argv[1], "scripts", "conformance"),
                          "--check"]))
