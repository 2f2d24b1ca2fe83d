"""The built binary as a process of its own: started on a free port, stopped with SIGTERM, its output kept."""

import os
import signal
import subprocess
import threading
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = REPOSITORY / os.environ.get("CEDARKEEP_BIN", "target/debug/cedarkeep")

# Test fixture, guards nothing: the token of servers that live as long as one test run.
FIXTURE_TOKEN = "fixture-admin-token-for-client-tests-0123456789"

GREETING = b"listening on "


class Server:
    """A running `cedarkeep serve` with an empty embedded store under `data_dir`."""

    def __init__(self, data_dir: Path):
        self.data_dir = data_dir
        self._drain = None
        self._stderr = data_dir.parent / f"{data_dir.name}.stderr"
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir],
                env={"PATH": os.environ["PATH"], "CEDARKEEP_ADMIN_TOKEN": FIXTURE_TOKEN},
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        self._output = self.process.stdout.readline()
        if not self._output.startswith(GREETING):
            self.stop()
            raise AssertionError(f"the first line on stdout must name the address:\n{self.log()}")
        self.url = self._output.removeprefix(GREETING).decode().strip()
        self._drain = threading.Thread(target=self._read_on, daemon=True)
        self._drain.start()

    def _read_on(self) -> None:
        with self.process.stdout as stdout:
            self._output += stdout.read()

    def alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> int:
        """Asks the server to finish and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        if self._drain is not None:
            self._drain.join(timeout=10)
        return code

    def log(self) -> str:
        """Everything the server wrote so far on stderr, and on stdout as far as it was read."""
        return self._stderr.read_text() + self._output.decode()


def cedarkeep(*arguments, **environment) -> subprocess.CompletedProcess:
    """Runs a command of the binary to its end."""
    return subprocess.run(
        [BINARY, *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
