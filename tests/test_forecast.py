"""The forecast: its counts against real architectures, its geometry against TRL's own."""
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from rlvr_nb.config import ConfigError, load_config
from rlvr_nb.architecture import TINY, known_shapes, read_shape
from rlvr_nb.speed import find_device, generating_seconds
from rlvr_nb.fit import cheapest_fit
from rlvr_nb.forecast import forecast, work
from rlvr_nb.memory import activation_bytes, cache_bytes, logits_bytes, phases, trained_bytes, weight_bytes

SHAPES = {
    'gemma3': (
        'Gemma3TextConfig',
        dict(
            vocab_size=1000,
            hidden_size=64,
            intermediate_size=160,
            num_hidden_layers=7,
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=32,
            sliding_window=16,
        ),
    ),
    'gemma2': (
        'Gemma2Config',
        dict(
            vocab_size=900,
            hidden_size=64,
            intermediate_size=160,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            sliding_window=16,
        ),
    ),
    'qwen3': (
        'Qwen3Config',
        dict(
            vocab_size=1100,
            hidden_size=96,
            intermediate_size=200,
            num_hidden_layers=3,
            num_attention_heads=6,
            num_key_value_heads=2,
            head_dim=32,
            tie_word_embeddings=True,
        ),
    ),
    'qwen2': (
        'Qwen2Config',
        dict(
            vocab_size=1100,
            hidden_size=96,
            intermediate_size=200,
            num_hidden_layers=3,
            num_attention_heads=6,
            num_key_value_heads=2,
            tie_word_embeddings=False,
        ),
    ),
    'llama': (
        'LlamaConfig',
        dict(
            vocab_size=1200,
            hidden_size=64,
            intermediate_size=160,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=False,
        ),
    ),
    'qwen3_moe': (
        'Qwen3MoeConfig',
        dict(
            vocab_size=1100,
            hidden_size=64,
            intermediate_size=160,
            moe_intermediate_size=48,
            num_experts=6,
            num_experts_per_tok=2,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
        ),
    ),
    'mixtral': (
        'MixtralConfig',
        dict(
            vocab_size=900,
            hidden_size=64,
            intermediate_size=96,
            num_local_experts=4,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
        ),
    ),
    'mistral': (
        'MistralConfig',
        dict(
            vocab_size=1200,
            hidden_size=64,
            intermediate_size=160,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
        ),
    ),
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
    return transformers.AutoModelForCausalLM.from_config(config), read_shape(
        json.loads((folder / 'config.json').read_text())
    )


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
    cfg = load_config('train.per_device_train_batch_size=8', 'train.num_generations=8', 'train.rollout=transformers')
    length = cfg.train.max_prompt_length + cfg.train.max_completion_length
    with torch.no_grad(): cache = model(torch.zeros(8, length, dtype=torch.long), use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    # transformers keeps one token less than the window
    full_window = shape.window and (shape.layers - shape.full_layers) * 8 * 2 * shape.kv_heads * shape.head_dim * 4
    assert 0 <= cache_bytes(shape, cfg, 4) - held <= full_window


def test_activations_are_near_what_autograd_keeps():
    "Bytes saved for the backward pass by the built-in model's architecture, counted by hooks."
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
    cfg.train.per_device_train_batch_size, cfg.train.max_prompt_length, cfg.train.max_completion_length = 64, 32, 32
    # the formula counts a mask, which sequences of one length don't need
    assert .8 < activation_bytes(shape, cfg, 4)['activations'] / sum(saved.values()) < 1.15


def test_published_sizes():
    "Parameters as the pages of the models on the Hub count them."
    published = {
        'smollm2-360m': 361_821_120,
        'smollm2-1.7b': 1_711_376_384,
        'llama-3.2-1b': 1_235_814_400,
        'llama-3.1-8b': 8_030_261_248,
        'gemma-3-1b': 999_885_952,
        'qwen2.5-1.5b': 1_543_714_304,
        'qwen2.5-3b': 3_085_938_688,
        'qwen2.5-7b': 7_615_616_512,
        'qwen3-0.6b': 596_049_920,
        'qwen3-8b': 8_190_735_360,
        'deepseek-r1-distill-qwen-1.5b': 1_777_088_000,
        'mixtral-8x7b': 46_702_792_704,
    }
    assert {name: read_shape(known_shapes()[name]).parameters() for name in published} == published


@pytest.mark.parametrize(
    'component',
    [
        'gemma_1b_lora',
        'gemma_4b_lora',
        'llama_1b_lora',
        'llama_3b_lora',
        'qwen3_0_6b_lora',
        'qwen3_1_7b_lora',
        'qwen3_4b_lora',
        'smollm2_1_7b_lora',
        'smollm2_360m_lora',
    ],
)
def test_every_packaged_model_has_a_forecast(component):
    assert forecast(load_config(f'model_component={component}')).total > 1e9


# more than the device holds: what to train, bytes of the device
OVERFULL = {
    'full': (['model.lora_config.use_lora=false'], 24e9),
    'full, small device': (['model.lora_config.use_lora=false'], 12e9),
    'a large batch': (['train.per_device_train_batch_size=64', '+train.grpo.gradient_checkpointing=true'], 16e9),
    'no checkpointing': (['+train.grpo.gradient_checkpointing=false'], 24e9),
    'no checkpointing, full': (['+train.grpo.gradient_checkpointing=false', 'model.lora_config.use_lora=false'], 40e9),
    'a reference': (['model.lora_config.use_lora=false', '+train.grpo.beta=0.04'], 24e9),
    'a large generation': (['+train.grpo.generation_batch_size=1024'], 24e9),
    'vLLM beside it': (['train.rollout=vllm', '+train.grpo.vllm_gpu_memory_utilization=0.9'], 24e9),
    'transformers': (['train.rollout=transformers', '+train.grpo.generation_batch_size=512'], 12e9),
    'an evaluation of many': (['model.lora_config.use_lora=false', 'eval.eval_num_samples=4096'], 20e9),
}


@pytest.mark.parametrize('name', OVERFULL)
def test_what_is_advised_is_accepted_and_fits(name):
    "The advice goes through the configuration's own checks, and a forecast with it fits."
    overrides, memory = OVERFULL[name]
    cfg = load_config(GEMMA, *overrides)
    assert forecast(cfg, memory=memory).total > .95 * memory, 'nothing to advise'
    advice = cheapest_fit(cfg, memory)
    assert advice, 'no advice'
    changed = {a.partition('=')[0].lstrip('+') for a in advice}
    kept = [o for o in overrides if o.partition('=')[0].lstrip('+') not in changed]
    advised = load_config(GEMMA, *kept, *advice)
    assert forecast(advised, memory=memory).total <= .95 * memory
    assert work(advised)['steps'] == work(cfg)['steps']
    if 'generation' not in str(advice): assert work(advised)['completions'] == work(cfg)['completions']


# what a random configuration may have: the first of each is more often there than the others
CARDS = {'Tesla T4': 15.6e9, 'NVIDIA L4': 23.7e9, 'NVIDIA A100-SXM4-40GB': 42.3e9, 'NVIDIA H100 80GB HBM3': 85e9}
FREE = {
    'train.per_device_train_batch_size': (16, 1, 2, 8, 64, 128), 'train.num_generations': (8, 2, 4, 16),
    'train.gradient_accumulation_steps': (4, 1, 8), 'model.max_seq_length': (1024, 512, 4096, 8192),
    'model.lora_config.use_lora': ('true', 'true', 'false'), 'model.load_in_4bit': ('false', 'false', 'true'),
    'train.rollout': ('auto', 'auto', 'vllm', 'transformers'), '+train.grpo.beta': (0., 0., .04),
    '+train.grpo.gradient_checkpointing': ('true', 'false'), '+train.grpo.num_iterations': (1, 1, 2),
    'train.warm_start': ('null', 'null', '{epochs: 1, examples: 100, batch_size: 16}'),
}

def test_what_is_advised_fits_for_random_configurations():
    "For twenty configurations that are too large: what is advised is accepted, and fits by the forecast that said no."
    draw, advised = random.Random(0), 0
    while advised < 20:
        name, device = draw.choice(sorted(known_shapes())), draw.choice(list(CARDS))
        overrides = [f'{option}={draw.choice(values)}' for option, values in FREE.items()]
        model = [GEMMA, f'model.model_name_or_path=somebody/{name}', 'train.max_prompt_length=256']
        try: cfg = load_config(*model, *overrides)
        except ConfigError: continue   # such as vLLM with 4-bit weights
        beside = dict(device=device, memory=CARDS[device])
        if forecast(cfg, **beside).total <= .95 * CARDS[device]: continue
        advice = cheapest_fit(cfg, **beside)
        if advice is None:
            assert read_shape(known_shapes()[name]).experts, (name, device, overrides)   # too large even in 4-bit
            continue
        again = load_config(*model, *overrides, *advice)
        assert forecast(again, **beside).total <= .95 * CARDS[device], (name, device, overrides, advice)
        advised += 1


def test_a_larger_batch_needs_what_it_should():
    sizes = dict(
        model_type='qwen3',
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        vocab_size=151936,
        tie_word_embeddings=True,
    )
    one, two = (forecast(load_config(GEMMA, f'train.per_device_train_batch_size={n}'), shape=sizes) for n in (16, 32))
    for part in ('kv cache', 'activations', 'one layer recomputed'): assert two.parts[part] == 2 * one.parts[part]
    for part in ('weights', 'adapter', 'gradients', 'optimizer'): assert two.parts[part] == one.parts[part]
    assert one.total < sum(one.parts.values())


@pytest.mark.parametrize('gigabytes', [12, 16, 24, 40, 80])
def test_what_the_run_decides_fits(gigabytes):
    "Kept activations never take a forecast above the device, and a larger device keeps more."
    cfg, memory = load_config(GEMMA), gigabytes * 1e9
    small, large = forecast(cfg, memory=memory), forecast(cfg, memory=2 * memory)
    if small.plan.pass_tokens: assert small.total < memory - 2**29
    assert large.plan.fit > small.plan.fit
    least = forecast(cfg)
    assert least.plan.pass_tokens == 0 and (small.total >= least.total or small.plan.pass_tokens)


def test_quantised_and_full_training():
    shape = read_shape(TINY)
    lora, four, eight, full, adam8 = (
        load_config(GEMMA, *o)
        for o in (
            [],
            ['model.load_in_4bit=true'],
            ['model.load_in_8bit=true'],
            ['model.lora_config.use_lora=false'],
            ['model.lora_config.use_lora=false', 'train.optim_name=adamw_8bit'],
        )
    )
    linear, rest = shape.linear_parameters(), shape.parameters() - shape.linear_parameters()
    assert weight_bytes(shape, lora, 2) == 2 * shape.parameters()
    assert weight_bytes(shape, four, 2) == linear * (4 + .127) / 8 + rest * 4
    assert weight_bytes(shape, eight, 2) == linear + rest * 4
    assert weight_bytes(shape, full, 2) == shape.parameters() * 4
    assert phases(shape, full, 2)['loss']['half-precision copies'] == linear * 2
    assert trained_bytes(shape, full)['optimizer'] == shape.parameters() * 8
    assert trained_bytes(shape, adam8)['optimizer'] < shape.parameters() * 2.1


@pytest.mark.parametrize(
    'overrides, completions',
    [
        ([], 12 * 64),  # a generation of 64 a step
        (
            ['train.gradient_accumulation_steps=2', '+train.grpo.steps_per_generation=4'],
            12 * 128,
        ),  # 256 serve two steps of 128
        (['+train.grpo.num_iterations=3'], 4 * 64),  # 64 serve three steps
        (['+train.grpo.generation_batch_size=128'], 6 * 128),  # 128 serve two steps of 64
        (['train.max_steps=5', '+train.grpo.generation_batch_size=128'], 3 * 128),  # the last one serves a single step
    ],
    ids=['usual', 'steps_per_generation', 'num_iterations', 'generation_batch_size', 'rounded up'],
)
def test_completions_are_those_that_trl_generates(overrides, completions):
    "Worked out by hand for a micro-batch of 64."
    cfg = load_config(
        'train.per_device_train_batch_size=64', 'train.gradient_accumulation_steps=1', 'train.max_steps=12', *overrides
    )
    assert work(cfg)['completions'] == completions
    if 'generation_batch_size' not in ''.join(overrides): assert work(cfg, world=4)['completions'] == 4 * completions


def test_a_larger_generation_has_a_larger_cache():
    "128 sequences at once, however the 16 of a micro-batch are asked for."
    shape = read_shape(known_shapes()['qwen3-0.6b'])
    ways = [
        ['train.per_device_train_batch_size=128'],
        ['+train.grpo.generation_batch_size=128'],
        ['+train.grpo.steps_per_generation=8'],
        ['train.gradient_accumulation_steps=8'],
    ]
    for rollout in ('engine', 'transformers'):
        sizes = {cache_bytes(shape, load_config(GEMMA, f'train.rollout={rollout}', *way), 2) for way in ways}
        assert sizes == {128 * 1536 * 28 * 2 * 8 * 128 * 2}
    two = load_config(GEMMA, '+train.grpo.generation_batch_size=128')
    # the size is that of all processes together
    assert cache_bytes(shape, two, 2, world=2) == 64 * 1536 * 28 * 2 * 8 * 128 * 2


# two layers of 2 heads of 4 numbers, 1 for keys and values: 576 weights in the matrices of a layer and 16 in its norms,
# 80 in the embedding, which is the output layer too, and 8 in the last norm: 1,272 in all, 1,152 in matrices
SMALL_SHAPE = dict(
    model_type='llama',
    hidden_size=8,
    intermediate_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=4,
    vocab_size=10,
    tie_word_embeddings=True,
)
EXPERTS = SMALL_SHAPE | dict(model_type='qwen3_moe', num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16)
FULL = 'model.lora_config.use_lora=false', 'train.optim_name=adamw_torch'
BY_HAND = {  # overrides, arguments, moment, part, bytes
    'weights under an adapter': ([], {}, 'loss', 'weights', 1272 * 2),
    'weights that are trained': ([*FULL], {}, 'loss', 'weights', 1272 * 4),
    'moments of Adam': ([*FULL], {}, 'step', 'optimizer', 1272 * 8),
    'moments in 8 bits': ([*FULL[:1], 'train.optim_name=adamw_8bit'], {}, 'step', 'optimizer', 1272 * 2.03125),
    'an adapter of two matrices': (
        ['model.lora_config.r=4', 'model.lora_config.target_modules=[q_proj, v_proj]'],
        {}, 'loss', 'adapter', 2 * 4 * (8 + 8 + 8 + 4) * 4,
    ),
    'weights in 4 bits': (['model.load_in_4bit=true'], {}, 'loss', 'weights', 1152 * 4.127 / 8 + 120 * 4),
    'weights in 8 bits': (['model.load_in_8bit=true'], {}, 'loss', 'weights', 1152 + 120 * 4),
    'a reference': ([*FULL, '+train.grpo.beta=0.1'], {}, 'generation', 'reference', 1272 * 4),
    'a share for vLLM': (
        ['train.rollout=vllm', '+train.grpo.vllm_gpu_memory_utilization=0.5'],
        dict(memory=1e9), 'step', 'vLLM', 5e8,
    ),
    'gradients in buckets': ([*FULL], dict(world=2), 'step', 'gradient buckets', 1272 * 4),
    'divided weights': ([*FULL], dict(world=4, divided=True), 'step', 'weights', 1272),
    'gathered weights': ([*FULL], dict(world=4, divided=True), 'generation', 'gathered weights', 1272 * 4),
    'gathered layers': ([*FULL], dict(world=4, divided=True), 'loss', 'gathered weights', 1272 * 4),
    # 16 sequences of 1,536 tokens, two layers, a key and a value of 4 numbers
    'a cache': ([], {}, 'generation', 'kv cache', 16 * 1536 * 2 * 2 * 4 * 2),
    'a cache of two processes': (['+train.grpo.generation_batch_size=32'], dict(world=2), 'generation', 'kv cache',
                                 16 * 1536 * 2 * 2 * 4 * 2),
    # without padding, rank 8: sums and results of two norms, queries to result, the MLP, ranks, roots, levels;
    # behind them the last norm's input and result
    'activations': (
        [], dict(memory=80e9, device='NVIDIA A100-SXM4-80GB'), 'loss', 'activations',
        16 * 1536 * (2 * (2 * (4 * 8 + 2 * 8 + 2 * 4 + 3 * 16 + 7 * 8) + 2 * 4 + 4 * 2) + 2 * 2 * 8),
    ),
    # a T4 pads: the results of the norms, four of the MLP, four of the attention, ranks, a mask of 1,536, norms, levels
    'activations on a T4': (
        [], dict(memory=15e9, device='Tesla T4'), 'loss', 'activations',
        16 * 1536 * (2 * (2 * (4 * 16 + 2 * 8 + 4 * 8 + 7 * 8 + 1536) + 2 * 2 * 8 + 4 * 2) + 2 * 2 * 8),
    ),
}


@pytest.mark.parametrize('name', BY_HAND)
def test_parts_worked_out_by_hand(name):
    overrides, arguments, moment, part, expected = BY_HAND[name]
    made = forecast(load_config(GEMMA, *overrides), shape=SMALL_SHAPE, **arguments)
    assert made.phases[moment][part] == pytest.approx(expected, rel=1e-9)


# GiB at the peak on an H100 80GB, 26 November 2026, torch 2.11, transformers 5.17, trl 1.14.2, four steps each by
# tests/gpu/run_gpu.py; with the tokens of the longest prompt
MEASURED = {
    'smollm2_lora': (34.67, 262),
    'smollm2_full': (34.95, 262),
    'qwen25_full': (20.48, 219),
    'qwen25_reference': (16.45, 219),
    'smollm2_evaluated': (6.47, 262),
    'gemma3_16': (24.56, 279),
    'gemma3_64': (68.89, 279),
    'gemma3_checkpointed': (12.05, 279),
    'qwen25_15b': (35.76, 219),
    'llama32_3b': (53.64, 262),
}


@pytest.mark.parametrize('name', MEASURED)
def test_the_peak_is_near_the_measured_one(name):
    "At most a tenth too high and a twentieth too low."
    sys.path.insert(0, str(Path(__file__).parent/'gpu'))
    try: from run_gpu import FORECASTS, KNOWN, MIXED
    finally: sys.path.pop(0)
    model, overrides = FORECASTS[name]
    peak, prompt = MEASURED[name]
    cfg = load_config(GEMMA, *MIXED, *overrides, f'train.max_prompt_length={prompt}')
    made = forecast(cfg, shape=known_shapes()[KNOWN[model][1]], memory=79.2 * 2**30, device='NVIDIA H100 80GB HBM3')
    assert .95 <= made.total / 2**30 / peak <= 1.10


def test_experts_are_in_memory_all_and_compute_some():
    "By hand: 4 experts of 384 weights and a router of 32 in each layer; a token passes 2 of them."
    made = forecast(load_config(GEMMA), shape=EXPERTS)
    norms_of_heads = 2 * 4
    each = 64 + 32 + 32 + 64 + 4 * 384 + 32 + 16 + norms_of_heads
    assert made.phases['loss']['weights'] == 2 * (80 + 2 * each + 8)
    assert made.shape.used == 2


@pytest.mark.parametrize('device', ['Tesla T4', 'NVIDIA L4', 'NVIDIA A100-SXM4-40GB', 'NVIDIA H100 80GB HBM3'])
def test_a_faster_device_takes_less_time(device):
    "Seconds of a step by the data sheet: never less than the weights take to be read, one time for each token."
    cfg, facts = load_config(GEMMA), find_device(device)
    made = forecast(cfg, device=device, memory=15e9)
    read = cfg.train.max_completion_length * made.phases['loss']['weights'] / facts['bandwidth']
    assert read < made.pace.step < 200 * read
    slower = forecast(cfg, device='Tesla T4', memory=15e9)
    assert made.pace.step <= slower.pace.step


def test_a_generation_that_serves_three_steps_is_a_third_of_each():
    one, three = (forecast(load_config(GEMMA, *more), device='H100', memory=80e9).pace.parts['generate']
                  for more in ([], ['train.max_steps=900', '+train.grpo.num_iterations=3']))
    cfg = load_config(GEMMA)
    generating = generating_seconds(read_shape(known_shapes()['gemma-3-1b']), cfg, 2, find_device('H100'))
    assert (one, three) == pytest.approx((generating, generating / 3))


def test_it_says_what_it_does_not_know(tmp_path):
    unknown = forecast(load_config(GEMMA, 'model.model_name_or_path=nobody/nothing'))
    assert (
        unknown.total is None
        and unknown.parts == {}
        and 'memory unknown' in str(unknown)
        and unknown.work['completions'] > 0
    )
    assert (
        forecast(load_config()).seconds is None
        and forecast(load_config(), seconds_per_step=0.5).seconds == 0.5 * load_config().train.max_steps
    )
    with pytest.raises(ConfigError, match='n_shared_experts'):
        read_shape({**TINY, 'num_experts': 8, 'n_shared_experts': 1})
    with pytest.raises(ConfigError, match='num_hidden_layers'):
        read_shape({'hidden_size': 1, 'intermediate_size': 1, 'num_attention_heads': 1, 'vocab_size': 1})


def test_liger_never_holds_the_logits():
    cfg = load_config(GEMMA, '+train.grpo.use_liger_kernel=true')
    assert logits_bytes(read_shape(TINY), cfg, 2) == 0


def test_a_forecast_imports_no_torch():
    code = ("import sys; from rlvr_nb.config import load_config; from rlvr_nb.forecast import forecast; "
            "forecast(load_config()); print('torch' in sys.modules)")
    assert (
        subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip()
        == 'False'
    )
