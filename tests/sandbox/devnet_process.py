"""The development chain as the process it is in the sandbox, and a caller that knows HTTP and JSON only."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).resolve().parents[2]


class DevnetProcess:
    """One run of `python -m wallet.sandbox.devnet`; killed at the end of a `with`."""

    def __init__(self, directory: Path, *options: str) -> None:
        command = [sys.executable, "-m", "wallet.sandbox.devnet", "--dir", str(directory), *options]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            _, complaint = self.process.communicate(timeout=60)
            raise RuntimeError(complaint)
        ready = json.loads(line)
        self.url: str = ready["url"]
        self.chain_id: int = ready["chainId"]
        self.tokens: dict[str, str] = ready["tokens"]

    def kill(self) -> None:
        """Ends the process as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=60)

    def terminate(self) -> int:
        """Asks the process to end; returns its exit code."""
        self.process.terminate()
        self.process.communicate(timeout=60)
        return self.process.returncode

    def __enter__(self) -> DevnetProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.kill()

    def ask(self, method: str, *parameters: object) -> Any:
        """The response to one request, whole."""
        body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": parameters})
        status, answer = self.post(body.encode())
        assert status == 200
        return json.loads(answer)

    def result(self, method: str, *parameters: object) -> Any:
        """The result of one request that must succeed."""
        answer = self.ask(method, *parameters)
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, *parameters: object) -> Any:
        """The error of one request that must fail."""
        answer = self.ask(method, *parameters)
        assert "result" not in answer, answer
        return answer["error"]

    def post(self, body: bytes, headers: dict[str, str] | None = None, method: str = "POST") -> tuple[int, bytes]:
        """Status and body of one HTTP exchange; `headers` replace the usual ones."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
        try:
            connection.request(method, "/", body, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
