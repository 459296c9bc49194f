"""An HTTP client and server in one process: requests sends requests to a server of the standard library in another thread."""

import http.server
import json
import threading

import requests


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"sum": sum(asked["numbers"]), "path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    total = 0
    with requests.Session() as session:
        session.trust_env = False
        for number in range(10):
            answer = session.post(
                f"http://127.0.0.1:{server.server_port}/{number}", json={"numbers": list(range(number))}
            )
            total += answer.json()["sum"]
    server.shutdown()
    thread.join()
    server.server_close()
    return total
