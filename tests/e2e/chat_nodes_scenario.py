"""Two people chat on two devices each while the nodes they are connected to are killed and frozen in turn. Their clients
come back through a load balancer to other nodes; nobody is logged out, and the checker judges what every device saw.

  chat_nodes_scenario.py --binary GODWIT [--rounds N] [--libraries telethon,gramjs] [--node-modules DIR]

N is 4 by default, and 40 with GODWIT_LONG. GODWIT_SEED is the seed of what is drawn at random.
"""

import argparse
import os
import random
import shutil
import sys
import time
import traceback

from chat_client import until
from chat_kill_scenario import PATIENCE, acquainted, failed, go_on
from chat_world import ChatWorld, step
from node_cluster import NodeCluster

FROZEN_SECONDS = 6


def trouble(cluster, talkers, what, node, chance):
    """Something befalls the node in a stream of sends; every client goes on while it lasts, and after it."""
    for talker in talkers:
        talker.start()
    wanted = sum(talker.answered for talker in talkers) + chance.randrange(20, 60)
    until(lambda: sum(talker.answered for talker in talkers) >= wanted or failed(talkers), "nothing is answered", 120)
    on_it = cluster.door.connections(node)
    began = time.monotonic()
    if what == "kill":
        node.kill()
    else:
        node.freeze()
    go_on(talkers)
    pause = time.monotonic() - began
    if what == "kill":
        node.launch()
    else:
        time.sleep(max(0, FROZEN_SECONDS - pause))
        node.thaw()
    node.wait_ready()
    go_on(talkers)
    for talker in talkers:
        talker.stop()
    return f"{on_it} connections were on it; all go on within {pause:.1f} s"


def run(world, cluster, rounds, seed, libraries):
    chance = random.Random(seed)
    step(f"four devices of two people sign in through three nodes (seed {seed})")
    alice = world.person("Alicecanary-Quill", *libraries)
    bob = world.person("Bobcanary-Quill", *reversed(libraries))
    talkers = acquainted(world, alice, bob, chance)
    nodes = cluster.nodes[:]
    for number in range(rounds):
        # Always one that somebody is on; each of them in turn.
        nodes.sort(key=lambda node: cluster.door.connections(node) == 0)
        node = nodes.pop(0)
        nodes.append(node)
        what = ("kill", "freeze")[number % 2]
        said = trouble(cluster, talkers, what, node, chance)
        step(f"{what} node {node.number}: {said}; {sum(talker.answered for talker in talkers)} acknowledged so far")
    for talker in talkers:
        talker.device.patience = PATIENCE["telethon"]
    step("nobody was logged out")
    for device in world.devices:
        assert device.call("users.getUsers", id=[{"_": "inputUserSelf"}])[0]["id"] == device.user, device.name
    step("the checker judges what every device saw")
    world.check(alice, bob, settle=60)
    step("the logs hold no text, name or number")
    world.check_log()
    step("the nodes end when they are told to")
    for node in cluster.nodes:
        assert node.stop() == 0, f"node {node.number}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--rounds", type=int, default=40 if os.environ.get("GODWIT_LONG") else 4)
    parser.add_argument("--libraries", default="telethon,gramjs", help="of the devices of each")
    parser.add_argument("--node-modules")
    options = parser.parse_args()
    if options.node_modules:
        os.environ["NODE_PATH"] = options.node_modules
    if not shutil.which("node"):
        print("skipped: there is no Node.js")
        return 77
    seed = int(os.environ.get("GODWIT_SEED") or 1)
    with NodeCluster(options.binary) as cluster:
        world = ChatWorld(cluster)
        try:
            cluster.start()
            run(world, cluster, options.rounds, seed, options.libraries.split(","))
        except BaseException:
            traceback.print_exc()
            print(f"seed {seed}")
            for node in cluster.nodes:
                print(f"--- the end of the log of node {node.number}\n" + node.log_text()[-4000:])
            if os.environ.get("GODWIT_KEEP"):
                raise
            return 1
        finally:
            world.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
