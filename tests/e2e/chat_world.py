"""A node and the devices of several people at it, for scenarios of chats."""

import os
import pathlib
import subprocess
import sys
import time

from chat_client import Device, until
from client_process import ClientError

HERE = pathlib.Path(__file__).resolve().parent
CHECKER = HERE.parent / "checker" / "check_histories.py"
CODE = "33333"  # the sixth digit of each number, five times
TRANSPORTS = {"telethon": "full", "gramjs": "full"}


class Person:
    """An account: its number, its name, its devices."""

    def __init__(self, number, first_name):
        self.phone, self.first_name = f"+9996637{number:04}", first_name
        self.devices = []

    @property
    def id(self):
        return self.devices[0].user


class ChatWorld:
    def __init__(self, node):
        self.node = node
        self.people, self.devices, self.tokens = [], [], 0
        self.texts = []  # what must not be in the log
        self.recordings = node.root / "recordings"
        self.recordings.mkdir()

    def person(self, first_name, *libraries):
        """Signs somebody up, with a device for each library."""
        person = Person(1000 + len(self.people), first_name)
        self.people.append(person)
        for number, library in enumerate(libraries, 1):
            device = Device(command_of(library), library, f"{first_name.split('-')[0].lower()}-{number}-{library}")
            self.devices.append(device)
            device.sign_in(self.node, person.phone, CODE, first_name, TRANSPORTS[library])
            person.devices.append(device)
        return person

    def record(self, *people):
        for person in people:
            for device in person.devices:
                device.start_recording(self.recordings)

    def person_of(self, device):
        return next(person for person in self.people if device in person.devices)

    def text(self, words):
        """A text whose first word is in no other."""
        self.tokens += 1
        text = f"Tk{self.tokens:04}Quill {words}"
        self.texts.append(text.split()[0])
        return text

    def check(self, *people, settle=1):
        """Ends the recordings and lets the checker judge them."""
        # What goes from one to the other keeps its order: behind a last message nothing is under way.
        for person in people:
            for other in people:
                if other is not person:
                    self.last_word(person.devices[0], other)
        for person in people:
            finish_together(person)
        done = subprocess.run(
            [sys.executable, "-B", str(CHECKER), str(self.recordings), "--settle", str(settle)],
            capture_output=True, text=True, timeout=900, check=False)
        print(done.stdout[-6000:], flush=True)
        if done.returncode != 0:
            keep = os.environ.get("GODWIT_KEEP")
            raise AssertionError(f"the checker says {done.returncode}: {done.stderr[-2000:]}"
                                 + (f" ({self.recordings})" if keep else ""))

    def last_word(self, device, to):
        text = self.text("the last word")
        device.send(to.id, text)
        there = to.devices[0]
        until(lambda: any(each.get("message") == text for each in there.history(device.user, limit=10)),
              f"{there.name} does not get the last word of {device.name}", 60)

    def check_log(self):
        """The log of the node has neither texts nor names nor numbers."""
        text = self.node.log_text()
        canaries = self.texts + [person.first_name for person in self.people]
        canaries += [person.phone.lstrip("+") for person in self.people]
        for canary in canaries:
            if canary in text:
                raise AssertionError([line for line in text.splitlines() if canary in line][:2])

    def end(self):
        for device in self.devices:
            device.end()


def finish_together(person):
    devices = person.devices
    wanted = {device.pts() for device in devices}
    until(lambda: len({device.pts() for device in devices}) == 1, f"pts of {devices[0].name} differ: {wanted}")
    peers = {person.id}
    for device in devices:
        answer = device.dialogs()
        peers |= {each["peer"].get("user_id") for each in answer["dialogs"]}
        peers |= device.talked_to
    for device in devices:
        device.finish_recording(sorted(each for each in peers if each))


def command_of(library):
    if library == "telethon":
        return ["/usr/bin/python3", "-B", str(HERE / "clients" / "telethon_client.py")]
    return ["node", str(HERE / "clients" / "gramjs_client.js")]


def hears(device, kind, since=0, seconds=20, **fields):
    """Waits for a pushed update of this kind with these fields; `since`: how many had been heard before."""

    def found():
        for update in device.heard[since:]:
            if update["_"] == kind and all(of(update, name) == value for name, value in fields.items()):
                return update
        return None

    return until(found, f"{device.name} does not hear {kind} {fields}", seconds)


def of(update, path):
    """A field by its path: `message__message` is the text of the message."""
    for name in path.split("__"):
        update = (update or {}).get(name)
    return update


def hears_text(device, text, since=0, seconds=20, kind="UpdateNewMessage"):
    return hears(device, kind, since, seconds, message__message=text)["message"]


def expect_error(text, call, *arguments, **named):
    """`text` may be several, separated by |."""
    try:
        answer = call(*arguments, **named)
    except ClientError as error:
        # Telethon has classes for errors: PeerIdInvalidError for PEER_ID_INVALID.
        said = str(error).replace("_", "").upper()
        assert any(each.replace("_", "") in said for each in text.split("|")), f"{error}, not {text}"
        return
    raise AssertionError(f"answered {str(answer)[:300]}, not {text}")


def step(what):
    print(f"- {time.strftime('%H:%M:%S')} {what}", flush=True)
