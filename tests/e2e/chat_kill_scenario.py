"""Two people chat on two devices each while the node is killed, again and again, and what it had not synced is lost.
Then the checker judges what every device saw.

  chat_kill_scenario.py --binary GODWIT --faults LIBRARY --replay PROGRAM [--kills N] [--libraries telethon,gramjs]
                        [--node-modules DIR]

N is 10 by default, and 50 with GODWIT_LONG. GODWIT_SEED is the seed of what is drawn at random.
"""

import argparse
import os
import random
import shutil
import sys
import threading
import traceback

import node_process
from chat_client import until
from chat_world import ChatWorld, step
from client_process import ClientError

WINDOW = 6  # sends of a device that are under way at once
PAUSE_SECONDS = 0.02  # between one and the next: a client that calls without end is told to wait
# GramJS forgets calls that are made while it has no connection, and all that follows an error in a container: a
# program that uses it has to ask again.
PATIENCE = {"telethon": 90, "gramjs": 3}


class Talker:
    """A device that sends, edits, reads and deletes until it is told to stop."""

    def __init__(self, world, device, peer, seed):
        self.world, self.device, self.peer = world, device, peer
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.answered = 0
        self.own = []  # (id, text) of what is there
        self.error = None
        self.device.patience = PATIENCE[device.library]
        self.thread = None

    def start(self):
        self.stopping.clear()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.thread.join(PATIENCE["telethon"] * 2)
        assert not self.thread.is_alive(), f"{self.device.name} waits for an answer"
        if self.error:
            raise self.error

    def run(self):
        under_way = []
        try:
            while not self.stopping.is_set():
                while len(under_way) < WINDOW:
                    text = self.world.text(f"from {self.device.name}")
                    under_way.append((text, self.device.begin_send(self.peer, text)))
                self.finish(*under_way.pop(0))
                self.stopping.wait(PAUSE_SECONDS)
                if self.random.random() < 0.2:
                    self.change()
            for each in under_way:
                self.finish(*each)
        except BaseException as error:  # pylint: disable=broad-except
            self.error = error

    def finish(self, text, started):
        while True:
            try:
                sent = self.device.finish_send(started)
            except ClientError as error:
                if isinstance(error.code, int) and error.code < 500:
                    raise
                # Nobody knows what became of it.
                started = self.device.begin_send(self.peer, text, random_id=started[0], repeat=True)
                continue
            self.own.append((sent["id"], text))
            self.answered += 1
            return

    def change(self):
        what = self.random.choice(("edit", "delete", "read"))
        number, text = self.random.choice(self.own[-20:])
        try:
            if what == "edit":
                self.device.edit(self.peer, number, f"{text.split()[0]} edited {self.random.randrange(1 << 30)}")
            elif what == "delete":
                self.device.delete([number], self.random.random() < 0.7)
                self.own = [each for each in self.own if each[0] != number]
            else:
                self.device.read_up_to(self.peer, max(each[0] for each in self.own))
        except ClientError as error:
            known = ("MESSAGE_ID_INVALID", "MESSAGE_NOT_MODIFIED", "MessageIdInvalid", "MessageNotModified")
            # What is there no more cannot be changed; and who lost the connection lost the answer.
            if isinstance(error.code, int) and error.code < 500 and not any(each in str(error) for each in known):
                raise


def kill_once(node, talkers, chance, seed):
    """A stream of sends, a power cut in the middle of it, and the clients go on."""
    for talker in talkers:
        talker.start()
    before = sum(talker.answered for talker in talkers)
    wanted = before + chance.randrange(20, 80)
    until(lambda: sum(talker.answered for talker in talkers) >= wanted or failed(talkers), "nothing is answered", 120)
    node.kill()
    lost = node.lose_unsynced(seed)
    node.start()
    go_on(talkers)
    for talker in talkers:
        talker.stop()
    return lost


def acquainted(world, alice, bob, chance):
    """Each has the other as a contact, all devices are recorded; somebody to talk for each device."""
    pairs = ((alice, bob), (bob, alice))
    for person, other in pairs:
        person.devices[0].call("contacts.importContacts", contacts=[
            {"_": "inputPhoneContact", "client_id": 1, "phone": other.phone, "first_name": "Fr", "last_name": ""}])
        for device in person.devices[1:]:
            device.call("contacts.getContacts", hash=0)
    world.record(alice, bob)
    return [Talker(world, device, other.id, chance.random()) for person, other in pairs for device in person.devices]


def go_on(talkers):
    """Waits until each has answers to what it sent from now on."""
    reached = [talker.answered for talker in talkers]
    for talker, old in zip(talkers, reached):
        until(lambda: talker.answered > old + WINDOW or failed(talkers), f"{talker.device.name} does not go on", 120)


def failed(talkers):
    return any(talker.error for talker in talkers)


def run(world, node, kills, seed, libraries):
    chance = random.Random(seed)
    step(f"four devices of two people sign in (seed {seed})")
    alice = world.person("Alicecanary-Quill", *libraries)
    bob = world.person("Bobcanary-Quill", *reversed(libraries))
    talkers = acquainted(world, alice, bob, chance)
    for number in range(kills):
        lost = kill_once(node, talkers, chance, chance.randrange(1 << 30))
        step(f"kill {number + 1}: {sum(talker.answered for talker in talkers)} acknowledged so far; {lost}")
    for talker in talkers:
        talker.device.patience = PATIENCE["telethon"]
    step("the checker judges what every device saw")
    world.check(alice, bob, settle=60)  # what was sent before a kill may arrive long after it
    step("the log holds no text, name or number")
    world.check_log()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--faults", required=True)
    parser.add_argument("--replay", required=True)
    parser.add_argument("--kills", type=int, default=50 if os.environ.get("GODWIT_LONG") else 10)
    parser.add_argument("--libraries", default="telethon,gramjs", help="of the devices of each")
    parser.add_argument("--node-modules")
    options = parser.parse_args()
    if options.node_modules:
        os.environ["NODE_PATH"] = options.node_modules
    if not shutil.which("node"):
        print("skipped: there is no Node.js")
        return 77
    seed = int(os.environ.get("GODWIT_SEED") or 1)
    with node_process.Node(options.binary, faults=(options.faults, options.replay)) as node:
        world = ChatWorld(node)
        try:
            node.start()
            run(world, node, options.kills, seed, options.libraries.split(","))
        except BaseException:
            traceback.print_exc()
            print(f"seed {seed}\n--- the end of the node's log\n" + node.log_text()[-6000:])
            if os.environ.get("GODWIT_KEEP"):
                raise
            return 1
        finally:
            world.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
