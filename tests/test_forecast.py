"""The forecast: its counts against real architectures, its geometry against TRL's own."""
import json
import subprocess
import sys

import pytest

from rlvr_nb.config import ConfigError, load_config
from rlvr_nb.forecast import (TINY, activation_bytes, cache_bytes, forecast, logits_bytes, read_shape, trained_bytes, weight_bytes, work)

SHAPES = {
    'gemma3': ('Gemma3TextConfig', dict(vocab_size=1000, hidden_size=64, intermediate_size=160, num_hidden_layers=7, num_attention_heads=4, num_key_value_heads=1, head_dim=32, sliding_window=16)),
    'gemma2': ('Gemma2Config', dict(vocab_size=900, hidden_size=64, intermediate_size=160, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=32, sliding_window=16)),
    'qwen3': ('Qwen3Config', dict(vocab_size=1100, hidden_size=96, intermediate_size=200, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2, head_dim=32, tie_word_embeddings=True)),
    'qwen2': ('Qwen2Config', dict(vocab_size=1100, hidden_size=96, intermediate_size=200, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2, tie_word_embeddings=False)),
    'llama': ('LlamaConfig', dict(vocab_size=1200, hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=False)),
    'mistral': ('MistralConfig', dict(vocab_size=1200, hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=16)),
}
GEMMA = 'model_component=gemma_1b_lora'


@pytest.fixture(scope='module', params=SHAPES)
def real(request, tmp_path_factory):
    "A model of a real architecture, and the shape that its config.json describes."
    import transformers
    kind, sizes = SHAPES[request.param]
    config = getattr(transformers, kind)(**sizes)
    folder = tmp_path_factory.mktemp(request.param)
    config.save_pretrained(folder)
    return transformers.AutoModelForCausalLM.from_config(config), read_shape(json.loads((folder/'config.json').read_text()))


def test_parameters_are_those_of_the_real_model(real):
    model, shape = real
    assert shape.parameters() == sum(p.numel() for p in model.parameters())


def test_adapter_parameters_are_those_of_peft(real):
    from peft import LoraConfig, get_peft_model
    model, shape = real
    for targets in (['q_proj', 'v_proj'], 'all-linear'):
        names = targets if targets != 'all-linear' else list(shape.projections())
        adapted = get_peft_model(model, LoraConfig(r=4, target_modules=names, task_type='CAUSAL_LM'))
        assert shape.lora_parameters(4, targets) == sum(p.numel() for p in adapted.parameters() if p.requires_grad)
        adapted.unload()


def test_cache_is_that_of_the_real_model(real):
    "The tensors that a forward pass leaves in the cache, counted."
    import torch
    model, shape = real
    cfg = load_config('train.per_device_train_batch_size=8', 'train.num_generations=8')
    length = cfg.train.max_prompt_length + cfg.train.max_completion_length
    with torch.no_grad(): cache = model(torch.zeros(8, length, dtype=torch.long), use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    full_window = shape.window and (shape.layers - shape.full_layers) * 8 * 2 * shape.kv_heads * shape.head_dim * 4   # transformers keeps one token less than the window
    assert 0 <= cache_bytes(shape, cfg, 4) - held <= full_window


def test_activations_are_near_what_autograd_keeps():
    "Bytes saved for the backward pass by the built-in model's architecture, counted by hooks; the formula is an estimate."
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig
    cfg = load_config()
    shape = read_shape(TINY)
    model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), attn_implementation='sdpa')
    saved, weights = {}, {p.untyped_storage().data_ptr() for p in model.parameters()}
    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights: saved[storage.data_ptr()] = storage.nbytes()
        return tensor
    ids = torch.zeros(64, 64, dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t): out = model(ids).logits
    assert out.shape[:2] == (64, 64)
    assert .5 < activation_bytes(shape, cfg, 4) / sum(saved.values()) < 2


def test_published_sizes():
    llama_1b = dict(model_type='llama', hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8, head_dim=64, vocab_size=128256, tie_word_embeddings=True)
    qwen_06b = dict(model_type='qwen3', hidden_size=1024, intermediate_size=3072, num_hidden_layers=28, num_attention_heads=16, num_key_value_heads=8, head_dim=128, vocab_size=151936, tie_word_embeddings=True)
    assert read_shape(llama_1b).parameters() == 1_235_814_400
    assert read_shape(qwen_06b).parameters() == 596_049_920


