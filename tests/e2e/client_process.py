"""A real client library in a process of its own that takes commands, one JSON object a line.

Commands, each answered with {"ok": ...} or {"error": "TEXT"}:
  open        host, port, key_file, transport, device, session (what `save` answered, or "")
  me          the account: {id, first_name, phone}
  send_code   phone
  sign_in     phone, code                  {id, ...} or {"sign_up": true}
  sign_up     phone, first_name
  state       {pts}
  dialogs     how many there are
  authorizations   [{hash, current, device}]
  terminate   hash (as text)
  log_out
  save        what `open` takes to go on without signing in
  close

Telethon and GramJS also have those that chat_client.py gives. With a `tag` commands run side by side, and their answers
have it, too.
  listen      from now on the process says, in lines with `event`, when it is connected, what is pushed, and what the
              library's own getDifference brings
  invoke      method (messages.sendMessage), arguments: TL objects as JSON; the answer is one, too
  difference  pts                          getDifference that leaves the library's state alone (Telethon)
  catch_up, library_pts                    (Telethon)
  offline, online
  library_*   calls that programs use; those that change something also give what the library asked and was answered
"""

import json
import subprocess
import threading


class ClientError(Exception):
    """What the server answered, by its text, or what the library made of it. `code` only where the server did."""

    def __init__(self, text, code=None):
        super().__init__(text)
        self.code = code


class Client:
    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __call__(self, do, **arguments):
        timeout = arguments.pop("timeout", 60)
        killer = threading.Timer(timeout, self.process.kill)
        killer.start()
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        finally:
            killer.cancel()
        if not line:
            raise ClientError(f"no answer to {do} within {timeout} s, or the client ended")
        answer = json.loads(line)
        if "error" in answer:
            raise ClientError(answer["error"], answer.get("code"))
        return answer["ok"]

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
