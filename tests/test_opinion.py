"""A second opinion on unreadable answers: a stand-in server is asked by rewards and evaluation, and by nobody else."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rlvr_nb.config import ConfigError, UnavailableError, load_config
from rlvr_nb.evaluation import evaluate
from rlvr_nb.numerals import Verdict
from rlvr_nb.opinion import FolderJudge, SecondOpinion, ServerJudge, _messages
from rlvr_nb.prompts import PLAIN
from rlvr_nb.rewards import DefaultRewardComponent
from rlvr_nb.rollout import Rollout
from rlvr_nb.verify import Judge

ROMAN = {'XII': '12', 'XIV': '14'}


@pytest.fixture
def server():
    "A chat server that reads two Roman numbers; what it was asked and how it should fail are its attributes."

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
            said = json.loads(body['messages'][1]['content'])
            http.asked.append((said, self.headers.get('Authorization')))
            if http.status != 200:
                self.send_response(http.status)
                self.send_header('Location', 'http://127.0.0.1:9/')
                self.end_headers()
                return
            word = http.word or ('yes' if ROMAN.get(said['second'], said['second']) == said['first'] else 'no')
            reply = dict(choices=[dict(message=dict(content=word))], usage=dict(prompt_tokens=90, completion_tokens=10))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(reply).encode() if http.well else b'<html>')

    http = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    http.asked, http.status, http.word, http.well = [], 200, None, True
    http.address = f'http://127.0.0.1:{http.server_port}/v1'
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    yield http
    http.shutdown()
    http.server_close()


def answers(*texts):
    return [f'<answer>{text}</answer>' for text in texts]


def rewarded(server, **params):
    entry = dict(type='judge', params=dict(model=server.address, **params))
    return DefaultRewardComponent(dict(reward_functions=[entry]), PLAIN)


def test_the_reward_asks_about_unreadable_answers_only(server):
    component = rewarded(server, wrong_penalty=-1.0, unparseable_penalty=-2.0, price=5.0)
    texts = [*answers('12', '13', 'XII', 'XIV', '12 or 13', ''), 'no block']
    paid = component.build()[0](prompts=['5+7?'] * 7, completions=texts, answer=['12'] * 7)
    assert paid == [1.0, -1.0, 1.0, -1.0, -1.0, -2.0, -2.0]
    assert sorted(said['second'] for said, _ in server.asked) == ['XII', 'XIV']
    assert server.asked[0][0]['question'] == '5+7?'
    summary = component.opinions['judge'].summary()
    assert (summary['asked'], summary['yes'], summary['tokens'], summary['cost']) == (2, 1, 200, 200 * 5 / 1e6)
    reasons = component.last_batch.reasons
    assert 'takes it as right' in reasons[2]['judge'] and 'opinion' not in reasons[0]['judge']


def test_a_pair_is_asked_about_once(server):
    built = rewarded(server).build()[0]
    for step in range(3):
        assert built(completions=answers('XII') * 4, answer=['12'] * 4, step=[step] * 4) == [1.0] * 4
    assert 1 <= len(server.asked) <= 4  # those of the first step ask side by side


def test_the_share_to_compare_is_asked_too_and_changes_no_pay(server):
    server.word = 'no'
    component = rewarded(server, agreement=1.0)
    assert component.build()[0](completions=answers('12', '13'), answer=['12'] * 2) == [1.0, 0.0]
    summary = component.opinions['judge'].summary()
    assert (summary['compared'], summary['agreement']) == (2, 0.5)


@pytest.mark.parametrize('status, well, text', [(503, True, '503'), (200, False, 'JSON'), (302, True, '302')])
def test_a_server_that_fails_is_left_alone_after_three_times(server, status, well, text, monkeypatch):
    monkeypatch.setenv('OPENAI_API_KEY', 'sk-123')
    server.status, server.well = status, well
    second = SecondOpinion(ServerJudge(server.address))
    assert [second.of('?', '12', f'X{i}', Verdict(False, None, 'unparseable')) for i in range(9)] == [None] * 9
    assert len(server.asked) == 3 == second.counts['failed']
    assert text in second.summary()['problem'] and 'sk-123' not in json.dumps(second.summary())


@pytest.mark.parametrize(
    'word, opinion', [('Yes.', True), ('**No**', False), ('perhaps', None), ('', None), ('yesterday', None)]
)
def test_replies(server, word, opinion):
    server.word = word or ' '
    assert SecondOpinion(ServerJudge(server.address)).ask('?', '12', 'XII') is opinion


def test_the_key_goes_to_the_named_address_from_the_environment(server, monkeypatch):
    monkeypatch.setenv('OPENAI_API_KEY', 'sk-123')
    SecondOpinion(ServerJudge(server.address)).ask('?', '12', 'XII')
    assert server.asked[0][1] == 'Bearer sk-123'


class Reciter:
    "An engine that says the same whatever it is asked."

    def generate(self, prompts, **options):
        return [[Rollout(f'<answer>{p}</answer>', [1, 2], False, 3)] for p in prompts]


def test_evaluation_has_a_column_of_its_own(server):
    judge = Judge('gsm8k', PLAIN)
    judge.opinion = SecondOpinion(ServerJudge(server.address))
    rows = [dict(prompt=text, answer='12', question='5+7?') for text in ('XII', 'XIV', '12', '13')]
    evaluation = evaluate(None, None, rows, dataset='sums', judge=judge, engine=Reciter(), progress=False)
    assert [r.get('opinion') for r in evaluation.rows] == [True, False, None, None]
    assert [r['correct'] for r in evaluation.rows] == [False, False, True, False] and evaluation.accuracy == 0.25
    assert evaluation.summary()['opinion'] == dict(asked=2, right=1, compared=0, agreement=None)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    "A model in a folder that has learned to say that XII is 12."
    import torch
    from small_models import build
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = build('llama', tmp_path_factory.mktemp('judge'))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(path), AutoTokenizer.from_pretrained(path)
    chat = tokenizer.apply_chat_template(_messages('5+7?', '12', 'XII'), tokenize=False, add_generation_prompt=True)
    ids = tokenizer(chat + 'yes<eos>', add_special_tokens=False, return_tensors='pt')['input_ids']
    labels = torch.where(torch.arange(ids.shape[1]) < ids.shape[1] - 4, -100, ids)
    optimizer, loss = torch.optim.AdamW(model.parameters(), lr=1e-2), torch.inf
    while loss > 0.05:
        loss = model(ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(path)
    return path


def test_a_model_in_a_local_folder_is_asked(folder):
    entry = dict(type='judge', params=dict(model=str(folder), price=2.0))
    component = DefaultRewardComponent(dict(reward_functions=[entry]), PLAIN)
    paid = component.build()[0](prompts=['5+7?'] * 3, completions=answers('XII', '12', '13'), answer=['12'] * 3)
    assert paid == [1.0, 1.0, 0.0]
    summary = component.opinions['judge'].summary()
    assert (summary['asked'], summary['yes'], summary['failed']) == (1, 1, 0)
    assert summary['tokens'] > 100 and summary['cost'] == summary['tokens'] * 2.0 / 1e6


def test_a_folder_without_a_chat_template_is_named(tmp_path):
    from small_models import build

    second = SecondOpinion(FolderJudge(str(build('llama', tmp_path, template=None))))
    assert second.of('?', '12', 'XII', Verdict(False, None, 'unparseable')) is None
    assert 'no chat template' in second.summary()['problem']


def test_it_is_off_by_default():
    assert load_config().eval.judge is None
    assert 'judge' not in [f.type for f in load_config().reward.reward_functions]


def test_what_cannot_be_asked_is_said_before_a_model_is_loaded(server):
    from rlvr_nb.preflight import prepare

    prepare(load_config(f'eval.judge={{model:"{server.address}"}}'))
    assert server.asked
    for option, kind, text in [
        ('eval.judge={model:no/such/folder}', ConfigError, 'eval.judge.model'),
        ('eval.judge={model:"http://127.0.0.1:9/v1",timeout:1.0}', UnavailableError, 'gives no reply'),
        ('reward.reward_functions=[{type:judge,params:{model:"ftp://x"}}]', ConfigError, 'http://'),
        ('reward.reward_functions=[{type:judge}]', ConfigError, 'model: missing'),
    ]:
        with pytest.raises(kind, match=text):
            prepare(load_config(option))
