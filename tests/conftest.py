"""What holds for every test: no display, no real profile, no real keyring, and repeatable chance in the quick ones."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The quick tests are a gate and must say the same twice; the slow ones look further, from a seed that is on record.
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=60, print_blob=True)
settings.register_profile(
    "slow", deadline=None, max_examples=1000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("quick")

_HOME = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is imported that reads them: point every user directory at one that goes away again."""
    home = Path(tempfile.mkdtemp(prefix="channel-wallet-tests-"))
    config.stash[_HOME] = home
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        os.environ[name] = str(home / name.lower())
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["QT_API"] = "pyside6"
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the directory away again."""
    shutil.rmtree(config.stash[_HOME], ignore_errors=True)
