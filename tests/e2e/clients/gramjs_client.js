// GramJS behind the commands of client_process.py.
"use strict";
const fs = require("node:fs");
const crypto = require("node:crypto");
const readline = require("node:readline");
const bigInt = require("big-integer");
const { TelegramClient, Api } = require("telegram");
const { StringSession } = require("telegram/sessions");
const { Logger } = require("telegram/extensions/Logger");
const rsa = require("telegram/crypto/RSA");
const { ConnectionTCPFull, ConnectionTCPAbridged, ConnectionTCPObfuscated } = require("telegram/network");

const { shown, requestOf } = require("./gramjs_tl.js");
const { UpdateConnectionState } = require("telegram/network");

const transports = { full: ConnectionTCPFull, abridged: ConnectionTCPAbridged, obfuscated: ConnectionTCPObfuscated };
const dc = 2;

// The library knows keys by the low 64 bits, signed, of the SHA-1 of the key's TL form.
function addKey(pem) {
  const jwk = crypto.createPublicKey(pem).export({ format: "jwk" });
  const bytes = (value) => Buffer.from(value, "base64url");
  const tl = (value) => {
    const head = value.length < 254 ? Buffer.from([value.length]) : Buffer.from([254, value.length & 255, value.length >> 8, 0]);
    return Buffer.concat([head, value, Buffer.alloc((4 - ((head.length + value.length) % 4)) % 4)]);
  };
  const hash = crypto.createHash("sha1").update(Buffer.concat([tl(bytes(jwk.n)), tl(bytes(jwk.e))])).digest();
  rsa._serverKeys.set(hash.readBigInt64LE(12).toString(), { n: bigInt(bytes(jwk.n).toString("hex"), 16), e: 65537 });
}

const described = (user) => ({
  id: Number(user.id),
  first_name: user.firstName,
  phone: user.phone,
  self: Boolean(user.self),
});

const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const now = () => (performance.timeOrigin + performance.now()) / 1000;

let client;
let codeHash;
const commands = {
  async open({ host, port, key_file, transport, device, session }) {
    addKey(fs.readFileSync(key_file));
    // The library dials port 80 whatever the session says.
    class Connection extends transports[transport] {
      constructor(options) {
        super({ ...options, ip: host, port });
      }
    }
    const kept = new StringSession(session);
    if (!session) {
      kept.setDC(dc, host, 443); // kept in 16 bits with a sign, and not dialled
    }
    client = new TelegramClient(kept, 1, "0123456789abcdef0123456789abcdef", {
      connection: Connection,
      deviceModel: device,
      connectionRetries: 60,
      retryDelay: 500,
      requestRetries: 10,
      baseLogger: new Logger("none"),
    });
    client.onError = async () => {};
    await client.connect();
  },
  async me() {
    return described((await client.invoke(new Api.users.GetUsers({ id: [new Api.InputUserSelf()] })))[0]);
  },
  async send_code({ phone }) {
    const sent = await client.invoke(
      new Api.auth.SendCode({ phoneNumber: phone, apiId: 1, apiHash: client.apiHash, settings: new Api.CodeSettings({}) }),
    );
    codeHash = sent.phoneCodeHash;
    return sent.type.className;
  },
  async sign_in({ phone, code }) {
    const done = await client.invoke(
      new Api.auth.SignIn({ phoneNumber: phone, phoneCodeHash: codeHash, phoneCode: code }),
    );
    return done.className === "auth.AuthorizationSignUpRequired" ? { sign_up: true } : described(done.user);
  },
  async sign_up({ phone, first_name }) {
    const done = await client.invoke(
      new Api.auth.SignUp({ phoneNumber: phone, phoneCodeHash: codeHash, firstName: first_name, lastName: "" }),
    );
    return described(done.user);
  },
  async state() {
    return { pts: (await client.invoke(new Api.updates.GetState())).pts };
  },
  async dialogs() {
    return (await client.getDialogs({})).length;
  },
  async authorizations() {
    const answer = await client.invoke(new Api.account.GetAuthorizations());
    return answer.authorizations.map((each) => ({
      hash: each.hash.toString(),
      current: Boolean(each.current),
      device: each.deviceModel,
    }));
  },
  async terminate({ hash }) {
    return client.invoke(new Api.account.ResetAuthorization({ hash: bigInt(hash) }));
  },
  async log_out() {
    return Boolean(await client.invoke(new Api.auth.LogOut()));
  },
  async save() {
    return client.session.save();
  },
  async close() {
    await client.destroy();
  },
  // Says what comes from the server, as it comes and before the library makes anything of it.
  async listen() {
    const sender = client._sender;
    const handle = sender._updateCallback;
    sender._updateCallback = (to, updates) => {
      if (!(updates instanceof UpdateConnectionState)) {
        say({ event: "updates", t: now(), updates: shown(updates) });
      } else if (updates.state === UpdateConnectionState.connected) {
        say({ event: "connected", t: now() });
      }
      return handle(to, updates);
    };
  },
  async invoke({ method, arguments: fields }) {
    return shown(await client.invoke(requestOf(method, fields)));
  },
  async offline() {
    await client.disconnect();
  },
  async online() {
    await client.connect();
  },
  // What the library makes of calls that programs use; with what it asked and was answered.
  async library_send({ peer, text, reply_to }) {
    return spied(async () => {
      const message = await client.sendMessage(peer, { message: text, replyTo: reply_to });
      return { id: message.id, text: message.message, out: message.out };
    });
  },
  async library_history({ peer, limit }) {
    return (await client.getMessages(peer, { limit })).map((each) => ({ id: each.id, text: each.message }));
  },
  async library_dialogs() {
    return (await client.getDialogs({})).map((each) => ({
      peer: Number(each.entity.id),
      unread: each.unreadCount,
      name: each.name,
      top: each.message.id,
    }));
  },
  async library_edit({ peer, id, text }) {
    return spied(async () => (await client.editMessage(peer, { message: id, text })).message);
  },
  async library_read({ peer, max_id }) {
    return spied(() => client.markAsRead(peer, max_id));
  },
  async library_delete({ peer, ids, revoke }) {
    return spied(async () => (await client.deleteMessages(peer, ids, { revoke })).map((each) => each.ptsCount));
  },
};

async function spied(action) {
  const calls = [];
  client.invoke = async (request, ...rest) => {
    const answer = await Object.getPrototypeOf(client).invoke.call(client, request, ...rest);
    // What the library draws at random is not among the arguments.
    const drawn = request.randomId ? { random_id: shown(request.randomId) } : {};
    calls.push({ request: { ...shown(request), ...drawn }, answer: shown(answer), t: now() });
    return answer;
  };
  try {
    return { value: (await action()) ?? null, calls };
  } finally {
    delete client.invoke;
  }
}

async function answer({ do: name, tag, ...rest }) {
  let result;
  if (rest.peer?.$long) {
    rest.peer = bigInt(rest.peer.$long);
  }
  try {
    result = { ok: (await commands[name](rest)) ?? null };
  } catch (error) {
    result = { error: error.errorMessage ?? String(error), code: error.code };
  }
  say(tag === undefined ? result : { ...result, tag, t: now() });
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    // Commands with a tag run side by side, in the order in which they come; others one after the other.
    const request = JSON.parse(line);
    const done = answer(request);
    if (request.tag === undefined) {
      await done;
    }
  }
  process.exit(0);
})();
