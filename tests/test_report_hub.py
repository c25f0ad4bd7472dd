"""The model card and its way to a Hub, a stand-in on this machine that answers the few requests an upload makes."""
import base64
import hashlib
import http.server
import json
import re
import threading

import pytest
import yaml
from run_factory import make_run
from stand_in import Replies

from rlvr_nb.config import ConfigError, UnavailableError
from rlvr_nb.evaluation import Evaluation
from rlvr_nb.tracking import model_card, push_to_hub, save_model_card


@pytest.fixture
def run(tmp_path):
    run = make_run(tmp_path/'run', 'data.dataset_name=gsm8k', 'data.dataset_path=openai/gsm8k',
                   'model.model_name_or_path=Qwen/Qwen3-0.6B', 'model.max_seq_length=512',
                   'train.max_prompt_length=128', 'train.max_completion_length=256', steps=9, datasets=('gsm8k',))
    run.model.mkdir()
    (run.model/'adapter_config.json').write_text('{}')
    (run.model/'adapter_model.safetensors').write_bytes(bytes(range(256)) * 50)
    return run


class Hub(Replies):
    "Repository creation, yaml validation, pre-upload, large files and the commit."
    def handle_request(self):
        hub, body = self.server, self.body()
        hub.asked.append((self.command, self.path, self.headers.get('Authorization')))
        if hub.fails and hub.fails[0] in self.path:
            if hub.fails[1] == 'gone': return self.connection.close()
            answer = {'error': 'hf_' + 'x' * 34} if hub.fails[1] == 'no' else hub.fails[1]
            return self.reply(answer, hub.fails[2])
        if self.headers.get('Authorization') not in ('Bearer hf_secret',
            None) or (self.headers.get('Authorization') is None and not self.path.startswith('/store')):
            return self.reply({'error': 'Invalid username or password.'}, 401)
        if self.path == '/api/repos/create':
            hub.created = json.loads(body)
            return self.reply({'url': f'{hub.url}/me/model'})
        if self.path == '/api/validate-yaml': return self.reply({'errors': [], 'warnings': []})
        if '/preupload/' in self.path:
            return self.reply({'files': [{'path': f['path'],
                                          'uploadMode': 'lfs' if f['path'].endswith('.safetensors') else 'regular',
                                          'shouldIgnore': False} for f in json.loads(body)['files']]})
        if self.path.endswith('/info/lfs/objects/batch'):
            return self.reply({'transfer': 'basic',
                               'objects': [{'oid': o['oid'], 'size': o['size'],
                                            'actions': {'upload': {'href': f"{hub.url}/store/{o['oid']}"}}}
                                           for o in json.loads(body)['objects']]})
        if self.path.startswith('/store/'):
            hub.stored[self.path.rpartition('/')[2]] = body
            return self.reply({})
        if '/commit/' in self.path:
            lines = [json.loads(line) for line in body.splitlines()]
            small = [x['value'] for x in lines if x['key'] == 'file']
            hub.files = {f['path']: base64.b64decode(f['content']) for f in small}
            hub.large = {x['value']['path']: x['value']['oid'] for x in lines if x['key'] == 'lfsFile'}
            return self.reply({'success': True, 'commitUrl': f'{hub.url}/me/model/commit/abc', 'commitOid': 'abc',
                               'hookOutput': ''})
        if self.path.startswith('/api/models/me/model'):
            return self.reply({'id': 'me/model', 'sha': 'abc', 'siblings': [], 'private': True, 'xetEnabled': False})
        self.reply({'error': f'{self.command} {self.path} is not answered here'}, 404)

    do_GET = do_POST = do_PUT = do_HEAD = handle_request


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setenv('HF_HUB_DISABLE_XET', '1')
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', False)
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_DISABLE_XET', True)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    server.url, server.asked = f'http://127.0.0.1:{server.server_address[1]}', []
    server.stored, server.files, server.large, server.fails = {}, {}, {}, None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_an_upload_brings_every_file_and_the_card(run, hub):
    address = push_to_hub(run, 'me/model', token='hf_secret', endpoint=hub.url)
    assert address == f'{hub.url}/me/model/commit/abc'
    assert hub.created['name'] == 'model' and hub.created['organization'] == 'me'
    assert (hub.created.get('private') is True or hub.created.get('visibility') == 'private')
    assert set(hub.files) == {'README.md', 'adapter_config.json'} and set(hub.large) == {'adapter_model.safetensors'}
    weights = (run.model/'adapter_model.safetensors').read_bytes()
    assert hub.large['adapter_model.safetensors'] == hashlib.sha256(weights).hexdigest()
    assert hub.stored[hashlib.sha256(weights).hexdigest()] == weights
    assert hub.files['README.md'].decode() == (run.model/'README.md').read_text() == model_card(run, 'me/model')


