"""Chat templates of real families, broken and hostile ones, from the tokenizer to what training and evaluation ask."""
import copy
import json
import subprocess
import sys

import pytest

from small_models import FAMILIES, build, character_tokenizer

from rlvr_nb import rendering
from rlvr_nb.config import ConfigError, load_config
from rlvr_nb.data import DefaultDataComponent
from rlvr_nb.pipeline import Pipeline
from rlvr_nb.prompts import PLAIN, Markers, build_messages, is_prefilled, parse_completion, render_prompt
from rlvr_nb.model import DefaultModelComponent
from rlvr_nb.templates import check_template, render_or_merge, set_template_arguments, try_render

THINKING = Markers('<think>', '</think>', '<answer>', '</answer>')
SYSTEM, QUESTION = 'Think between tags.', 'What is 2+2?'
TURNS = [*build_messages(QUESTION, SYSTEM), dict(role='assistant', content='<think>hm</think>4'), dict(role='user',
        content='And 3+3?')]


@pytest.mark.parametrize('family', FAMILIES)
def test_the_child_renders_as_transformers_does(family):
    tok = character_tokenizer(family)
    fitted, rendered, _ = render_or_merge(tok, [build_messages(QUESTION), build_messages(QUESTION, SYSTEM), TURNS])
    assert [r.text for r in rendered] == [render_prompt(tok, m) for m in fitted]
    assert all(QUESTION in r.text for r in rendered) and all(SYSTEM in r.text for r in rendered[1:])


@pytest.mark.parametrize('family', FAMILIES)
def test_prompts_are_what_trl_renders(family):
    from trl.data_utils import maybe_apply_chat_template
    tok = character_tokenizer(family)
    set_template_arguments(tok, dict(enable_thinking=False))
    (messages,), _, _ = render_or_merge(tok, [build_messages(QUESTION, SYSTEM)])
    assert maybe_apply_chat_template(dict(prompt=messages), tok)['prompt'] == render_prompt(tok, messages)


@pytest.mark.parametrize('family', FAMILIES)
def test_who_refuses_the_system_role_gets_it_in_the_question(family):
    (messages,), _, objection = render_or_merge(character_tokenizer(family), [build_messages(QUESTION, SYSTEM)])
    merged = [dict(role='user', content=f'{SYSTEM}\n\n{QUESTION}')]
    assert (messages == merged, objection) == ((True, 'System role not supported') if family == 'gemma2' else (False,
            None))


def test_where_the_template_opens_the_thought():
    tok = character_tokenizer('r1_distil')
    assert is_prefilled(tok, THINKING) is True and is_prefilled(tok, PLAIN) == '<think>'
    assert not any(is_prefilled(character_tokenizer(f), m) for f in FAMILIES if f != 'r1_distil' for m in (PLAIN,
            THINKING))
    good = '<reasoning>2+2=4</reasoning><answer>4</answer>'
    assert parse_completion(f'I see.</think>{good}', PLAIN, '<think>').well_formed
    assert parse_completion('so <answer>4</answer>', PLAIN, '<think>').answer is None


def test_arguments_survive_saving_and_say_no_to_nobody(tmp_path):
    from transformers import AutoTokenizer
    tok = character_tokenizer('qwen3')
    set_template_arguments(tok, dict(enable_thinking=False))
    tok.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert render_prompt(again, build_messages(QUESTION)).endswith('</think>\n\n')
    asked = again.apply_chat_template(build_messages(QUESTION), tokenize=False, add_generation_prompt=True,
                                      enable_thinking=True)
    assert asked.endswith('assistant\n')


@pytest.mark.parametrize('value', [False, None, 3, 0.5, 'high', 'a "b" \\ c\n', 'ß😀', [1, [True]],
                                   dict(a=dict(b=None))])
def test_any_value_of_a_configuration_reaches_the_template(value):
    tok = character_tokenizer("{% for m in messages %}{{ m['content'] }}{% endfor %}{{ x | tojson }}")
    set_template_arguments(tok, dict(x=value))
    assert json.loads(render_prompt(tok, build_messages('')[:0] or [dict(role='user', content='')])) == value


BROKEN = {
    'syntax': ("{% for m in messages %}{{ m['content'] }}", "can't be rendered: line 1"),
    'parts': ("{% for m in messages %}{% for p in m['content'] %}{{ p['text'] }}{% endfor %}{% endfor %}",
              "doesn't show the question"),
    'nothing': ("hello", "doesn't show the question"),
    'refuses': ("{{ raise_exception('not this model') }}", 'not this model'),
    'type': ("{{ messages + 1 }}", "can't be rendered"),
    'undefined': ("{{ nothing.at.all }}", "can't be rendered"),
    'work': ('{% for i in range(99999) %}' * 4 + '{% endfor %}' * 4, 'more work or memory'),
    'recursion': ('{% macro f(n) %}{{ f(n - 1) if n else "" }}{{ f(n - 1) if n else "" }}{% endmacro %}{{ f(60) }}',
                  'more work or memory'),
    'product': ("{{ 'a' * 10**10 }}", 'more than a prompt'),
    'doubling': ('{% set ns = namespace(s="ab") %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ '
                 'ns.s }}', 'more'),
    'padding': ("{{ '%9999999999d' | format(1) }}", ''),
    'output': ("{% for i in range(99999) %}{{ 'a' * 999 }}{% endfor %}", 'more than a prompt'),
    'escape': ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "can't be rendered"),
}


@pytest.mark.parametrize('template,expected', BROKEN.values(), ids=BROKEN)
def test_a_broken_template_is_one_error(template, expected, monkeypatch):
    monkeypatch.setattr(rendering, 'CPU_SECONDS', 1)
    with pytest.raises(ConfigError, match='model.model_name_or_path: the chat template '
                                          'of') as e: check_template(character_tokenizer(template))
    assert expected in str(e.value) and '\n' not in str(e.value)