def test_a_larger_batch_needs_what_it_should():
    sizes = dict(model_type='qwen3', hidden_size=1024, intermediate_size=3072, num_hidden_layers=28, num_attention_heads=16, num_key_value_heads=8, head_dim=128, vocab_size=151936, tie_word_embeddings=True)
    one, two = (forecast(load_config(GEMMA, f'train.per_device_train_batch_size={n}'), sizes) for n in (16, 32))
    for part in ('kv cache', 'logits', 'activations'): assert two.parts[part] == 2 * one.parts[part]
    for part in ('weights', 'adapter', 'gradients', 'optimizer'): assert two.parts[part] == one.parts[part]
    assert one.total < sum(one.parts.values())


def test_quantised_and_full_training():
    shape = read_shape(TINY)
    lora, four, eight, full, adam8 = (load_config(GEMMA, *o) for o in ([], ['model.load_in_4bit=true'], ['model.load_in_8bit=true'], ['model.lora_config.use_lora=false'],
                                                                      ['model.lora_config.use_lora=false', 'train.optim_name=adamw_8bit']))
    linear, rest = shape.linear_parameters(), shape.parameters() - shape.linear_parameters()
    assert weight_bytes(shape, lora, 2) == 2 * shape.parameters()
    assert weight_bytes(shape, four, 2) == linear * (4 + .127) / 8 + rest * 4
    assert weight_bytes(shape, eight, 2) == linear + rest * 4
    assert weight_bytes(shape, full, 2) == shape.parameters() * 4 + linear * 2
    assert trained_bytes(shape, full)['optimizer'] == shape.parameters() * 8
    assert trained_bytes(shape, adam8)['optimizer'] < shape.parameters() * 2.1


@pytest.mark.parametrize('overrides', [[], ['train.gradient_accumulation_steps=2', '+train.grpo.steps_per_generation=4'], ['+train.grpo.num_iterations=3', 'train.max_steps=10']])
def test_completions_are_those_that_trl_generates(overrides):
    "Counted by walking through TRL's rule: a batch is generated whenever the micro-step is a multiple of steps_per_generation * num_iterations."
    cfg = load_config('train.max_steps=12', *overrides)
    per_generation = cfg.train.grpo.get('steps_per_generation', cfg.train.gradient_accumulation_steps)
    every = per_generation * cfg.train.grpo.get('num_iterations', 1)
    batches = sum(step % every == 0 for step in range(cfg.train.max_steps * cfg.train.gradient_accumulation_steps))
    assert work(cfg)['completions'] == batches * per_generation * cfg.train.per_device_train_batch_size
    assert work(cfg, world=4)['completions'] == 4 * work(cfg)['completions']


def test_it_says_what_it_does_not_know(tmp_path):
    unknown = forecast(load_config(GEMMA, 'model.model_name_or_path=nobody/nothing'))
    assert unknown.total is None and unknown.parts == {} and 'memory unknown' in str(unknown) and unknown.work['completions'] > 0
    assert forecast(load_config()).seconds is None and forecast(load_config(), seconds_per_step=.5).seconds == 0.5 * load_config().train.max_steps
    assert any('use_vllm' in a or 'vLLM' in a for a in forecast(load_config(GEMMA, '+train.grpo.use_vllm=true'), TINY).assumptions)
    with pytest.raises(ConfigError, match='mixture of experts'): read_shape({**TINY, 'num_local_experts': 8})
    with pytest.raises(ConfigError, match='num_hidden_layers'): read_shape({'hidden_size': 1, 'intermediate_size': 1, 'num_attention_heads': 1, 'vocab_size': 1})


def test_liger_never_holds_the_logits():
    cfg = load_config(GEMMA, '+train.grpo.use_liger_kernel=true')
    assert logits_bytes(read_shape(TINY), cfg, 2) == 0


def test_a_forecast_imports_no_torch():
    code = "import sys; from rlvr_nb.config import load_config; from rlvr_nb.forecast import forecast; forecast(load_config()); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip() == 'False'
