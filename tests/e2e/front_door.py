"""A load balancer as an operator puts before several nodes: clients dial one address, and each connection goes to a node
that is ready. Connections to a node that is not are cut, so that the client comes back to another.
"""

import socket
import threading
import time
import urllib.request

LOOK_SECONDS = 0.3
PATIENCE_SECONDS = 1.0


class FrontDoor:
    """`nodes` have host, port and metrics_port. Listens from the beginning; close() at the end."""

    def __init__(self, nodes):
        self.nodes = list(nodes)
        self.ready = {}
        self.lock = threading.Lock()
        self.open = {node: set() for node in self.nodes}
        self.next = 0
        self.ending = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.take, daemon=True)]
        self.threads += [threading.Thread(target=self.look, args=(node,), daemon=True) for node in self.nodes]
        for thread in self.threads:
            thread.start()

    def connections(self, node):
        with self.lock:
            return len(self.open[node])

    def look(self, node):
        while not self.ending.wait(LOOK_SECONDS):
            try:
                url = f"http://{node.host}:{node.metrics_port}/readyz"
                with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
                    self.ready[node] = answer.status == 200
            except OSError:
                self.ready[node] = False
            if not self.ready[node]:
                with self.lock:
                    gone = list(self.open[node])
                for pair in gone:
                    cut(*pair)

    def take(self):
        while not self.ending.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def choose(self):
        with self.lock:
            self.next += 1
            order = self.nodes[self.next % len(self.nodes):] + self.nodes[: self.next % len(self.nodes)]
        return [node for node in order if self.ready.get(node)]

    def serve(self, client):
        for node in self.choose():
            try:
                behind = socket.create_connection((node.host, node.port), timeout=PATIENCE_SECONDS)
            except OSError:
                continue
            behind.settimeout(None)
            pair = (client, behind)
            with self.lock:
                self.open[node].add(pair)
            back = threading.Thread(target=carry, args=(behind, client), daemon=True)
            back.start()
            carry(client, behind)
            back.join()
            with self.lock:
                self.open[node].discard(pair)
            cut(*pair)
            return
        time.sleep(0.1)
        cut(client)

    def close(self):
        self.ending.set()
        cut(self.listener)
        for pairs in self.open.values():
            for pair in list(pairs):
                cut(*pair)


def carry(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    cut(source, target)


def cut(*sockets):
    for each in sockets:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        each.close()