def test_a_template_that_turns_hostile_on_real_prompts_is_stopped_too(monkeypatch):
    "It behaves for the one question that `check_template` asks."
    monkeypatch.setattr(rendering, 'CPU_SECONDS', 1)
    tok = character_tokenizer("{{ messages[0]['content'] }}{% if messages[0]['content'] | length > 30 "
                              "%}" + BROKEN['work'][0] + "{% endif %}")
    check_template(tok)
    data = DefaultDataComponent(dict(dataset_name='arithmetic', params=dict(digits=20, num_train=3)))
    with pytest.raises(ConfigError, match='more work or memory'): data.train_rows(tok, 500)


def test_the_limits_hold_wherever_a_loaded_tokenizer_renders(tmp_path, monkeypatch):
    "A preview, training, TRL and a copy all ask the tokenizer; it behaves until the tenth question."
    from trl.data_utils import maybe_apply_chat_template
    monkeypatch.setattr(rendering, 'CPU_SECONDS', 1)
    folder = build('llama', tmp_path, template="{{ messages[0]['content'] }}{% if 'tenth' in messages[0]['content'] %}"
                   + BROKEN['work'][0] + "{% endif %}")
    tok = DefaultModelComponent(settings(folder).model).load_tokenizer()
    tenth = build_messages('The tenth question')
    for ask in (lambda: render_prompt(tok, tenth), lambda: maybe_apply_chat_template(dict(prompt=tenth), tok),
                lambda: copy.deepcopy(tok).apply_chat_template([tenth, tenth], tokenize=True)):
        with pytest.raises(ConfigError, match='more work or memory'): ask()
    assert render_prompt(tok, build_messages('2+2?')) == '2+2?'


def test_a_tokenizer_cannot_say_that_its_template_is_ours(tmp_path, monkeypatch):
    "tokenizer_config.json can set attributes, through the list of special tokens."
    monkeypatch.setattr(rendering, 'CPU_SECONDS', 1)
    tok = character_tokenizer(BROKEN['work'][0])
    tok.save_pretrained(tmp_path)
    told = json.loads((tmp_path/'tokenizer_config.json').read_text())
    told['extra_special_tokens'] = {'own_template': BROKEN['work'][0]}
    (tmp_path/'tokenizer_config.json').write_text(json.dumps(told))
    from transformers import AutoTokenizer
    assert (spoofed := AutoTokenizer.from_pretrained(tmp_path)).own_template == spoofed.chat_template
    assert try_render(spoofed, [build_messages('?')])[0].kind == 'limit'


def test_the_child_sees_no_secret(monkeypatch):
    monkeypatch.setenv('HF_TOKEN', 'hf_canary')
    seen, start = {}, subprocess.Popen
    monkeypatch.setattr(subprocess, 'Popen', lambda command, env, **kw: seen.update(env=env, command=command)
                        or start(command, env=env, **kw))
    renderer = rendering.Renderer()
    assert rendering.render_apart(renderer, "{{ messages[0]['content'] }}", {}, [build_messages('?')])[0].text == '?'
    renderer.close()
    assert seen['command'][0] == sys.executable and 'hf_canary' not in seen['env'].values()


def settings(folder, *more):
    return load_config('data_component=gsm8k', f'data.dataset_path={folder/"rows"}',
                       f'model.model_name_or_path={folder}', 'train.max_steps=2',
                       'train.per_device_train_batch_size=4', 'train.num_generations=4', 'train.max_prompt_length=900',
                       'train.max_completion_length=16', 'model.max_seq_length=1024', 'eval.eval_num_samples=2', *more)


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    "A small model, and some rows to ask; its template is changed by the tests."
    folder = build('gemma3', tmp_path_factory.mktemp('model'))
    (folder/'rows').mkdir()
    for split in ('train', 'test'):
        rows = [dict(question=f'{split}: {i}+1=?', answer=f'{i}+1={i + 1}. #### {i + 1}') for i in range(8)]
        (folder/f'rows/{split}.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    return folder


@pytest.mark.parametrize('family', FAMILIES)
def test_a_dry_run_asks_training_and_evaluation_alike(model, family):
    character_tokenizer(family).save_pretrained(model)
    report = Pipeline.check(settings(model, 'prompts.chat_template_kwargs.enable_thinking=false'))
    p = report.prepared
    trained, evaluated = (render_prompt(p.tokenizer, rows[0]['prompt']) for rows in (p.train_rows,
            p.eval_rows['gsm8k']))
    assert trained == evaluated.replace('test: 0', 'train: 0') and report.prompts[0] == trained
    assert any('System role not supported' in note for note in report.notes) == (family == 'gemma2')
    assert any('opens the reasoning with <think>' in note for note in report.notes) == (family == 'r1_distil')


def test_worked_examples_stand_before_every_question(model):
    character_tokenizer('gemma2').save_pretrained(model)
    p = Pipeline.check(settings(model, 'prompts.examples=2')).prepared
    prompt = render_prompt(p.tokenizer, p.eval_rows['gsm8k'][0]['prompt'])
    assert [prompt.count(text) for text in ('<start_of_turn>model', '.</reasoning><answer>', 'train: ')] == [3, 2, 2]
    assert p.train_rows.reasons == {'used as a worked example': 2} and p.eval_rows['gsm8k'].reasons == {}


def test_a_tokenizer_without_an_end_is_named(model):
    tok = character_tokenizer()
    tok.eos_token = tok.pad_token = None
    tok.save_pretrained(model)
    with pytest.raises(ConfigError, match='neither a padding nor an end token'): Pipeline.check(settings(model))
    character_tokenizer().save_pretrained(model)
