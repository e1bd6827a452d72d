"""What first paint must not wait for."""

import subprocess
import sys

LATE = ("eth_account", "web3", "aiohttp", "pyqtgraph", "numpy", "keyring", "websockets", "coincurve")


def test_the_window_imports_little() -> None:
    code = f"import sys; from wallet.gui import app; print([name for name in {LATE!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"


def test_view_models_know_no_qt() -> None:
    code = (
        "import sys, pkgutil, importlib, wallet.gui.models as m; "
        "[importlib.import_module('wallet.gui.models.' + i.name) for i in pkgutil.iter_modules(m.__path__)]; "
        "print([n for n in sys.modules if n.startswith(('PySide6', 'shiboken6', 'pyqtgraph', 'numpy'))])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"
