// mtcute behind the commands of client_process.py, inside a page.
import { addPublicKey } from "@mtcute/core/utils.js";
import { MemoryStorage } from "@mtcute/core";
import { BaseTelegramClient, WebCryptoProvider, WebSocketTransport } from "@mtcute/web";
import { connectWs } from "@fuman/net";

class Transport extends WebSocketTransport {
  // The library's own addresses are compiled in; all else is its own.
  async connect(dc) {
    return connectWs({ url: `ws://${dc.ipAddress}:${dc.port}/apiws`, implementation: WebSocket, protocols: "binary" });
  }
}

const described = (user) => ({
  id: user.id,
  first_name: user.firstName,
  phone: user.phone,
  self: Boolean(user.self),
});

let client;
let codeHash;
const commands = {
  async open({ host, port, key, device, session }) {
    const crypto = new WebCryptoProvider({ wasmInput: new URL("mtcute.wasm", location.href) });
    await crypto.initialize?.();
    addPublicKey(crypto, key);
    const dc = { id: 2, ipAddress: host, port };
    client = new BaseTelegramClient({
      apiId: 1,
      apiHash: "0123456789abcdef0123456789abcdef",
      storage: session ? new MemoryStorage() : new MemoryStorage(),
      crypto,
      transport: new Transport(),
      defaultDcs: { main: dc, media: dc },
      initConnectionOptions: { deviceModel: device },
      disableUpdates: true,
      logLevel: 2,
      reconnectionStrategy: () => 500,
    });
    if (session) {
      await client.importSession(session);
    }
    await client.connect();
  },
  async me() {
    return described((await client.call({ _: "users.getUsers", id: [{ _: "inputUserSelf" }] }))[0]);
  },
  async send_code({ phone }) {
    const sent = await client.call({
      _: "auth.sendCode",
      phoneNumber: phone,
      apiId: 1,
      apiHash: "0123456789abcdef0123456789abcdef",
      settings: { _: "codeSettings" },
    });
    codeHash = sent.phoneCodeHash;
    return sent.type._;
  },
  async sign_in({ phone, code }) {
    const done = await client.call({ _: "auth.signIn", phoneNumber: phone, phoneCodeHash: codeHash, phoneCode: code });
    if (done._ === "auth.authorizationSignUpRequired") {
      return { sign_up: true };
    }
    await client.notifyLoggedIn(done);
    return described(done.user);
  },
  async sign_up({ phone, first_name }) {
    const done = await client.call({
      _: "auth.signUp",
      phoneNumber: phone,
      phoneCodeHash: codeHash,
      firstName: first_name,
      lastName: "",
    });
    await client.notifyLoggedIn(done);
    return described(done.user);
  },
  async state() {
    return { pts: (await client.call({ _: "updates.getState" })).pts };
  },
  async dialogs() {
    const answer = await client.call({
      _: "messages.getDialogs",
      offsetDate: 0,
      offsetId: 0,
      offsetPeer: { _: "inputPeerEmpty" },
      limit: 100,
      hash: { low: 0, high: 0, unsigned: false, isZero: () => true },
    });
    return answer.dialogs.length;
  },
  async authorizations() {
    const answer = await client.call({ _: "account.getAuthorizations" });
    return answer.authorizations.map((each) => ({
      hash: each.hash.toString(),
      current: Boolean(each.current),
      device: each.deviceModel,
    }));
  },
  async terminate({ hash }) {
    const { default: Long } = await import("long");
    return client.call({ _: "account.resetAuthorization", hash: Long.fromString(hash) });
  },
  async log_out() {
    return Boolean(await client.call({ _: "auth.logOut" }));
  },
  async save() {
    return client.exportSession();
  },
  async close() {
    await client.destroy();
  },
};

window.command = async (name, rest) => {
  try {
    return { ok: (await commands[name](rest)) ?? null };
  } catch (error) {
    return { error: error.text ?? String(error) };
  }
};
