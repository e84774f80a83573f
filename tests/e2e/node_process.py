"""A real node in a folder of its own, on free ports of the loopback."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

START_SECONDS = 30
STOP_SECONDS = 20


# The node reads every variable of this prefix as a setting, and the tests have some of their own.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GODWIT_")}


def free_port():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Node:
    """Made by `godwit init`; start, kill and stop as often as wanted. Removes its folder at the end.

    With `faults` (the library and the program of tests/faults) its data is on a disk that can lose what was not synced.
    """

    def __init__(self, binary, settings=(), faults=None):
        self.binary = binary
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="godwit-e2e-"))
        self.data = self.root / "data"
        self.log = self.root / "log"
        self.journal = self.root / "journal"
        self.environment = dict(ENVIRONMENT)
        self.replay = None
        self.host = "127.0.0.1"
        self.port = free_port()
        self.metrics_port = free_port()
        self.process = None
        self.settings = [
            f"listen.port={self.port}",
            f"metrics.port={self.metrics_port}",
            f"peers.port={free_port()}",
            "auth.test_numbers=true",
            "log.level=debug",
            *settings,
        ]
        subprocess.run(
            [self.binary, "init", "--data", str(self.data)], check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT
        )

        if faults:
            library, self.replay = faults
            self.journal.mkdir()
            self.environment.update(
                LD_PRELOAD=str(library),
                ASAN_OPTIONS="verify_asan_link_order=0",
                GODWIT_FAULT_ROOT=str(self.data),
                GODWIT_FAULT_JOURNAL=str(self.journal),
                GODWIT_FAULT_REAL_SYNC="0",
            )

    @property
    def public_key_file(self):
        return self.data / "server_rsa.pub.pem"

    def start(self):
        sets = [part for setting in self.settings for part in ("--set", setting)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--data", str(self.data), *sets], stdout=log, stderr=log, env=self.environment
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the node ended with {self.process.returncode}:\n{self.log_text()[-4000:]}")
            try:
                if self.get("/readyz").startswith("ok"):
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"the node is not ready after {START_SECONDS} s:\n{self.log_text()[-4000:]}")

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.host}:{self.metrics_port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def kill(self):
        """SIGKILL, as a power cut would have it for the process."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def lose_unsynced(self, seed):
        """A power cut: after kill(), takes back writes that no sync covered. What was lost, in words."""
        done = subprocess.run(
            [self.replay, str(self.journal), "--seed", str(seed)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"the disk cannot be replayed: {done.stderr}")
        return done.stdout.strip()

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=STOP_SECONDS)

    def run_ctl(self, *arguments):
        return subprocess.run(
            [self.binary, "ctl", "--data", str(self.data), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            env=ENVIRONMENT,
        )

    def ctl(self, *arguments):
        done = self.run_ctl(*arguments)
        if done.returncode != 0:
            raise RuntimeError(f"ctl {arguments[0]}: {done.stderr}")
        return done.stdout

    def ctl_status(self, *arguments):
        return self.run_ctl(*arguments).returncode

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process and self.process.poll() is None:
            self.kill()
        if kind is None or not os.environ.get("GODWIT_KEEP"):
            shutil.rmtree(self.root, ignore_errors=True)
        else:
            print(f"kept: {self.root}")
