"""The rules and dashboards of cluster/monitoring, with a real Prometheus over three real nodes.

  monitoring_test.py --binary GODWIT --folder FOLDER
"""

import argparse
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))

from chat_client import until  # noqa: E402
from chat_kill_scenario import acquainted  # noqa: E402
from chat_world import ChatWorld, step  # noqa: E402
from node_cluster import NodeCluster  # noqa: E402
from node_process import free_port  # noqa: E402

DATA_SECONDS = 60  # until a query gives data: rates of a minute need two scrapes
ALERT_SECONDS = 60


def promtool(folder, *arguments):
    done = subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"promtool {' '.join(arguments)}: {done.stdout}{done.stderr}"


class Prometheus:
    """Runs with the product's own configuration, at other addresses and a faster pace."""

    def __init__(self, folder, cluster):
        self.root = cluster.root / "prometheus"
        shutil.copytree(folder, self.root)
        text = (self.root / "prometheus.yml").read_text()
        for node in cluster.nodes:
            text = text.replace(f"http://127.0.0.{node.number}:9430/", f"http://{node.host}:{node.metrics_port}/")
        text = re.sub(r"(scrape|evaluation)_interval: \S+", r"\1_interval: 1s", text)
        text = re.sub(r"refresh_interval: \S+", "refresh_interval: 1s", text)
        assert ":9430" not in text
        (self.root / "prometheus.yml").write_text(text)
        self.port = free_port()
        with open(self.root / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], cwd=self.root, stdout=log, stderr=log)

    def get(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from error

    def query(self, expression):
        return self.get("query", query=expression)["result"]

    def up(self):
        try:
            return {each["metric"]["node"] for each in self.query('up{job="godwit"} == 1')}
        except OSError:
            return set()

    def firing(self):
        return {each["labels"]["alertname"] for each in self.get("alerts")["alerts"] if each["state"] == "firing"}

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=20)


def queries(folder):
    """(where, query) of every panel."""
    for board in sorted((folder / "dashboards").glob("*.json")):
        for panel in json.loads(board.read_text())["panels"]:
            assert panel["targets"], f"{board.name}: {panel['title']} shows nothing"
            for target in panel["targets"]:
                yield f"{board.name}: {panel['title']}", target["expr"]


def run(folder, world, cluster, prometheus):
    step("two people chat")
    alice = world.person("Alicecanary-Quill", "telethon", "telethon")
    bob = world.person("Bobcanary-Quill", "telethon")
    talkers = acquainted(world, alice, bob, random.Random(1))
    for talker in talkers:
        talker.start()

    step("all nodes are found through /discovery")
    until(lambda: prometheus.up() == {"node-1", "node-2", "node-3"}, "not every node is found", DATA_SECONDS)

    step("every query of every panel gives data")
    missing = dict(queries(folder))
    deadline = time.monotonic() + DATA_SECONDS
    while True:
        missing = [(where, query) for where, query in queries(folder) if not prometheus.query(query)]
        if not missing:
            break
        assert time.monotonic() < deadline, f"no data: {missing}"
        time.sleep(1)

    step("every rule can be evaluated, and none fires")
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert rules
    for rule in rules:
        assert rule["health"] == "ok", rule
    assert not prometheus.firing(), prometheus.firing()

    step("a node is killed, and its alert fires")
    for talker in talkers:
        talker.stop()
    cluster.nodes[1].kill()
    until(lambda: "GodwitNodeDown" in prometheus.firing(), "nothing fires", ALERT_SECONDS)
    # The links of the others to it are given more time before they are worth a line of their own.
    assert prometheus.firing() <= {"GodwitNodeDown", "GodwitPeerUnreachable"}, prometheus.firing()

    step("it comes back, and the alert ends")
    cluster.nodes[1].launch()
    cluster.nodes[1].wait_ready()
    until(lambda: not prometheus.firing(), "an alert stays", ALERT_SECONDS)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    options = parser.parse_args()
    for program in ("prometheus", "promtool"):
        if not shutil.which(program):
            print(f"skipped: there is no {program}")
            return 77
    step("promtool finds the rules right, and their tests pass")
    promtool(options.folder, "check", "rules", "alerts.yml")
    promtool(options.folder, "test", "rules", "alerts_test.yml")
    promtool(options.folder, "check", "config", "prometheus.yml")
    with NodeCluster(options.binary) as cluster:
        world, prometheus = ChatWorld(cluster), None
        try:
            cluster.start()
            prometheus = Prometheus(options.folder, cluster)
            run(options.folder, world, cluster, prometheus)
        except BaseException:
            traceback.print_exc()
            for node in cluster.nodes:
                print(f"--- the end of the log of node {node.number}\n" + node.log_text()[-3000:])
            return 1
        finally:
            world.end()
            if prometheus:
                prometheus.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
