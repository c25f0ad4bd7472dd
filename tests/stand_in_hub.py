"""A Hub on this machine: it answers what its clients ask when they search, and when they read a dataset or a file.

`python tests/stand_in_hub.py FOLDER` prints its address; FOLDER has datasets/OWNER/NAME and models/OWNER/NAME.
"""
import hashlib
import http.server
import json
import re
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from stand_in import Replies

COMMIT = '0123456789abcdef0123456789abcdef01234567'
REVISION = rf'(?:main|{COMMIT}|refs%2F[^/]+|refs/[^/]+/[^/]+)'


class Answer(Replies):
    "Search, facts about a repository, its files, and one of them."
    protocol_version = 'HTTP/1.1'

    def missing(self, what, code='RepoNotFound'):
        return self.reply({'error': f'{what} is not here'}, 404, X_Error_Code=code, X_Error_Message=f'{what} not here')

    def search(self, kind, asked):
        text = asked.get('search', [''])[0].lower()
        found = [name for name in self.server.names(kind) if text in name.lower()]
        return self.reply([facts(name) for name in found[:int(asked.get('limit', ['10'])[0])]])

    def handle_request(self):
        body = self.body()
        url, hub = urlsplit(self.path), self.server
        hub.asked.append(f'{self.command} {self.path}')
        path, asked = url.path, {**parse_qs(url.query), **parse_qs(body.decode(errors='replace'))}
        if body.startswith(b'{'): asked |= {k: v if isinstance(v, list) else [v] for k, v in json.loads(body).items()}
        if searched := re.fullmatch(r'/api/(models|datasets)', path): return self.search(searched[1], asked)
        if one := re.fullmatch(rf'/api/(models|datasets)/([^/]+/[^/]+)(?:/revision/{REVISION})?', path):
            if one[2] not in hub.names(one[1]): return self.missing(one[2])
            return self.reply(facts(one[2], hub.files(one[1], one[2])))
        if tree := re.fullmatch(rf'/api/(models|datasets)/([^/]+/[^/]+)/(tree|paths-info)/{REVISION}(/.*)?', path):
            if tree[2] not in hub.names(tree[1]): return self.missing(tree[2])
            return self.reply(hub.listed(*tree.groups(), asked))
        if file := re.fullmatch(rf'/(datasets/)?([^/]+/[^/]+)/resolve/{REVISION}/(.+)', path):
            found = hub.root/('datasets' if file[1] else 'models')/file[2]/unquote(file[3])
            if not found.is_file(): return self.missing(file[3], 'EntryNotFound')
            return self.reply(found.read_bytes(), X_Repo_Commit=COMMIT, ETag=f'"{etag(found)}"',
                              Content_Type='application/octet-stream')
        return self.missing(path)

    do_GET = do_POST = do_HEAD = handle_request


def etag(path): return hashlib.sha1(path.read_bytes()).hexdigest()


def facts(name, files=()):
    return dict(id=name, modelId=name, author=name.partition('/')[0], sha=COMMIT, private=False, gated=False,
                disabled=False, downloads=1, likes=0, tags=[], lastModified='2025-01-01T00:00:00.000Z',
                createdAt='2025-01-01T00:00:00.000Z', siblings=[dict(rfilename=f) for f in files])


class Hub(http.server.ThreadingHTTPServer):
    "Serves a folder; `asked` has every request."
    daemon_threads = True

    def __init__(self, root):
        super().__init__(('127.0.0.1', 0), Answer)
        self.root, self.asked, self.url = Path(root), [], f'http://127.0.0.1:{self.server_address[1]}'

    def names(self, kind): return sorted('/'.join(p.parts[-2:]) for p in (self.root/kind).glob('*/*'))

    def files(self, kind, name):
        top = self.root/kind/name
        return sorted(p.relative_to(top).as_posix() for p in top.rglob('*') if p.is_file())

    def listed(self, kind, name, what, below, asked):
        "Entries of a tree, or those of the paths that are asked for."
        files, top = self.files(kind, name), self.root/kind/name
        folders = sorted({parent.as_posix() for f in files for parent in Path(f).parents} - {'.'})
        wanted, inside = asked.get('paths', []), unquote(below or '').strip('/')
        def shown(path):
            if what == 'paths-info': return path in wanted
            return path.startswith(f'{inside}/' if inside else '')
        found = [dict(type='directory', path=f, oid=COMMIT, size=0) for f in folders if shown(f)]
        shown_files = [(f, top/f) for f in files if shown(f)]
        return found + [dict(type='file', path=f, oid=etag(p), size=p.stat().st_size) for f, p in shown_files]


def serve(root):
    "A Hub that answers beside the test."
    hub = Hub(root)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    return hub


if __name__ == '__main__':
    hub = Hub(sys.argv[1])
    print(hub.url, flush=True)
    hub.serve_forever()
