"""Recorded histories of client devices: reading and form. The format is in README.md."""

import json
import pathlib

SERVICE_USER = 777000


class Unusable(Exception):
    """A recording that cannot be judged."""


NUMBER, TEXT, LIST, FLAG, ANY = (int, float), (str,), (list,), (bool,), (object,)
INTEGER = (int,)

# What each event must have, and of what type.
EVENTS = {
    "device": {"format": INTEGER, "user": INTEGER, "name": TEXT, "differences": FLAG},
    "connected": {},
    "state": {"pts": INTEGER},
    "send": {"random_id": TEXT, "peer": INTEGER, "text": TEXT},
    "sent": {"random_id": TEXT, "id": INTEGER, "pts": INTEGER, "date": INTEGER},
    "failed": {"random_id": TEXT},
    "do": {"key": TEXT, "what": TEXT},
    "done": {"key": TEXT},
    "refused": {"key": TEXT},
    "live": {"kind": TEXT, "pts": INTEGER, "pts_count": INTEGER},
    "too_long": {},
    "difference": {"from": INTEGER, "to": INTEGER},
    "history": {"peer": INTEGER, "messages": LIST},
    "dialogs": {"dialogs": LIST},
    "end": {},
}
CALLS = {
    "edit": {"peer": INTEGER, "id": INTEGER, "text": TEXT},
    "delete": {"ids": LIST},
    "delete_history": {"peer": INTEGER},
    "read": {"peer": INTEGER, "max_id": INTEGER},
    "pin": {"peer": INTEGER, "id": INTEGER},
    "block": {"user": INTEGER},
    "unblock": {"user": INTEGER},
}
UPDATES = {
    "new": {"message": (dict,)},
    "edit": {"message": (dict,)},
    "delete": {"ids": LIST},
    "read_inbox": {"peer": INTEGER, "max_id": INTEGER},
    "read_outbox": {"peer": INTEGER, "max_id": INTEGER},
    "pinned": {"peer": INTEGER, "ids": LIST},
    "other": {},
}
MESSAGE = {"id": INTEGER, "peer": INTEGER, "from": INTEGER, "date": INTEGER}
DIALOG = {"peer": INTEGER, "top_message": INTEGER, "unread": INTEGER, "read_inbox": INTEGER, "read_outbox": INTEGER}


def token_of(text):
    return text.split(" ", 1)[0]


class Device:
    """One file: its header and its events, each with its line under `line`."""

    def __init__(self, path):
        self.file = path.name
        self.events = []
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if text.strip():
                self.events.append(self.parsed(number, text))
        if not self.events or self.events[0]["e"] != "device":
            raise Unusable(f"{self.file}: the first line is not the device")
        if self.events[-1]["e"] != "end":
            raise Unusable(f"{self.file}: cut: the last line is not the end")
        head = self.events[0]
        if head["format"] != 1:
            raise Unusable(f"{self.file}: format {head['format']} is not known")
        self.user, self.name = head["user"], head["name"]
        self.differences, self.in_order = head["differences"], bool(head.get("in_order"))
        self.connected = [event["line"] for event in self.events if event["e"] == "connected"]
        self.calls = {}
        self.check_pairs()

    def parsed(self, number, text):
        where = f"{self.file}:{number}"
        try:
            event = json.loads(text)
        except ValueError as error:
            raise Unusable(f"{where}: not JSON: {error}") from error
        if not isinstance(event, dict) or event.get("e") not in EVENTS:
            raise Unusable(f"{where}: not an event that is known")
        event["line"] = number
        kind = event["e"]
        self.demand(where, event, {"t": NUMBER, **EVENTS[kind]})
        event.setdefault("asked", event["t"])
        if kind == "do":
            self.demand(where, event, self.known(where, CALLS, event["what"]))
        elif kind == "live":
            self.update(where, event)
        elif kind == "difference":
            event["messages"] = event.get("messages") or []
            event["updates"] = event.get("updates") or []
            for each in event["updates"]:
                self.demand(where, each, {"kind": TEXT})
                self.update(where, each)
        elif kind == "dialogs":
            for each in event["dialogs"]:
                self.demand(where, each, DIALOG)
        if kind in ("difference", "history"):
            for each in event["messages"]:
                self.message(where, each)
        return event

    def update(self, where, event):
        self.demand(where, event, self.known(where, UPDATES, event["kind"]))
        if "message" in event:
            self.message(where, event["message"])

    def message(self, where, message):
        self.demand(where, message, MESSAGE)
        if not message.get("service"):
            self.demand(where, message, {"text": TEXT})

    @staticmethod
    def known(where, table, name):
        if name not in table:
            raise Unusable(f"{where}: {name} is not known")
        return table[name]

    @staticmethod
    def demand(where, what, fields):
        if not isinstance(what, dict):
            raise Unusable(f"{where}: not an object: {what!r}")
        for name, types in fields.items():
            value = what.get(name)
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                raise Unusable(f"{where}: `{name}` is missing or of a wrong type")

    def check_pairs(self):
        sends = set()
        for event in self.events:
            kind = event["e"]
            if kind == "send":
                sends.add(event["random_id"])
            elif kind in ("sent", "failed") and event["random_id"] not in sends:
                raise Unusable(f"{self.file}:{event['line']}: {kind}, but no send of it before")
            elif kind == "do":
                if event["key"] in self.calls:
                    raise Unusable(f"{self.file}:{event['line']}: the key {event['key']} is used twice")
                self.calls[event["key"]] = {"do": event, "done": None, "refused": None, "device": self}
            elif kind in ("done", "refused"):
                call = self.calls.get(event["key"])
                if call is None or call["done"] or call["refused"]:
                    raise Unusable(f"{self.file}:{event['line']}: {kind}, but no such call is open")
                call[kind] = event


def load(folder):
    paths = sorted(pathlib.Path(folder).glob("*.jsonl"))
    if not paths:
        raise Unusable(f"{folder}: no *.jsonl in it")
    return [Device(path) for path in paths]
