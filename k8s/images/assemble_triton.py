"""Puts Triton's python backend and its stub for this Python into one folder, for the image of Triton on CPU.

`python assemble_triton.py ENVIRONMENT TARGET`; refuses an environment that would answer with empty tensors.
"""

import sys
from pathlib import Path

from tidegate.models.runtime.installation import TritonInstallation

installation = TritonInstallation(Path(sys.argv[1]))
installation.verify()
installation.assemble_backends(Path(sys.argv[2]))
