"""A person with two devices signs up, signs in, ends sessions and logs out, with a real client library.

  sign_in_scenario.py --binary GODWIT --client telethon|gramjs|mtcute --transport NAME [--node-modules DIR]

Exits with 0 when every step went as it must; prints the step that did not, and the end of the node's log.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import sys
import traceback

import node_process
from client_process import Client, ClientError

HERE = pathlib.Path(__file__).resolve().parent
PHONE = "+99966371234"
CODE = "33333"  # the sixth digit of the number, five times
WRONG_CODE = "12345"
FIRST_NAME = "Canary-Quillfeather"
DEVICES = {"a": "Lighthouse One", "b": "Lighthouse Two"}


def command_of(client):
    if client == "telethon":
        return ["/usr/bin/python3", str(HERE / "clients" / "telethon_client.py")]
    script = {"gramjs": "gramjs_client.js", "mtcute": "mtcute_client.mjs"}[client]
    return ["node", str(HERE / "clients" / script)]


class Scenario:
    def __init__(self, node, client, transport):
        self.node, self.client, self.transport = node, client, transport
        self.running = []

    def device(self, name, session=""):
        client = Client(command_of(self.client))
        self.running.append(client)
        client(
            "open",
            host=self.node.host,
            port=self.node.port,
            key_file=str(self.node.public_key_file),
            transport=self.transport,
            device=DEVICES[name],
            session=session,
        )
        return client

    def run(self):
        self.step("a new device is nobody")
        first = self.device("a")
        expect_error(first, "AUTH_KEY_UNREGISTERED", "me")

        self.step("a wrong code is refused, the right one asks for a name")
        first("send_code", phone=PHONE)
        expect_error(first, "PHONE_CODE_INVALID", "sign_in", phone=PHONE, code=WRONG_CODE)
        assert first("sign_in", phone=PHONE, code=CODE) == {"sign_up": True}
        account = first("sign_up", phone=PHONE, first_name=FIRST_NAME)
        assert account["self"] and account["first_name"] == FIRST_NAME, account
        assert account["phone"] == PHONE.lstrip("+"), account

        self.step("signed up is signed in")
        assert first("me") == account
        assert first("state")["pts"] >= 1
        assert first("dialogs") == 0

        self.step("the session goes on in another process")
        kept = first("save")
        first("close")
        first.end()
        first = self.device("a", kept)
        assert first("me") == account

        self.step("a second device signs in to the same account")
        second = self.device("b")
        second("send_code", phone=PHONE)
        assert second("sign_in", phone=PHONE, code=CODE) == account
        listed = second("authorizations")
        assert sorted(each["device"] for each in listed) == sorted(DEVICES.values()), listed
        assert [each["device"] for each in listed if each["current"]] == [DEVICES["b"]], listed

        self.step("kill -9 and a new start log nobody out")
        self.node.kill()
        self.node.start()
        assert first("me", timeout=90) == account
        assert second("me", timeout=90) == account

        self.step("a terminated device can do nothing more")
        [other] = [each for each in second("authorizations") if not each["current"]]
        assert second("terminate", hash=other["hash"])
        expect_error(first, "AUTH_KEY_UNREGISTERED", "me")
        assert [each["current"] for each in second("authorizations")] == [True]

        self.step("it signs in again, and logs out")
        third = self.device("a")
        third("send_code", phone=PHONE)
        assert third("sign_in", phone=PHONE, code=CODE) == account
        assert third("log_out")
        expect_error(third, "AUTH_KEY_UNREGISTERED", "me")
        assert second("me") == account

        self.step("the operator lists who is there, and ends a login")
        # A client that reconnects may leave an older session of its login behind for a while.
        [login] = {
            each["authorization"]
            for each in self.sessions()
            if each["user"] == account["id"] and each["connections"] > 0
        }
        wrong = self.node.ctl_status("terminate", str(account["id"]), "1")
        assert wrong != 0, "a login that is none was said to be ended"
        self.node.ctl("terminate", str(account["id"]), str(login))
        expect_error(second, "AUTH_KEY_UNREGISTERED", "me")

        self.step("the node says what happened")
        metrics = self.node.get("/metrics")
        assert "godwit_" in metrics, metrics[:500]

        self.step("SIGTERM ends the node in time")
        assert self.node.stop() == 0

        self.step("the log holds neither number nor name nor code")
        text = self.node.log_text()
        for canary in (PHONE.lstrip("+"), FIRST_NAME, CODE):
            found = [line for line in text.splitlines() if re.search(rf"\b{re.escape(canary)}\b", line)]
            assert not found, found[:3]

    def sessions(self):
        """Of logged-in clients, as the operator sees them."""
        return [each for each in json.loads(self.node.ctl("--json", "sessions")) if each["authorization"] != 0]

    def step(self, what):
        print(f"- {what}", flush=True)

    def end(self):
        for client in self.running:
            client.end()


def expect_error(client, text, do, **arguments):
    try:
        answer = client(do, **arguments)
    except ClientError as error:
        # Telethon has classes for errors: PhoneCodeInvalidError for PHONE_CODE_INVALID.
        wanted = (text, "".join(part.capitalize() for part in text.split("_")))
        assert any(each in str(error) for each in wanted), f"{do}: {error}, not {text}"
        return
    raise AssertionError(f"{do} answered {answer}, not {text}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--client", required=True, choices=("telethon", "gramjs", "mtcute"))
    parser.add_argument("--transport", required=True)
    parser.add_argument("--node-modules")
    options = parser.parse_args()
    if options.node_modules:
        os.environ["NODE_PATH"] = os.environ["GODWIT_NODE_MODULES"] = options.node_modules
    if options.client != "telethon" and not shutil.which("node"):
        print("skipped: there is no Node.js")
        return 77
    with node_process.Node(options.binary) as node:
        scenario = Scenario(node, options.client, options.transport)
        try:
            node.start()
            scenario.run()
        except BaseException:
            traceback.print_exc()
            print("--- the end of the node's log\n" + node.log_text()[-6000:])
            return 1
        finally:
            scenario.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
