"""A device that chats: a real client library behind client_process.py's commands, called by the names of the API, and
recorded for the checker.

Calls are given and answered as TL objects in JSON form: `_` is the constructor, fields in snake_case.
"""

import concurrent.futures
import json
import random
import subprocess
import threading
import time

from chat_recorder import Recorder, peer_of, recorded_update, unpacked
from client_process import ClientError

PAGE = 100


def decoded(value):
    return int(value["$long"]) if "$long" in value else value


class Device:
    """Starts the library's process. `library` is telethon or gramjs."""

    def __init__(self, command, library, name):
        self.library, self.name = library, name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.open_calls, self.tags = {}, 0
        self.lock = threading.Lock()
        self.recorder = None
        self.heard = []  # every update that was pushed, as it came
        self.people = {}  # id -> access_hash, as this account has it
        self.user = 0
        self.connections = 0
        self.patience = 60  # seconds for an answer
        self.talked_to = set()  # with whom there ever was a message
        self.random = random.Random(name)
        self.pool = concurrent.futures.ThreadPoolExecutor(max_workers=64)
        threading.Thread(target=self.read, daemon=True).start()

    # --- the process --------------------------------------------------------------------------------

    def read(self):
        for line in self.process.stdout:
            said = json.loads(line, object_hook=decoded)
            if "event" in said:
                self.take(said)
            else:
                self.open_calls.pop(said["tag"]).set_result(said)
        for future in list(self.open_calls.values()):
            future.set_result({"error": "the client ended"})

    def take(self, said):
        kind = said["event"]
        if kind == "connected":
            self.connections += 1
            self.record("connected", said["t"])
        elif kind == "updates":
            self.meet(said["updates"])
            for update in unpacked(said["updates"], self.user) or [said["updates"]]:
                self.heard.append(update)
                if "message" in update:
                    self.talked_to.add(peer_of(update["message"], self.user))
            if self.recorder:
                self.recorder.updates(said["t"], said["updates"])
        elif kind == "difference":
            self.meet(said["answer"])
            if self.recorder:
                self.recorder.difference(said["t"], said["asked"], said["from"], said["answer"], said["fresh"])

    def record(self, event, moment, **fields):
        if self.recorder:
            self.recorder.write(event, moment, **fields)

    def begin(self, do, **arguments):
        """A command under way; its future gives what the process says."""
        future = concurrent.futures.Future()
        words = encoded(arguments, self.library == "gramjs")
        with self.lock:
            self.tags += 1
            self.open_calls[self.tags] = future
            self.process.stdin.write(json.dumps({"do": do, "tag": self.tags, **words}) + "\n")
            self.process.stdin.flush()
        return future

    def command(self, do, timeout=60, **arguments):
        return self.result(do, self.begin(do, **arguments), timeout)["ok"]

    def result(self, do, future, timeout):
        try:
            said = future.result(timeout)
        except concurrent.futures.TimeoutError:
            raise ClientError(f"{self.name}: no answer to {do} within {timeout} s") from None
        if "error" in said:
            raise ClientError(said["error"], said.get("code"))
        return said

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.pool.shutdown(wait=False, cancel_futures=True)

    # --- calls of the API ---------------------------------------------------------------------------

    def call(self, method, **arguments):
        return self.timed(method, **arguments)[0]

    def timed(self, method, **arguments):
        """The answer, when it was asked for, and when it came."""
        asked = time.time()
        said = self.result(method, self.begin("invoke", method=method, arguments=arguments), self.patience)
        self.meet(said["ok"])
        return said["ok"], asked, said["t"]

    def meet(self, answer):
        for user in (answer.get("users") or ()) if isinstance(answer, dict) else ():
            if isinstance(user, dict) and user.get("access_hash") is not None and not user.get("min"):
                self.people[user["id"]] = user["access_hash"]

    def peer(self, user):
        if user == self.user:
            return {"_": "inputPeerSelf"}
        return {"_": "inputPeerUser", "user_id": user, "access_hash": self.people.get(user, 0)}

    def input_user(self, user):
        if user == self.user:
            return {"_": "inputUserSelf"}
        return {"_": "inputUser", "user_id": user, "access_hash": self.people.get(user, 0)}

    def sign_in(self, node, phone, code, first_name, transport):
        self.command("open", host=node.host, port=node.port, key_file=str(node.public_key_file), transport=transport,
                     device=self.name, session="")
        self.command("send_code", phone=phone)
        account = self.command("sign_in", phone=phone, code=code)
        if "sign_up" in account:
            account = self.command("sign_up", phone=phone, first_name=first_name)
        self.user = account["id"]
        self.command("listen")
        return account

    def start_recording(self, folder):
        self.recorder = Recorder(folder / f"{self.name}.jsonl", self.user, self.name, self.library == "telethon")
        self.record("connected", time.time())
        state, asked, moment = self.timed("updates.getState")
        self.recorder.state(moment, asked, state, False)

    # --- what the checker judges --------------------------------------------------------------------

    def reply(self, to, quote=None):
        if not to:
            return {}
        if self.library == "telethon":
            return {"reply_to_msg_id": to}
        header = {"_": "inputReplyToMessage", "reply_to_msg_id": to}
        return {"reply_to": {**header, **({"quote_text": quote} if quote else {})}}

    def begin_send(self, peer, text, reply_to=0, random_id=None, quote=None, repeat=False, **more):
        """A send under way; `finish_send` waits for its end."""
        random_id = random_id or self.random.randrange(1 << 62)
        self.talked_to.add(peer)
        fields = {"reply_to": reply_to} if reply_to else {}
        self.record("send", time.time(), random_id=str(random_id), peer=peer, text=text, repeat=repeat, **fields)
        arguments = {"peer": self.peer(peer), "message": text, "random_id": random_id, **self.reply(reply_to, quote)}
        future = self.begin("invoke", method="messages.sendMessage", arguments={**arguments, **more})
        return random_id, self.connections, time.monotonic() + self.patience, future

    def finish_send(self, started):
        random_id, connections, until_when, future = started
        try:
            said = self.result("messages.sendMessage", future, max(0, until_when - time.monotonic()))
        except ClientError as error:
            if final(error) and connections == self.connections:
                self.record("failed", time.time(), random_id=str(random_id), error=str(error))
            raise
        return self.sent(said["ok"], [random_id], said["t"])[0]

    def sent(self, answer, random_ids, moment):
        """What an answer says of sends, in the order of `random_ids`: id, pts, date."""
        self.meet(answer)
        if answer["_"] == "UpdateShortSentMessage":
            results = [answer]
        else:
            ids = {each["random_id"]: each["id"] for each in answer["updates"] if each["_"] == "UpdateMessageID"}
            new = {each["message"]["id"]: each for each in answer["updates"] if each["_"] == "UpdateNewMessage"}
            results = [{"id": ids[each], "pts": new[ids[each]]["pts"], "date": new[ids[each]]["message"]["date"]}
                       for each in random_ids]
        results = [{name: each[name] for name in ("id", "pts", "date")} for each in results]
        for random_id, result in zip(random_ids, results):
            self.record("sent", moment, random_id=str(random_id), **result)
        return results

    def send(self, peer, text, **more):
        return self.finish_send(self.begin_send(peer, text, **more))

    def forward(self, peer, from_peer, ids, texts, **more):
        random_ids = [self.random.randrange(1 << 62) for _ in ids]
        self.talked_to.add(peer)
        for random_id, text in zip(random_ids, texts):
            self.record("send", time.time(), random_id=str(random_id), peer=peer, text=text, forward=True)
        try:
            answer, _, moment = self.timed("messages.forwardMessages", from_peer=self.peer(from_peer), id=ids,
                                           random_id=random_ids, to_peer=self.peer(peer), **more)
        except ClientError as error:
            for random_id in random_ids if final(error) else ():
                self.record("failed", time.time(), random_id=str(random_id), error=str(error))
            raise
        return self.sent(answer, random_ids, moment)

    def change(self, what, method, recorded, **arguments):
        """A call that changes something, recorded as `do` and its end."""
        connections = self.connections
        key = self.recorder.key() if self.recorder else ""
        self.record("do", time.time(), key=key, what=what, **recorded)
        try:
            answer, _, moment = self.timed(method, **arguments)
        except ClientError as error:
            # Refused on a second connection: on the first it may have been done.
            if final(error) and connections == self.connections:
                self.record("refused", time.time(), key=key, error=str(error))
            raise
        self.record_done(key, what, answer, moment)
        return answer

    def record_done(self, key, what, answer, moment):
        fields, beside = {}, []
        if isinstance(answer, dict) and "pts" in answer:
            fields = {"pts": answer["pts"], "pts_count": answer.get("pts_count") or 0}
            fields["more"] = bool(answer.get("offset"))
        elif isinstance(answer, dict):
            own = {"edit": "UpdateEditMessage", "pin": "UpdatePinnedMessages"}.get(what)
            for update in unpacked(answer, self.user):
                if update["_"] == own:
                    fields = {"pts": update["pts"], "pts_count": update["pts_count"]}
                elif update.get("pts"):
                    beside.append(update)
        self.record("done", moment, key=key, **fields)
        for update in beside:
            self.recorder_answer(update, moment)

    def recorder_answer(self, update, moment):
        if self.recorder:
            self.record("live", moment, answer=True, **recorded_update(update, self.user))

    def edit(self, peer, number, text, **more):
        return self.change("edit", "messages.editMessage", {"peer": peer, "id": number, "text": text},
                           peer=self.peer(peer), id=number, message=text, **more)

    def delete(self, ids, revoke):
        return self.change("delete", "messages.deleteMessages", {"ids": ids, "revoke": revoke}, id=ids, revoke=revoke)

    def delete_history(self, peer, revoke=False, just_clear=False, max_id=0):
        recorded = {"peer": peer, "max_id": max_id, "revoke": revoke}
        while True:
            answer = self.change("delete_history", "messages.deleteHistory", recorded, peer=self.peer(peer),
                                 max_id=max_id, revoke=revoke, just_clear=just_clear)
            if not answer.get("offset"):
                return

    def read_up_to(self, peer, max_id):
        return self.change("read", "messages.readHistory", {"peer": peer, "max_id": max_id}, peer=self.peer(peer),
                           max_id=max_id)

    def pin(self, peer, number, on=True, **more):
        return self.change("pin", "messages.updatePinnedMessage", {"peer": peer, "id": number, "on": on},
                           peer=self.peer(peer), id=number, unpin=not on, **more)

    def block(self, user, on=True):
        what = "block" if on else "unblock"
        return self.change(what, f"contacts.{what}", {"user": user}, id=self.peer(user))

    # --- the calls of the library that programs use -------------------------------------------------

    def library_send(self, peer, text):
        begin = time.time()
        said = self.command("library_send", peer=peer, text=text)
        [call] = [each for each in said["calls"] if "random_id" in each["request"]]
        random_id = call["request"]["random_id"]
        self.talked_to.add(peer)
        self.record("send", begin, random_id=str(random_id), peer=peer, text=text)
        return self.sent(call["answer"], [random_id], call["t"])[0], said["value"]

    def library_change(self, what, recorded, **arguments):
        key = self.recorder.key() if self.recorder else ""
        self.record("do", time.time(), key=key, what=what, **recorded)
        said = self.command(f"library_{what}", **arguments)
        self.record_done(key, what, said["calls"][-1]["answer"], said["calls"][-1]["t"])
        return said["value"]

    # --- reading ------------------------------------------------------------------------------------

    def history(self, peer, **offsets):
        return self.history_timed(peer, **offsets)[0]["messages"]

    def history_timed(self, peer, **offsets):
        none = {name: 0 for name in ("offset_id", "offset_date", "add_offset", "max_id", "min_id", "hash")}
        return self.timed("messages.getHistory", peer=self.peer(peer), **{**none, "limit": PAGE, **offsets})

    def whole_history(self, peer):
        """All messages of a dialog, newest first; recorded as its complete history."""
        messages, offset, begin = [], 0, time.time()
        while True:
            page, _, moment = self.history_timed(peer, offset_id=offset)
            messages.extend(page["messages"])
            if len(page["messages"]) < PAGE:
                break
            offset = page["messages"][-1]["id"]
        if self.recorder:
            self.recorder.history(moment, begin, peer, messages, True)
        return messages

    def dialogs(self, **more):
        arguments = {"offset_date": 0, "offset_id": 0, "offset_peer": {"_": "inputPeerEmpty"}, "limit": PAGE, **more}
        return self.call("messages.getDialogs", hash=0, **arguments)

    def pts(self):
        return self.call("updates.getState")["pts"]

    def catch_up(self, seconds=30):
        """Until the library has everything that the server had when this was called. GramJS never does."""
        if self.library != "telethon":
            return
        wanted = self.pts()
        self.command("catch_up")
        what = f"{self.name} does not catch up with pts {wanted}"
        until(lambda: self.command("library_pts") >= wanted, what, seconds)

    def finish_recording(self, peers):
        self.catch_up()
        if self.library == "telethon":
            reached, wanted = 1, self.pts()
            while reached < wanted:
                answer = self.command("difference", pts=reached)
                state = answer.get("state") or answer.get("intermediate_state") or {"pts": wanted}
                assert answer["_"] != "DifferenceEmpty" and state["pts"] > reached, (answer["_"], reached, wanted)
                reached = state["pts"]
        for peer in peers:
            self.whole_history(peer)
        asked = time.time()
        dialogs = self.dialogs()["dialogs"]
        self.recorder.dialogs(time.time(), asked, dialogs)
        state, asked, moment = self.timed("updates.getState")
        self.recorder.state(moment, asked, state, True)
        self.recorder.end(time.time())
        self.recorder = None


def final(error):
    """Whether the server refused: then the call changed nothing. Other errors leave its fate open."""
    return isinstance(error.code, int) and 400 <= error.code < 500


def encoded(value, for_js):
    if isinstance(value, dict):
        return {name: encoded(each, for_js) for name, each in value.items() if each is not None or not for_js}
    if isinstance(value, list):
        return [encoded(each, for_js) for each in value]
    if for_js and isinstance(value, int) and abs(value) >= 1 << 31:
        return {"$long": str(value)}
    return value


def until(condition, what, seconds=20):
    """Waits for something that a push or a delivery brings about."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}, after {seconds} s")
        time.sleep(0.02)
