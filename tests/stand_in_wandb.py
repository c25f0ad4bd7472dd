"A W&B server on this machine: it answers what W&B's client asks when a run is opened, and keeps its history."
import gzip
import http.server
import json
import threading

from stand_in import Replies


class Answer(Replies):
    "GraphQL, the stream of a run's lines, and its files."
    protocol_version = 'HTTP/1.1'

    def handle_request(self):
        server, body = self.server, self.body()
        if self.headers.get('Content-Encoding') == 'gzip': body = gzip.decompress(body)
        if 'file_stream' not in self.path:
            return self.reply({'data': server.data(json.loads(body))} if self.path == '/graphql' else {})
        if server.refuses: return self.reply({'error': 'refused'}, server.refuses)
        for name, file in (json.loads(body).get('files') or {}).items():
            if 'history' not in name: continue
            for i, line in enumerate(file['content']): server.lines[file['offset'] + i] = json.loads(line)
        return self.reply({'exitcode': None, 'limits': {}})

    do_GET = do_POST = do_PUT = handle_request


class Server(http.server.ThreadingHTTPServer):
    "Answers beside the test; `refuses` is a status with which the stream is refused."
    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Answer)
        self.lines, self.refuses, self.name = {}, 0, None
        self.url = f'http://127.0.0.1:{self.server_address[1]}'
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def data(self, asked):
        "What a query of the client gets."
        query, names = asked['query'], asked.get('variables') or {}
        found, entity = {}, {'id': 'e', 'name': 'me'}
        if 'upsertBucket' in query:
            self.name = names.get('name') or names.get('id') or self.name
            project = {'id': 'P', 'name': 'rlvr_nb', 'entity': entity}
            bucket = {'id': 'B', 'name': self.name, 'displayName': self.name, 'config': '{}', 'sweepName': None,
                      'project': project, 'historyLineCount': len(self.lines)}
            found['upsertBucket'] = {'bucket': bucket, 'inserted': not self.lines}
        elif 'historyLineCount' in query:
            bucket = {'name': self.name, 'id': 'B', 'summaryMetrics': '{}', 'displayName': self.name, 'logLineCount': 0,
                      'historyLineCount': len(self.lines), 'eventsLineCount': 0, 'historyTail': '[]',
                      'eventsTail': '[]', 'config': '{}', 'tags': [], 'wandbConfig': '{"t":1}'}
            found['model'] = {'id': 'P', 'name': 'rlvr_nb', 'entity': entity, 'bucket': bucket if self.name else None}
        elif 'createRunFiles' in query:
            files = [{'name': name, 'uploadUrl': f'{self.url}/store/{name}'} for name in names.get('files') or []]
            found['createRunFiles'] = {'runID': 'B', 'uploadHeaders': [], 'files': files}
        if 'viewer' in query: found['viewer'] = {'id': 'V', 'entity': 'me', 'username': 'me', 'flags': '{}',
                                                 'teams': {'edges': []}}
        if 'serverInfo' in query: found['serverInfo'] = {'cliVersionInfo': {'max_cli_version': '9.9.9'},
                                                         'latestLocalVersionInfo': None, 'features': []}
        return found
