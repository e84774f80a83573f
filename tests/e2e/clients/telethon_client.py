"""Telethon behind the commands of client_process.py."""

import asyncio
import datetime
import json
import logging
import sys
import time

from telethon import TelegramClient, functions, types
from telethon.crypto import rsa
from telethon.errors import RPCError
from telethon.network import (
    ConnectionTcpAbridged,
    ConnectionTcpFull,
    ConnectionTcpIntermediate,
    ConnectionTcpObfuscated,
)
from telethon.sessions import StringSession

TRANSPORTS = {
    "abridged": ConnectionTcpAbridged,
    "intermediate": ConnectionTcpIntermediate,
    "full": ConnectionTcpFull,
    "obfuscated": ConnectionTcpObfuscated,
}
DC = 2


def say(what):
    print(json.dumps(what), flush=True)


# TL objects as JSON: `_` is the name of the constructor, fields are in snake_case, bytes are in hexadecimal.


def shown(value):
    if hasattr(value, "to_dict"):
        return shown(value.to_dict())
    if isinstance(value, dict):
        return {name: shown(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(each) for each in value]
    if isinstance(value, datetime.datetime):
        return int(value.timestamp())
    return value.hex() if isinstance(value, bytes) else value


def made(value):
    if isinstance(value, list):
        return [made(each) for each in value]
    if not isinstance(value, dict):
        return value
    name = value["_"]
    return getattr(types, name[0].upper() + name[1:])(
        **{field: made(each) for field, each in value.items() if field != "_"}
    )


def request_of(method, arguments):
    space, name = method.split(".")
    kind = getattr(getattr(functions, space), name[0].upper() + name[1:] + "Request")
    return kind(**{field: made(each) for field, each in arguments.items()})


class TalkingClient(TelegramClient):
    """Says what comes from the server, as it comes and before the library makes anything of it."""

    listening = False
    spied = None

    def listen(self):
        self.listening = True
        put = self._updates_queue.put_nowait

        def heard(updates):
            # Those that were in an answer are marked by the library; who asked says what they are.
            if not getattr(updates, "_self_outgoing", False) and not getattr(updates, "by_hand", False):
                say({"event": "updates", "t": time.time(), "updates": shown(updates)})
            put(updates)

        self._updates_queue.put_nowait = heard

    async def __call__(self, request, *arguments, **named):
        asked = time.time()
        result = await super().__call__(request, *arguments, **named)
        if self.spied is not None:
            # The library gives some calls as a list of one.
            one, its = (request[0], result[0]) if isinstance(request, list) else (request, result)
            self.spied.append({"request": shown(one), "answer": shown(its), "t": time.time()})
        if self.listening and isinstance(request, functions.updates.GetDifferenceRequest):
            say({"event": "difference", "t": time.time(), "asked": asked, "from": request.pts,
                 "answer": shown(result), "fresh": getattr(request, "fresh", False)})
        return result

    async def _handle_auto_reconnect(self):
        if self.listening:
            say({"event": "connected", "t": time.time()})
        await super()._handle_auto_reconnect()
        await self.catch_up()

    async def catch_up(self):
        request = types.UpdatesTooLong()
        request.by_hand = True
        await self._updates_queue.put(request)


class Commands:
    client = None
    code_hash = None

    async def open(self, host, port, key_file, transport, device, session):
        with open(key_file, "rb") as file:
            # Marked old: then the library takes whichever of its two RSA schemes it comes to.
            rsa.add_key(file.read(), old=False)
        kept = StringSession(session or None)
        if not session:
            kept.set_dc(DC, host, port)
        self.client = TalkingClient(
            kept,
            api_id=1,
            api_hash="0123456789abcdef0123456789abcdef",
            connection=TRANSPORTS[transport],
            device_model=device,
            connection_retries=60,
            retry_delay=0.5,
            request_retries=10,
        )
        await self.client.connect()

    async def me(self):
        return described((await self.client(functions.users.GetUsersRequest([types.InputUserSelf()])))[0])

    async def send_code(self, phone):
        sent = await self.client(
            functions.auth.SendCodeRequest(phone, 1, self.client.api_hash, types.CodeSettings())
        )
        self.code_hash = sent.phone_code_hash
        return type(sent.type).__name__

    async def sign_in(self, phone, code):
        done = await self.client(functions.auth.SignInRequest(phone, self.code_hash, code))
        if isinstance(done, types.auth.AuthorizationSignUpRequired):
            return {"sign_up": True}
        await self.client._on_login(done.user)
        return described(done.user)

    async def sign_up(self, phone, first_name):
        done = await self.client(functions.auth.SignUpRequest(phone, self.code_hash, first_name, ""))
        await self.client._on_login(done.user)
        return described(done.user)

    async def state(self):
        state = await self.client(functions.updates.GetStateRequest())
        return {"pts": state.pts}

    async def dialogs(self):
        return len(await self.client.get_dialogs())

    async def authorizations(self):
        answer = await self.client(functions.account.GetAuthorizationsRequest())
        return [
            {"hash": str(each.hash), "current": bool(each.current), "device": each.device_model}
            for each in answer.authorizations
        ]

    async def terminate(self, hash):
        return await self.client(functions.account.ResetAuthorizationRequest(int(hash)))

    async def log_out(self):
        return bool(await self.client(functions.auth.LogOutRequest()))

    async def save(self):
        return self.client.session.save()

    async def close(self):
        await self.client.disconnect()


    async def listen(self):
        self.client.listen()

    async def invoke(self, method, arguments):
        return shown(await self.client(request_of(method, arguments)))

    async def difference(self, pts):
        """One that leaves the state of the client alone."""
        request = functions.updates.GetDifferenceRequest(pts=pts, date=datetime.datetime.now(), qts=0)
        request.fresh = True
        return shown(await self.client(request))

    async def catch_up(self):
        await self.client.catch_up()

    async def library_pts(self):
        """Up to where the library has everything."""
        box = self.client._message_box
        return 0 if box.getting_diff_for or box.possible_gaps else box.session_state()[0]["pts"]

    async def offline(self):
        await self.client.disconnect()

    async def online(self):
        await self.client.connect()
        say({"event": "connected", "t": time.time()})
        await self.client.catch_up()

    # What the library makes of calls that programs use; with what it asked and was answered.

    async def spied(self, action):
        self.client.spied = calls = []
        try:
            return {"value": shown(await action), "calls": calls}
        finally:
            self.client.spied = None

    async def library_send(self, peer, text, reply_to=None):
        async def action():
            message = await self.client.send_message(peer, text, reply_to=reply_to)
            return {"id": message.id, "text": message.message, "out": message.out}

        return await self.spied(action())

    async def library_history(self, peer, limit):
        return [{"id": each.id, "text": each.message} async for each in self.client.iter_messages(peer, limit=limit)]

    async def library_dialogs(self):
        return [
            {"peer": each.entity.id, "unread": each.unread_count, "name": each.name, "top": each.message.id}
            async for each in self.client.iter_dialogs()
        ]

    async def library_edit(self, peer, id, text):
        async def action():
            return (await self.client.edit_message(peer, id, text)).message

        return await self.spied(action())

    async def library_read(self, peer, max_id):
        return await self.spied(self.client.send_read_acknowledge(peer, max_id=max_id))

    async def library_delete(self, peer, ids, revoke):
        async def action():
            return [each.pts_count for each in await self.client.delete_messages(peer, ids, revoke=revoke)]

        return await self.spied(action())


def described(user):
    return {"id": user.id, "first_name": user.first_name, "phone": user.phone, "self": bool(user.is_self)}


async def main():
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    commands = Commands()
    loop = asyncio.get_running_loop()
    running = set()

    async def answer(do, tag=None, **arguments):
        try:
            result = {"ok": await getattr(commands, do)(**arguments)}
        except RPCError as error:
            text = str(getattr(error, "message", None) or error)
            result = {"error": f"{text} {type(error).__name__}", "code": error.code}
        except Exception as error:  # pylint: disable=broad-except
            result = {"error": f"{type(error).__name__}: {error}"}
        say({**result, **({} if tag is None else {"tag": tag, "t": time.time()})})

    # Commands with a tag run side by side, in the order in which they come; others one after the other.
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = loop.create_task(answer(**json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
        if "tag" not in json.loads(line):
            await task


asyncio.run(main())
