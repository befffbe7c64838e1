"""What a product service has to install to call Tidegate."""

import subprocess
import sys


def test_the_client_needs_none_of_the_servers_libraries() -> None:
    heavy = {
        "ray",
        "feast",
        "tritonclient",
        "numpy",
        "pydantic",
        "click",
        "rich",
        "opentelemetry.sdk",
        "pandas",
        "yaml",
    }
    program = f"import sys, tidegate.client; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
