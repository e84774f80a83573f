"""Two people with two devices each, and a stranger, do everything that private chats offer; then the checker judges
what every device saw.

  chat_scenario.py --binary GODWIT --alice telethon,gramjs --bob gramjs,telethon [--node-modules DIR]

Exits with 0 when every step went as it must; prints the step that did not, and the end of the node's log.
"""

import argparse
import os
import shutil
import sys
import traceback

import chat_dialog_steps
import chat_message_steps
import chat_people_steps
import node_process
from chat_world import ChatWorld, step


def run(world, alice_libraries, bob_libraries):
    step("five devices of three people sign in")
    alice = world.person("Alicecanary-Quill", *alice_libraries)
    bob = world.person("Bobcanary-Quill", *bob_libraries)
    carol = world.person("Carolcanary-Quill", "telethon")
    carol.devices[0].call("account.updateUsername", username="carol_canary")
    world.record(alice, bob)
    for part in (chat_people_steps, chat_message_steps, chat_dialog_steps):
        part.run(world, alice, bob, carol)
    step("the checker judges what every device saw")
    world.check(alice, bob)
    step("the log holds no text, name or number")
    world.texts += ["Bobbin-Canary", "Newname-Canary", "about-canary", "bobbin_canary", "carol_canary", "Alix-Canary"]
    world.check_log()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--alice", required=True)
    parser.add_argument("--bob", required=True)
    parser.add_argument("--node-modules")
    options = parser.parse_args()
    libraries = [each.split(",") for each in (options.alice, options.bob)]
    if options.node_modules:
        os.environ["NODE_PATH"] = options.node_modules
    if any("gramjs" in each for each in libraries) and not shutil.which("node"):
        print("skipped: there is no Node.js")
        return 77
    with node_process.Node(options.binary) as node:
        world = ChatWorld(node)
        try:
            node.start()
            run(world, *libraries)
        except BaseException:
            traceback.print_exc()
            print("--- the end of the node's log\n" + node.log_text()[-6000:])
            if os.environ.get("GODWIT_KEEP"):
                raise
            return 1
        finally:
            world.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
