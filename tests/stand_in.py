"What the servers on this machine share that stand in for the Hub and for W&B."
import http.server
import json


class Replies(http.server.BaseHTTPRequestHandler):
    "Answers with JSON or bytes, without a word to the terminal."
    def log_message(self, *args): return None

    def body(self): return self.rfile.read(int(self.headers.get('Content-Length') or 0))

    def reply(self, content, status=200, **headers):
        raw = isinstance(content, bytes)
        body = content if raw else json.dumps(content).encode()
        self.send_response(status)
        if not raw: self.send_header('Content-Type', 'application/json')
        for name, value in headers.items(): self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD': self.wfile.write(body)
