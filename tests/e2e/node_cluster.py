"""Three real nodes, each with an address of the loopback and a folder of its own, and a load balancer before them."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from front_door import FrontDoor
from node_process import ENVIRONMENT, STOP_SECONDS, free_port

START_SECONDS = 60


class ClusterNode:
    """One of them; made by `godwit init`, from the bundle of an invitation if it is not the first."""

    def __init__(self, binary, root, number, settings):
        self.binary, self.number = binary, number
        self.host = f"127.0.0.{number}"
        self.port, self.metrics_port, self.peers_port = free_port(), free_port(), free_port()
        self.data = root / f"node-{number}"
        self.log = root / f"node-{number}.log"
        self.process = None
        self.settings = [
            f"listen.addresses={self.host}",
            f"listen.port={self.port}",
            f"metrics.address={self.host}",
            f"metrics.port={self.metrics_port}",
            f"peers.address={self.host}",
            f"peers.port={self.peers_port}",
            "auth.test_numbers=true",
            *settings,
        ]

    def make(self, bundle=None):
        self.run("init", *(["--bundle", str(bundle)] if bundle else []), *self.sets())

    def invite(self, number, bundle):
        self.run("invite", "--node", str(number), str(bundle))

    def sets(self):
        return [part for setting in self.settings for part in ("--set", setting)]

    def run(self, command, *arguments):
        done = subprocess.run([self.binary, command, "--data", str(self.data), *arguments], capture_output=True,
                              text=True, timeout=60, env=ENVIRONMENT, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stderr}")
        return done.stdout

    def ctl(self, *arguments):
        return self.run("ctl", *arguments)

    def launch(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.binary, "serve", "--data", str(self.data)], stdout=log, stderr=log,
                                            env=ENVIRONMENT)

    def readiness(self):
        """What the node says of itself; None when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.metrics_port}/readyz", timeout=2) as answer:
                return answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            return error.read().decode().strip()
        except OSError:
            return None

    def wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while (said := self.readiness()) != "ok":
            if self.process.poll() is not None:
                raise RuntimeError(f"node {self.number} ended with {self.process.returncode}:\n{self.log_text()[-4000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"node {self.number} is not ready: {said}\n{self.log_text()[-4000:]}")
            time.sleep(0.05)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=STOP_SECONDS)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class NodeCluster:
    """Looks to devices like one node: host and port are those of the load balancer."""

    def __init__(self, binary, count=3, settings=()):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="godwit-e2e-"))
        self.nodes = [ClusterNode(binary, self.root, number, settings) for number in range(1, count + 1)]
        self.host, self.door = "127.0.0.1", None

    def start(self):
        first = self.nodes[0]
        first.make()
        for node in self.nodes[1:]:
            bundle = self.root / f"node-{node.number}.bundle"
            first.invite(node.number, bundle)
            node.make(bundle)
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_ready()
        self.wait_grown()
        self.door = FrontDoor(self.nodes)

    def wait_grown(self):
        """Until every shard has a voting copy on each node: before, one that is lost may take the last one with it."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            shards = json.loads(self.nodes[0].ctl("--json", "shards"))
            if all(sum(each["role"] == "voter" for each in shard["members"]) == len(self.nodes) for shard in shards):
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"the shards do not spread: {shards}")
            time.sleep(0.2)

    @property
    def port(self):
        return self.door.port

    @property
    def public_key_file(self):
        return self.nodes[0].data / "server_rsa.pub.pem"

    def log_text(self):
        return "\n".join(node.log_text() for node in self.nodes)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.door:
            self.door.close()
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.kill()
        if kind is None or not os.environ.get("GODWIT_KEEP"):
            shutil.rmtree(self.root, ignore_errors=True)
        else:
            print(f"kept: {self.root}")
