"""Telethon behind the commands of client_process.py."""

import asyncio
import json
import logging
import sys

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
        self.client = TelegramClient(
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
        return described(done.user)

    async def sign_up(self, phone, first_name):
        done = await self.client(functions.auth.SignUpRequest(phone, self.code_hash, first_name, ""))
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


def described(user):
    return {"id": user.id, "first_name": user.first_name, "phone": user.phone, "self": bool(user.is_self)}


async def main():
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    commands = Commands()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        try:
            answer = {"ok": await getattr(commands, request.pop("do"))(**request)}
        except RPCError as error:
            answer = {"error": str(getattr(error, "message", None) or error) + " " + type(error).__name__}
        except Exception as error:  # pylint: disable=broad-except
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


asyncio.run(main())
