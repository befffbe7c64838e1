"""The settings' YAML file, before it is checked, and what is said of one that can't be used."""

from pathlib import Path
from typing import Any

import yaml


class SettingsError(Exception):
    """The configuration can't be used. The message says which key is wrong and what is allowed."""


def from_file(path: Path | None) -> dict[str, Any]:
    """Values by top-level key, not checked yet; none without a file. Raises SettingsError."""
    if path is None:
        return {}
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not valid YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: must hold a mapping of settings")
    return {str(key): value for key, value in document.items()}