def test_a_wrong_token_is_an_error_that_says_what_to_do(run, hub):
    with pytest.raises(UnavailableError, match='me/model: .*401.*hf auth login') as caught:
        push_to_hub(run, 'me/model', token='hf_wrong', endpoint=hub.url)
    assert caught.value.status == 3 and 'hf_wrong' not in str(caught.value)


@pytest.mark.parametrize('path, answer, status, words', [
    ('/api/repos/create', 'no', 401, 'token that is still valid'), ('/api/repos/create', 'no', 403, 'name of your own'),
    ('/commit/', 'no', 409, 'other upload'), ('/api/repos/create', 'no', 429, 'Wait a few minutes'),
    ('/api/repos/create', 'gone', 0, 'disconnected'), ('/preupload/', {}, 200, 'could not be read'),
    ('/info/lfs', {}, 200, 'could not be read'), ('/store/', 'no', 507, 'Free some space'),
    ('/store/', 'no', 403, 'may write there'), ('/commit/', 'no', 413, 'Free some space'),
    ('/commit/', {}, 200, 'could not be read')])
def test_an_upload_that_fails_anywhere_says_how_to_repeat_it_and_can_be_repeated(path, answer, status, words, run, hub):
    hub.fails = path, answer, status
    with pytest.raises(UnavailableError, match='rlvr-nb push .*run me/model') as caught:
        push_to_hub(run, 'me/model', token='hf_secret', endpoint=hub.url)
    assert words in str(caught.value) and 'hf_' not in str(caught.value) and not hub.files
    hub.fails = None
    assert push_to_hub(run, 'me/model', token='hf_secret', endpoint=hub.url).endswith('/commit/abc')


def test_no_server_is_an_error_that_says_what_to_do(run):
    with pytest.raises(UnavailableError, match='the model is in'):
        push_to_hub(run, 'me/model', token='hf_secret', endpoint='http://127.0.0.1:9')


def test_a_bad_name_and_a_missing_model(run, tmp_path):
    with pytest.raises(ConfigError, match='give owner/name'):
        push_to_hub(run, 'me/mo del/x', token='hf_secret', endpoint='http://127.0.0.1:9')
    with pytest.raises(ConfigError, match='holds no model yet'): push_to_hub(run, 'me/model', folder=tmp_path/'nothing')


def test_the_card_says_what_the_files_say(run):
    text = save_model_card(run, name='me/model').read_text()
    front = yaml.safe_load(text.split('---')[1])
    after = Evaluation.load(run.eval/'after-gsm8k.jsonl')
    [result] = front['model-index'][0]['results']
    assert result['metrics'][0]['value'] == round(after.correct / after.n, 4)
    assert result['dataset'] == {'name': 'gsm8k', 'type': 'openai/gsm8k'}
    assert (front['base_model'], front['datasets'], front['library_name']) == ('Qwen/Qwen3-0.6B', ['openai/gsm8k'],
                                                                               'peft')
    assert f'{100 * after.accuracy:.1f} %' in text
    assert f'({100 * after.interval[0]:.1f} to {100 * after.interval[1]:.1f} %)' in text
    assert 'gsm8k_answer_check' in text and 'python run_pipeline.py' in text and '${get_marker' not in text
    code = re.search('```python\n(.*?)```', text, re.S)[1]
    compile(code, 'card', 'exec')
    assert "name = 'me/model'" in code and all(repr(m['content']) in code for m in after.rows[0]['prompt'])


def test_the_card_is_one_that_the_hub_accepts(run):
    from huggingface_hub import ModelCard
    card = ModelCard(model_card(run))
    assert card.data.eval_results[0].metric_type == 'accuracy' and card.data.base_model == 'Qwen/Qwen3-0.6B'


def test_a_card_can_not_be_broken_by_what_a_model_was_asked(run):
    path = run.eval/'before-gsm8k.jsonl'
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]['prompt'] = [{'role': 'user',
                          'content': '```\n</details><script>alert(1)</script>\n---\nlicense: mit\n"""'}]
    path.write_text(''.join(json.dumps(r) + '\n' for r in rows))
    text = model_card(run)
    code = re.search(r'^(`{3,})python\n(.*?)^\1$', text, re.S | re.M)[2]
    compile(code, 'card', 'exec')
    assert 'license' not in yaml.safe_load(text.split('---')[1])
