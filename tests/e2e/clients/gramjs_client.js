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
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { do: name, ...rest } = JSON.parse(line);
    let answer;
    try {
      answer = { ok: (await commands[name](rest)) ?? null };
    } catch (error) {
      answer = { error: error.errorMessage ?? String(error) };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
  process.exit(0);
})();
