"""Passes what clients send to several receivers, each byte unchanged, and keeps it."""

import http.client
import http.server
import socket
import threading

# Headers that are the connection's, not the request's.
HOP = {"host", "connection", "content-length"}


class UdpRelay:
    """Takes datagrams on a free port and sends each to all of the ports."""

    def __init__(self, ports):
        self.sent = []
        self._ports = ports
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while datagram := self._socket.recv(65_535):
            self.sent.append(datagram)
            for port in self._ports:
                self._socket.sendto(datagram, ("127.0.0.1", port))

    def stop(self):
        # An empty datagram, which no client sends, ends the thread.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


class HttpRelay:
    """Takes requests on a free port and makes each to all of the ports; the client gets the first answer that is no success."""

    def __init__(self, ports):
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {key: value for key, value in self.headers.items() if key.lower() not in HOP}
                relay.sent.append((dict(self.headers.items()), body))
                answers = [request(port, self.path, headers, body) for port in ports]
                status, content_type, answer = next((it for it in answers if it[0] >= 300), answers[0])
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.sent = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def request(port, path, headers, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("content-type", "text/plain"), answer.read()
    finally:
        connection.close()
