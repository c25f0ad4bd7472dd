"""Does the library work on this GPU? Whole runs through the command line, a few steps each, with small random models.

    python tests/gpu/run_gpu.py                      every case that this machine can run
    python tests/gpu/run_gpu.py lora unsloth_4bit    these cases
    python tests/gpu/run_gpu.py --list               what there is
    python tests/gpu/run_gpu.py --cpu                on the CPU, the cases that make sense there
    python tests/gpu/run_gpu.py --jobs 4             so many cases side by side; their speeds then mean little
    python tests/gpu/run_gpu.py --gpus 4             so many cases side by side, each on a GPU of its own
    python tests/gpu/run_gpu.py --timeout 300        seconds allowed to a case (600 unless given)
    python tests/gpu/run_gpu.py --keep runs          keep the run directories in the folder runs

It needs the package, and for the cases of those names bitsandbytes and unsloth; no network. Models are made here with
random weights, so that what is tested is the machinery: training changes the completions, the saved folder gives them
back exactly, a stopped run goes on, every completion is recorded. The `size` cases measure speed with the shape of
Gemma 3 1B, and run when named.

The `forecast_` cases train models of real sizes for a few steps, every completion at its longest, and print the
forecast beside the measured peak and time: `python tests/gpu/run_gpu.py forecasts` runs all of them and fails where the
memory is off by more than a tenth, or more than a twentieth too low. They too run only when named.

Every case is a process of its own and prints one line of JSON: the case, ok or the error, seconds in all, tokens
generated per second in the last step, peak GiB of GPU memory, and what the case adds. The exit status is the number
of cases that failed.
"""
import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from queue import Empty, Queue

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT/'tests')]

SMALL = dict(
    hidden_size=256,
    intermediate_size=512,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=64,
    vocab_size=128,
    initializer_range=0.08,
)
MODELS = dict(
    llama=('llama', SMALL),
    gemma3=(
        'gemma3',
        SMALL | dict(sliding_window=64, query_pre_attn_scalar=64, initializer_range=0.02, tie_word_embeddings=False),
    ),
    gemma3_1b=(
        'gemma3',
        dict(
            hidden_size=1152,
            intermediate_size=6912,
            num_hidden_layers=26,
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=256,
            query_pre_attn_scalar=256,
            sliding_window=512,
            vocab_size=262144,
            max_position_embeddings=32768,
        ),
    ),
)
KNOWN = {
    'smollm2_135m': ('llama', 'smollm2-135m'),
    'qwen25_05b': ('qwen2', 'qwen2.5-0.5b'),
    'gemma3_1b_known': ('gemma3', 'gemma-3-1b'),
    'qwen25_15b': ('qwen2', 'qwen2.5-1.5b'),
    'llama32_3b': ('llama', 'llama-3.2-3b'),
}   # real sizes, from the list that the forecast knows

def shape_of(kind):
    "An architecture and the sizes of its configuration."
    if kind in MODELS: return MODELS[kind]
    from rlvr_nb.architecture import known_shapes
    architecture, name = KNOWN[kind]
    unasked = 'model_type', 'sliding_window_pattern'
    shape = {k: v for k, v in known_shapes()[name].items() if k not in unasked}
    if architecture == 'gemma3': shape['query_pre_attn_scalar'] = shape['head_dim']   # as Gemma 3 1B has it
    return architecture, shape | dict(
        max_position_embeddings=32768, initializer_range=0.02
    )  # as a real model begins: with larger weights the numbers of a deep one grow until rounding decides


# Random models never answer right, so the reward is one that they do earn now and then.
PLUGIN = '''from rlvr_nb.rewards import reward
@reward("vowels", category="custom")
def vowels(parsed, gold): return float(sum(c in "aeiou" for c in parsed.text))

@reward("alternate", category="custom")
def alternate(completions, **kwargs): return [float(i % 2) for i in range(len(completions))]
'''
RECIPE = [
    'reward.reward_functions=[{category: custom, type: vowels}]',
    'data_component=gsm8k',
    'model.max_seq_length=1024',
    'train.max_prompt_length=900',
    'train.max_completion_length=24',
    'train.max_steps=3',
    'train.learning_rate=3e-2',
    'train.per_device_train_batch_size=8',
    'train.num_generations=4',
    'train.logging_steps=1',
    'train.save_steps=0',
    'eval.eval_num_samples=8',
    'eval.eval_max_new_tokens=24',
    'eval.eval_batch_size=8',
    'eval.eval_steps=0',
    'model.lora_config.lora_alpha=64',
]

CASES = {}
def case(where='any', needs=(), model='llama', named=False):
    "Register a case: where it runs, the packages it needs, its model of MODELS, whether it runs only when named."

    def register(f):
        CASES[f.__name__] = dict(run=f, where=where, needs=needs, model=model, named=named, about=f.__doc__)
        return f
    return register


# ---- what the cases share

class Place:
    "A folder with a model, made-up rows of GSM8K's form, and a reward."
    def __init__(self, folder, model, train_rows=64):
        self.folder, self.model = Path(folder), model
        self.folder.mkdir(parents=True)
        (self.folder/'data').mkdir()
        for split, n in (('train', train_rows), ('test', 8)):
            rows = [
                dict(
                    question=f'Ann has {i} pens and buys {i + 2} more. How many has she?',
                    answer=f'{i}+{i + 2}=<<{i}+{i + 2}={2 * i + 2}>>{2 * i + 2}\n#### {2 * i + 2}',
                )
                for i in range(n)
            ]
            (self.folder/'data'/f'{split}.jsonl').write_text('\n'.join(map(json.dumps, rows)))
        (self.folder/'vowels.py').write_text(PLUGIN)

    def words(self, *overrides, run='run'):
        "The words of a command line."
        return [
            '--plugin',
            str(self.folder / 'vowels.py'),
            *RECIPE,
            f'data.dataset_path={self.folder / "data"}',
            f'model.model_name_or_path={self.model}',
            *overrides,
            f'run_dir={self.folder / run}',
        ]

    def command(self, *overrides, run='run'):
        "Run the command line in this process; returns the run directory."
        from rlvr_nb.cli import main
        status = main(self.words(*overrides, run=run))
        assert status == 0, f'the command line ended with status {status}'
        return opened(self.folder/run)

def opened(path):
    from rlvr_nb.tracking import RunDir
    return RunDir.open(path)

def facts(run):
    "Speed, memory and the reward of each step, from the run's own record."
    steps = [m for m in run.metrics() if 'reward' in m]
    return dict(
        tokens_per_second=round(steps[-1]['tokens/per_second']),
        peak_gib=round(max(m['memory/gib'] for m in steps), 3),
        seconds_per_step=[round(m['step_time'], 2) for m in steps],
        rewards=[round(m['reward'], 2) for m in steps],
    )

def trained(run, steps=3, per_step=8):
    "Check that a run is complete and has learned something; returns its facts."
    result, recorded, evaluations = run.read_result(), run.read_completions(), run.evaluations()
    assert result['status'] == 'finished' and result['steps'] == steps, result
    assert [m['step'] for m in run.metrics() if 'reward' in m] == list(range(1, steps + 1))
    assert len(recorded) == steps * per_step, f'{len(recorded)} completions recorded, not {steps * per_step}'
    assert all(len({r['prompt'] for r in recorded[i : i + 4]}) == 1 for i in range(0, len(recorded), 4)), (
        'a group mixes prompts'
    )
    assert texts(evaluations['before']['gsm8k']) != texts(evaluations['after']['gsm8k']), 'the training changed nothing'
    return facts(run)

def texts(evaluation): return [r['completion'] for r in evaluation.rows]

def gives_back(run):
    "Check that the saved folder, loaded again, completes the evaluation's prompts with the very same texts."
    from rlvr_nb.pipeline import Pipeline
    again, after = texts(Pipeline.evaluate(run.path)['gsm8k']), texts(run.evaluations()['after']['gsm8k'])
    same = sum(a == b for a, b in zip(again, after))
    assert again == after, f'{same} of {len(after)} completions are the same after loading the saved folder'

def whole(place, *overrides):
    "A run from end to end, and its saved folder loaded again."
    run = place.command(*overrides)
    found = trained(run)
    gives_back(run)
    return found

TRANSFORMERS, UNSLOTH = 'model.backend=transformers', 'model.backend=unsloth'


# ---- transformers

@case()
def precision(place):
    "train.bf16 null means what the hardware can: bfloat16 on this GPU, for weights, computation and trainer."
    import torch
    from rlvr_nb.config import load_config
    from rlvr_nb.model import DefaultModelComponent, hardware
    from rlvr_nb.training import hardware_arguments
    hw = hardware()
    wanted = (
        torch.float32
        if hw.device == 'cpu'
        else torch.bfloat16
        if torch.cuda.get_device_capability()[0] >= 8
        else torch.float16
    )
    cfg = load_config(f'model.model_name_or_path={place.model}', TRANSFORMERS)
    model, _ = DefaultModelComponent(cfg.model, bf16=cfg.train.bf16).load()
    formats = {('adapter' if 'lora_' in name else 'base'): p.dtype for name, p in model.named_parameters()}
    assert cfg.train.bf16 is None and formats == dict(base=wanted, adapter=torch.float32), formats
    arguments = hardware_arguments(hw, None)
    assert (arguments['bf16'], arguments['fp16']) == (wanted == torch.bfloat16, wanted == torch.float16), arguments
    return dict(formats={k: str(v) for k, v in formats.items()}, device=hw.name)

@case()
def lora(place):
    "A Llama with an adapter, evaluated before, during and after."
    run = place.command(TRANSFORMERS, 'eval.eval_steps=1')
    assert set(run.evaluations()) == {'before', 'step-1', 'step-2', 'after'}, set(run.evaluations())
    found = trained(run)
    gives_back(run)
    return found

@case(model='gemma3')
def gemma3(place):
    "A Gemma 3, whose layers see a window."
    return whole(place, TRANSFORMERS)

@case()
def full(place):
    "All weights trained, held in float32."
    return whole(place, TRANSFORMERS, 'model.lora_config.use_lora=false', 'train.learning_rate=1e-3')

@case(where='cuda', needs=('bitsandbytes',))
def four_bit(place):
    "An adapter on 4-bit weights."
    return whole(place, TRANSFORMERS, 'model.load_in_4bit=true')

@case(where='cuda', needs=('bitsandbytes',))
def eight_bit(place):
    "An adapter on 8-bit weights."
    return whole(place, TRANSFORMERS, 'model.load_in_8bit=true')

@case()
def merged(place):
    "Merged weights load without an adapter."
    run = place.command(TRANSFORMERS, 'model.save_merged=true')
    trained(run)
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(run.model/'merged')
    assert not hasattr(model, 'peft_config')
    return facts(run)

@case()
def accumulation(place):
    "Two batches for each optimizer step; every completion is recorded."
    run = place.command(TRANSFORMERS, 'train.gradient_accumulation_steps=2')
    return trained(run, per_step=16)

def stopped_and_resumed(place, *overrides):
    from rlvr_nb.cli import main
    from rlvr_nb.config import load_config
    from rlvr_nb.pipeline import Pipeline
    from rlvr_nb.tracking import Observer
    from rlvr_nb.training import TrainingControl
    control = TrainingControl()
    class StopAtTwo(Observer):
        def step(self, step, total, metrics):
            if step == 2: control.stop()
    words = place.words('train.max_steps=4', 'train.save_steps=1', *overrides)
    exec(PLUGIN, {})
    first = Pipeline(load_config(*words[2:]), control, observers=(StopAtTwo(),)).run()
    assert first.status == 'stopped' and first.steps == 2, first
    status = main(['--resume', str(place.folder/'run')])
    assert status == 0, f'--resume ended with status {status}'
    return trained(opened(place.folder/'run'), steps=4)

@case()
def resume(place):
    "A run stopped after two of four steps goes on from its checkpoint."
    return stopped_and_resumed(place, TRANSFORMERS)

def state_of_loop(run, step):
    "What the loop of a run had come to at a checkpoint, and its random numbers."
    import torch
    from transformers.trainer_pt_utils import safe_globals
    folder = run.checkpoints/f'checkpoint-{step}'
    with safe_globals():
        loop, drawn = (
            torch.load(folder / name, map_location='cpu', weights_only=True)
            for name in ('loop_state_0.pt', 'rng_state.pth')
        )
    return {name: loop[name] for name in ('step', 'skipped', 'sampler', 'own')} | dict(drawn=drawn)

def same(a, b):
    "Whether two nested states are equal, tensors and arrays bit by bit."
    import numpy
    import torch
    if type(a) is not type(b): return False
    if isinstance(a, dict): return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, (list, tuple)): return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, torch.Tensor): return torch.equal(a, b)
    return numpy.array_equal(a, b) if isinstance(a, numpy.ndarray) else a == b

def adapter_of(run):
    from safetensors.torch import load_file
    return load_file(run.model/'adapter_model.safetensors')

def distance(a, b): return sum(float((a[name] - b[name]).float().pow(2).sum()) for name in a) ** .5

def alike(a, b, step):
    "How many completions of a step two runs have in common."
    pairs = zip(a.read_completions(), b.read_completions(), strict=True)
    return sum(x['completion'] == y['completion'] for x, y in pairs if x['step'] == step)

def beside_whole(place, *overrides):
    """The resumed run in `run` beside one with the same settings that never ended early: the same prompts in the same
    order, the same position of the sampler and the same random numbers. On a CPU the weights are the same. A GPU adds
    in another order each time, so there a third run, whole like the second, shows how far two of them are apart: the
    resumed one may differ by three times as much, or by a tenth of what the last step changed."""
    import torch
    def whole_run(name): return place.command('train.max_steps=4', 'train.save_steps=1', *overrides, run=name)
    resumed, whole = opened(place.folder/'run'), whole_run('whole')
    asked = [[(r['step'], r['group'], r['prompt']) for r in run.read_completions()] for run in (resumed, whole)]
    assert asked[0] == asked[1], 'other prompts, or in another order'
    mine, theirs = (state_of_loop(run, 4) for run in (resumed, whole))
    other = [name for name in theirs if not same(mine[name], theirs[name])]
    assert not other, f'not what they are in a run without interruption: {", ".join(other)}'
    from safetensors.torch import load_file
    half = load_file(whole.checkpoints/'checkpoint-3'/'adapter_model.safetensors')
    apart, moved = distance(adapter_of(resumed), adapter_of(whole)), distance(half, adapter_of(whole))
    notes = [e['text'] for e in resumed.read_events('note')]
    first, of = alike(resumed, whole, 3), sum(step == 3 for step, _, _ in asked[0])
    found = dict(same_in_third_step=first, of=of, apart=apart, last_step_moved=moved, sampler_state='same')
    if not torch.cuda.is_available():
        assert apart == 0 and first == of and not any('within noise' in text for text in notes), found
        return found
    again = whole_run('again')
    noise, usual = distance(adapter_of(again), adapter_of(whole)), alike(again, whole, 3)
    found |= dict(two_whole_runs_apart=noise, two_whole_runs_same_in_it=usual)
    assert apart <= max(.1 * moved, 3 * noise), found
    assert first >= min(.75 * of, usual), found
    assert any('equal within noise' in text for text in notes), notes
    return found

def resumed_beside_whole(place, *overrides):
    "A run stopped after two of four steps and resumed, beside a whole one."
    return stopped_and_resumed(place, TRANSFORMERS, *overrides) | beside_whole(place, TRANSFORMERS, *overrides)

@case()
def resume_bf16(place):
    "A resumed run beside a whole one, in bfloat16 (float32 on a CPU)."
    return resumed_beside_whole(place)

@case(where='cuda')
def resume_fp16(place):
    "A resumed run beside a whole one, in float16 as on a GPU without bfloat16; its scaler is part of the checkpoint."
    from importlib import import_module
    from rlvr_nb import tiny
    for name in ('cli', 'pipeline', 'evaluation'): import_module(f'rlvr_nb.{name}')  # annotations name the class
    known = tiny.Hardware
    tiny.Hardware = lambda device, name, bf16, *more: known(device, name, False, *more)
    try: found = resumed_beside_whole(place)
    finally: tiny.Hardware = known
    import torch
    scalers = [
        torch.load(place.folder / name / 'checkpoints/checkpoint-4/scaler.pt', weights_only=True)
        for name in ('run', 'whole')
    ]
    assert scalers[0] == scalers[1], scalers
    return found | dict(scale=scalers[0]['scale'])

@case()
def resume_accumulated(place):
    "A resumed run beside a whole one, with two passes in a step."
    return resumed_beside_whole(
        place, 'train.gradient_accumulation_steps=2', 'train.per_device_train_batch_size=4'
    )

def killed_in_second_step(plugin, overrides):
    "Run in this process, and kill it where the second step is done and not yet saved."
    import signal
    from rlvr_nb.config import load_config
    from rlvr_nb.jobs import load_plugin
    from rlvr_nb.pipeline import Pipeline
    from rlvr_nb.tracking import Observer
    class KillsAtTwo(Observer):
        def step(self, step, total, metrics):
            if step == 2: os.kill(os.getpid(), signal.SIGKILL)
    load_plugin(plugin)
    Pipeline(load_config(*overrides), observers=(KillsAtTwo(),)).run()

@case()
def resume_killed(place):
    "A run killed by SIGKILL between two steps on the same completions and resumed, beside a whole one."
    from multiprocessing import get_context
    from rlvr_nb.cli import main
    steps = 'train.max_steps=4', 'train.save_steps=1', 'train.grpo.num_iterations=2', TRANSFORMERS
    _, plugin, *overrides = place.words(*steps)
    child = get_context('spawn').Process(target=killed_in_second_step, args=(plugin, overrides))
    child.start()
    child.join()
    assert child.exitcode == -9, f'the process to be killed ended with {child.exitcode}'
    run = place.folder/'run'
    assert not (run/'result.json').exists() and not (run/'checkpoints/checkpoint-2').exists()
    status = main(['--plugin', plugin, '--resume', str(run)])
    assert status == 0, f'--resume ended with status {status}'
    resumed = opened(run).read_events('resume')[-1]['step']
    assert resumed == 1, f'resumed from step {resumed}'
    return facts(opened(run)) | beside_whole(place, *steps)

@case()
def builtin(place):
    "The default run: the built-in model learns to carry."
    from rlvr_nb.cli import main
    status = main([f'run_dir={place.folder}/run'])
    assert status == 0, f'the command line ended with status {status}'
    run = opened(f'{place.folder}/run')
    result = run.read_result()
    before, after = (result[when]['arithmetic']['accuracy'] for when in ('before', 'after'))
    found = dict(before=before, after=after, stages=result['seconds'], **facts(run))
    found['rewards'], found['seconds_per_step'] = found['rewards'][::20], found['seconds_per_step'][::20]
    assert after >= 0.95 and after - before >= 0.6, found
    return found


# ---- unsloth

@case(where='cuda', needs=('unsloth',))
def unsloth_lora(place):
    "A Llama with an adapter."
    return whole(place, UNSLOTH)

@case(where='cuda', needs=('unsloth',), model='gemma3')
def unsloth_gemma3(place):
    "A Gemma 3 with an adapter, evaluated before, during and after."
    run = place.command(UNSLOTH, 'eval.eval_steps=2')
    assert set(run.evaluations()) == {'before', 'step-2', 'after'}, set(run.evaluations())
    found = trained(run)
    gives_back(run)
    return found

@case(where='cuda', needs=('unsloth', 'bitsandbytes'))
def unsloth_4bit(place):
    "An adapter on 4-bit weights."
    return whole(place, UNSLOTH, 'model.load_in_4bit=true')

@case(where='cuda', needs=('unsloth', 'bitsandbytes'))
def unsloth_8bit(place):
    "An adapter on 8-bit weights."
    return whole(place, UNSLOTH, 'model.load_in_8bit=true')

@case(where='cuda', needs=('unsloth', 'vllm'))
def unsloth_vllm(place):
    "An adapter through unsloth, whose vLLM shares the weights, generates and evaluates; the proof is recorded."
    run = place.command(UNSLOTH, 'train.rollout=vllm')
    found = trained(run)
    first = run.metrics()[0]
    assert first['sampler/adapted_layers'] > 0 and first['sampler/divergence'] < .1, first
    return found | dict(divergence=first['sampler/divergence'])

@case(where='cuda', needs=('unsloth', 'vllm', 'bitsandbytes'))
def unsloth_vllm_4bit(place):
    "The same with 4-bit weights."
    return trained(place.command(UNSLOTH, 'train.rollout=vllm', 'model.load_in_4bit=true'))

@case(where='cuda', needs=('unsloth',))
def unsloth_full(place):
    "All weights trained, held in float32."
    return whole(place, UNSLOTH, 'model.lora_config.use_lora=false', 'train.learning_rate=1e-3')

@case(where='cuda', needs=('unsloth',))
def unsloth_auto(place):
    "backend=auto takes transformers, also where unsloth is installed; two batches for each optimizer step."
    run = place.command('train.gradient_accumulation_steps=2')
    assert 'unsloth' not in sys.modules, 'backend=auto took unsloth'
    return trained(run, per_step=16)

@case(where='cuda', needs=('unsloth',))
def unsloth_resume(place):
    "A run stopped after two of four steps goes on from its checkpoint."
    return stopped_and_resumed(place, UNSLOTH)


# ---- several GPUs, and speed

def on_two(place, runs, port):
    "Start each run as two processes of torchrun: one run directory, every completion once."
    found = {}
    for name, arguments in runs.items():
        start = time.perf_counter()
        done = subprocess.run(
            [
                sys.executable,
                '-m',
                'torch.distributed.run',
                '--nproc_per_node=2',
                f'--master_port={port}',
                str(ROOT / 'run_pipeline.py'),
                *arguments,
            ],
            cwd=place.folder,
            capture_output=True,
            text=True,
            timeout=280,
        )
        print(done.stdout, done.stderr)
        assert done.returncode == 0, [
            line for line in done.stderr.splitlines() if 'process 1: ' in line or 'Error' in line
        ][:5]
        run = opened(place.folder/name)
        result, recorded = run.read_result(), run.read_completions()
        assert result['status'] == 'finished' and result['steps'] == 3, result
        assert len(recorded) == 3 * (16 if name == 'builtin' else 8), len(recorded)
        assert run.read_manifest()['world_size'] == 2
        found[name] = dict(seconds=round(time.perf_counter() - start, 1), **facts(run))
    return dict(peak_gib=max(f['peak_gib'] for f in found.values()), **found)

@case(where='cuda2')
def two_processes(place):
    "torchrun with two processes, the built-in model and an adapter."
    return on_two(
        place,
        {
            'builtin': [
                'train.per_device_train_batch_size=8',
                'train.max_steps=3',
                'eval.eval_num_samples=16',
                f'run_dir={place.folder}/builtin',
            ],
            'lora': place.words(TRANSFORMERS, 'train.per_device_train_batch_size=4', run='lora'),
        },
        29531,
    )

@case(where='cuda2', needs=('unsloth',))
def unsloth_two_processes(place):
    "The same with an adapter through unsloth."
    return on_two(place, {'lora': place.words(UNSLOTH, 'train.per_device_train_batch_size=4', run='lora')}, 29541)

def agree(mine):
    "What each of two processes found in tests/two_processes.py: both the same, resumed parts as the whole ones."
    here, there = mine
    apart = [name for name in here if name != 'killed' and here[name]['weights'] != there[name]['weights']]
    assert not apart, f'the processes ended with other weights: {", ".join(apart)}'
    steps = {name: found['steps'] for name, found in here.items() if name != 'killed'}
    assert steps == {name: 2 if name == 'stopped' else 5 for name in steps}, steps
    assert here['killed'] == [2, 1] and here['resumed']['log'][0][0] == 3, here['killed']
    assert here['stopped']['newest'] == 2 and 'stopped in step 3' in here['stopped']['noted'][0][1], here['stopped']
    batches = {name: {k: here[name]['batches'][k] for k in ('micro', 'accumulation', 'parts')}
               for name in ('halved', 'parted', 'backward')}
    small = dict(micro=2, accumulation=4, parts=1)
    assert batches == dict(halved=small, parted=dict(micro=4, accumulation=2, parts=2), backward=small), batches
    resumed = {name: found for name, found in here.items() if name.startswith(('from', 'resumed', 'stopped, '))}
    assert all(found['draw'] == here['whole']['draw'] for name, found in resumed.items() if 'all' not in name)
    return {name: found['apart'] for name, found in here.items() if 'apart' in found}

@case(where='cuda2')
def two_resume(place):
    "Two processes over NCCL: killed and resumed, stopped by one of them, and memory that runs out in one of them."
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2',
               str(ROOT/'tests/two_processes.py'), str(place.folder), '--gpus']
    subprocess.run(command, check=True, timeout=280)  # its lines go into this case's log
    apart = agree([json.loads((place.folder/f'found-{rank}.json').read_text()) for rank in (0, 1)])
    for noise, names in (('again', ('from 1', 'from 3', 'from 4', 'resumed', 'stopped, resumed')),
                         ('again, all weights', ('from 2, all weights',))):
        far = [name for name in names if apart[name] > max(3 * apart[noise], 1e-2)]
        assert not far, f'further from the whole run than two whole runs are: {far}, {apart}'
    return dict(apart={name: round(value, 6) for name, value in apart.items()})

@case(where='cuda2')
def two_killed(place):
    "One of two processes over NCCL is killed by SIGKILL while it scores; the other ends, and the run is resumed."
    from test_processes import KILLS
    (place.folder/'kills.py').write_text(KILLS)
    words = ['run_dir=run', 'reward.reward_functions=[{category: custom, type: kills}]', 'train.max_steps=3',
             'train.per_device_train_batch_size=4', 'train.num_generations=4', 'train.save_steps=1',
             'eval.enabled=false', 'observers=[]']
    def together(*words):
        command = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2',
                   str(ROOT/'run_pipeline.py'), '--plugin', 'kills.py', *words]
        start = time.perf_counter()
        done = subprocess.run(command, cwd=place.folder, timeout=140)
        print(f'status {done.returncode} after {time.perf_counter() - start:.1f} s', flush=True)
        return done.returncode, time.perf_counter() - start
    status, seconds = together(*words)
    assert (place.folder/'killed').exists() and status, status
    run = opened(place.folder/'run')
    left = run.status()
    status, _ = together('--resume', 'run')
    assert status == 0, f'--resume ended with status {status}'
    assert run.read_events('resume')[-1]['step'] == 2 and run.read_result()['steps'] == 3
    return dict(left_as=left, seconds_until_both_ended=round(seconds, 1))

def at_size(place, *overrides):
    run = place.command(
        'train.per_device_train_batch_size=16',
        'train.num_generations=16',
        'train.max_completion_length=256',
        'model.max_seq_length=1536',
        'train.learning_rate=5e-6',
        'eval.enabled=false',
        *overrides,
    )
    return facts(run)

@case(where='cuda', model='gemma3_1b', named=True)
def size(place):
    "Speed with the shape of Gemma 3 1B, 16 completions of up to 256 tokens a step."
    return at_size(place, TRANSFORMERS)

@case(where='cuda', needs=('unsloth',), model='gemma3_1b', named=True)
def unsloth_size(place):
    "The same through unsloth."
    return at_size(place, UNSLOTH)


# ---- the forecast beside what was measured

def longest_prompt(run, model):
    "Tokens of the longest prompt that the run has put to the model."
    from transformers import AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(model)
    return max(len(tokenizer(str(r['prompt']), add_special_tokens=False)['input_ids']) for r in run.read_completions())

class Moments:
    "What each moment of a run has to do with the memory of the GPU, and its seconds."
    def __init__(self):
        self.stack, self.peaks, self.seconds, self.since = ['between'], {}, {}, time.perf_counter()
        self.entered, self.left, self.plans, self.reserved, self.apart = {}, {}, [], 0, None

    def turn(self):
        "Write down what the moment at work has come to, and begin to measure anew; the bytes that are allocated."
        import torch
        torch.cuda.synchronize()
        name, now = self.stack[-1], time.perf_counter()
        self.peaks[name] = max(self.peaks.get(name, 0), torch.cuda.max_memory_allocated())
        self.seconds[name] = self.seconds.get(name, 0.) + now - self.since
        self.reserved = max(self.reserved, torch.cuda.max_memory_reserved())
        torch.cuda.reset_peak_memory_stats()
        self.since = now
        return torch.cuda.memory_allocated()

    def watch(self, owner, method, name):
        "Call a method of a class as a moment of its own; within an evaluation everything is evaluation."
        usual = getattr(owner, method)
        def watched(*args, **kwargs):
            entered = self.turn()
            self.stack.append('evaluation' if 'evaluation' in self.stack else name)
            try: return usual(*args, **kwargs)
            finally:
                left, moment = self.turn(), self.stack.pop()
                self.entered[moment] = max(entered, self.entered.get(moment, 0))
                self.left[moment] = max(left, self.left.get(moment, 0))
        setattr(owner, method, watched)

    def hear_plans(self):
        "Keep what the run knew when it decided on its activations."
        from rlvr_nb import passes
        usual = passes.plan_update
        def plan_update(free, owed, a_token, layers, row):
            made = usual(free, owed, a_token, layers, row)
            self.plans.append(dict(free=free, owed=owed, a_token=a_token, row=row, pass_tokens=made.pass_tokens))
            return made
        passes.plan_update = plan_update

    def hear_proofs(self):
        "Keep how far sampler and trainer are apart, along the completion too; memory is measured whatever it says."
        from rlvr_nb import updates
        usual, updates.FAR_APART = updates.sampler_difference, 10.
        def difference(ours, theirs, mask):
            gap = ((ours.float() - theirs.float()) * mask).nan_to_num()
            parts = [(gap[:, at:at + 64].sum() / mask[:, at:at + 64].sum().clamp(min=1)).item()
                     for at in range(0, gap.shape[1], 64)]
            self.apart = dict(divergence=usual(ours, theirs, mask)[2], by_64_tokens=[round(p, 4) for p in parts])
            return usual(ours, theirs, mask)
        updates.sampler_difference = difference

def watched_moments():
    "Moments that watch generation, loss, backward pass, step of the optimizer and evaluation."
    from accelerate import Accelerator
    from accelerate.optimizer import AcceleratedOptimizer
    from rlvr_nb.evaluation import DefaultEvaluationComponent
    from rlvr_nb.rollout import RolloutEngine
    from rlvr_nb.trainer import Watched
    moments = Moments()
    for owner, method, name in ((RolloutEngine, 'generate_ids', 'generation'), (Watched, '_generate', 'generation'),
                                (Watched, 'compute_loss', 'loss'), (Accelerator, 'backward', 'backward'),
                                (AcceleratedOptimizer, 'step', 'step'),
                                (DefaultEvaluationComponent, 'run', 'evaluation')):
        moments.watch(owner, method, name)
    moments.hear_plans()
    moments.hear_proofs()
    return moments

def in_gib(sizes): return {name: round(size / 2**30, 3) for name, size in sizes.items()}

MIXED = 'eval.enabled=false', 'model.max_seq_length=1536', 'train.max_steps=4', 'train.bf16=true'

def forecast_beside(place, backend, *overrides):
    "Train four steps; what was forecast for the prompts as they were, and what was measured."
    from rlvr_nb.config import load_file
    from rlvr_nb.fit import fit_advice, with_changes
    from rlvr_nb.forecast import forecast
    from rlvr_nb.model import hardware

    moments = watched_moments()
    run = place.command(
        backend,
        'reward.reward_functions=[{category: custom, type: alternate}]',
        'train.learning_rate=1e-5',
        *MIXED,
        *overrides,
    )
    moments.turn()
    cfg = load_file(run.config)
    cfg = with_changes(cfg, {'train.max_prompt_length': longest_prompt(run, place.model)})
    hw, found = hardware(), facts(run)
    made = forecast(cfg, device=hw.name, memory=hw.memory)
    measured = max(moments.peaks.values())
    ratio = made.total / measured
    parts = seconds_of_parts(run)
    print(made)
    facts_beside = dict(
        ratio=round(ratio, 3),
        forecast_gib=round(made.total / 2**30, 3),
        peak_gib=round(measured / 2**30, 3),
        reserved_gib=round(moments.reserved / 2**30, 3),
        peak_is=made.peak,
        moments_forecast=in_gib({m: sum(p.values()) for m, p in made.phases.items()}),
        moments_measured=in_gib(moments.peaks),
        entered=in_gib(moments.entered),
        left=in_gib(moments.left),
        plan_forecast=vars(made.plan),
        plans=moments.plans,
        apart=moments.apart,
        parts={moment: in_gib(parts) for moment, parts in made.phases.items()},
        prompt_tokens=cfg.train.max_prompt_length,
        seconds_forecast=made.pace.parts,
        seconds_measured=parts,
        seconds_between=made.pace.between('step'),
        seconds_moments={name: round(s, 2) for name, s in moments.seconds.items()},
        seconds_per_step=found['seconds_per_step'],
        tokens_per_second=found['tokens_per_second'],
        told=[e['text'] for e in run.read_events('note') if e['text'].startswith('Updates: ')],
        advice=fit_advice(cfg, hw.memory, device=hw.name),
    )
    for line in beside_lines(facts_beside): print(TABLE + line)
    assert .95 <= ratio <= 1.10, json.dumps(facts_beside)
    return facts_beside

TABLE = 'RUN_GPU_TABLE '

def seconds_of_parts(run):
    "Seconds of each part of a step, by the run's own clock: the mean of all steps but the first."
    from rlvr_nb.clock import STEP_PARTS, seconds_name
    later = [m for m in run.metrics() if 'step_time' in m][1:]
    return {part: sum(m[seconds_name(part)] for m in later) / len(later) for part in STEP_PARTS}

def seconds_line(found):
    "Forecast and measured seconds of a step, and of each of its parts."
    made, measured = found['seconds_forecast'], found['seconds_measured']
    whole, real = sum(made.values()), sum(measured.values())
    low, high = found['seconds_between'] or (0, 0)
    parts = '; '.join(f'{part} {made.get(part, 0):.2f} / {measured[part]:.2f}' for part in measured)
    inside = 'inside' if low <= real <= high else 'OUTSIDE'
    return f'seconds a step: {whole:.2f} / {real:.2f} = {whole / real:.2f}, {inside} {low:.2f} to {high:.2f}; {parts}'

def beside_lines(found):
    "A few lines on what was forecast and measured, GiB and seconds."
    made, measured = found['moments_forecast'], found['moments_measured']
    ends = f"{found['forecast_gib']:.2f} / {found['peak_gib']:.2f} = {found['ratio']:.3f}"
    pairs = [f'{m} {made[m]:.2f} / {measured[m]:.2f} = {made[m] / measured[m]:.3f}' for m in made if measured.get(m)]
    other = [f'{m} {size:.2f}' for m, size in measured.items() if m not in made]
    held = [f"{m} {found['entered'][m]:.2f} -> {found['left'][m]:.2f}" for m in found['entered']]
    parts = {m: {k: round(v, 2) for k, v in p.items() if v >= .005} for m, p in found['parts'].items()}
    return [f'forecast / measured: {ends} GiB; prompts {found["prompt_tokens"]} tokens', seconds_line(found),
            '; '.join([*pairs, *other, f"reserved {found['reserved_gib']:.2f}"]),
            f"allocated before and after: {'; '.join(held)}",
            *(f'{moment}: {sizes}' for moment, sizes in parts.items()),
            f"plan: forecast {found['plan_forecast']}; the run {found['plans']}",
            f"sampler and trainer: {found['apart']}",
            f"seconds: {found['seconds_moments']}; steps {found['seconds_per_step']}", *found['told']]

def of_size(batch, tokens, *more):
    "The overrides of a micro-batch, all of whose completions are of this length."
    sizes = {'per_device_train_batch_size': batch, 'num_generations': 8, 'max_completion_length': tokens}
    return [*(f'train.{name}={value}' for name, value in sizes.items()), *more]

FULL = 'model.lora_config.use_lora=false', 'train.optim_name=adamw_torch'
FORECASTS = {  # the model, and what differs from LoRA by the engine; what tells most comes first
    'smollm2_lora': ('smollm2_135m', of_size(128, 256)),
    'smollm2_full': ('smollm2_135m', of_size(128, 256, *FULL)),
    'qwen25_full': ('qwen25_05b', of_size(32, 256, *FULL)),
    'gemma3_16': ('gemma3_1b_known', of_size(16, 512)),
    'smollm2_evaluated': (
        'smollm2_135m',
        of_size(
            16, 256, 'eval.enabled=true', 'eval.eval_batch_size=512', 'eval.eval_max_new_tokens=128',
            'eval.eval_num_samples=8', 'eval.samples_per_prompt=64',
        ),
    ),
    'gemma3_64': ('gemma3_1b_known', of_size(64, 512)),
    'qwen25_reference': ('qwen25_05b', of_size(16, 256, *FULL, '+train.grpo.beta=0.04')),
    'gemma3_checkpointed': ('gemma3_1b_known', of_size(64, 512, '+train.grpo.gradient_checkpointing=true')),
    'qwen25_15b': ('qwen25_15b', of_size(32, 256)),
    'llama32_3b': ('llama32_3b', of_size(32, 256)),
}

UNSLOTH_FORECASTS = {   # the same through unsloth, which generates and updates with modules of its own
    'unsloth_smollm2': ('smollm2_135m', of_size(128, 256)),
    'unsloth_qwen25_05b': ('qwen25_05b', of_size(16, 512)),
    'unsloth_qwen25_15b': ('qwen25_15b', of_size(32, 256)),
    'unsloth_gemma3': ('gemma3_1b_known', of_size(16, 256)),
}

def forecast_case(name, model, overrides, backend=TRANSFORMERS):
    "Register a case of the forecast."
    def run(place): return forecast_beside(place, backend, *overrides)
    run.__name__, run.__doc__ = f'forecast_{name}', f'Forecast and measured peak: {model}, {" ".join(overrides)}'
    case('cuda', ('unsloth',) if backend == UNSLOTH else (), model, named=True)(run)

for name, (model, overrides) in FORECASTS.items(): forecast_case(name, model, overrides)
for name, (model, overrides) in UNSLOTH_FORECASTS.items(): forecast_case(name, model, overrides, UNSLOTH)


# ---- the processes

MARK = 'RUN_GPU_RESULT '

def build_model(kind, folder):
    "Write a model of MODELS."
    from small_models import build
    import torch
    architecture, shape = shape_of(kind)
    if kind in KNOWN: torch.set_default_dtype(torch.bfloat16)   # as the files of real models are
    return build(architecture, folder, **shape)

def build_apart(kind, folder):
    "The same in a process of its own, so that several are built at once and none keeps a case waiting."
    subprocess.run([sys.executable, __file__, '--build', kind, '--folder', str(folder)], check=True,
                   env=environment(True, None), stderr=subprocess.DEVNULL)
    return folder

def run_case(name, folder, model, waits):
    "Run one case in its own process and print the findings; transformers is imported by the library first."
    if waits:   # for its turn on the GPU, with everything imported
        for module in ('cli', 'training', 'rollout', 'logprobs', 'onetoken'): import_module(f'rlvr_nb.{module}')
        import_module('trl.trainer.grpo_trainer')
        sys.stdin.readline()
    found = CASES[name]['run'](Place(folder, model))
    import torch
    if torch.cuda.is_available(): found.setdefault('peak_gib', round(torch.cuda.max_memory_allocated() / 2**30, 3))
    print('\n' + MARK + json.dumps(found), flush=True)

def why_not(case, cpu):
    "Why a case can't run here, None where it can."
    if cpu and (case['where'] == 'cuda' or 'unsloth' in case['needs']): return 'needs a GPU'
    missing = [p for p in case['needs'] if importlib.util.find_spec(p) is None]
    if missing: return f'needs {", ".join(missing)}'
    if case['where'] == 'cuda2' and not cpu:
        import torch
        if torch.cuda.device_count() < 2: return 'needs two GPUs'

def environment(cpu, gpu):
    "The variables of a case's process, which sees no GPU, one, or those that this process sees."
    quiet = dict(HF_HUB_OFFLINE='1', WANDB_MODE='disabled', TOKENIZERS_PARALLELISM='false')
    quiet |= dict(UNSLOTH_DISABLE_STATISTICS='1')
    seen = dict(CUDA_VISIBLE_DEVICES='') if cpu else {} if gpu is None else dict(CUDA_VISIBLE_DEVICES=str(gpu))
    return os.environ | quiet | seen

class Started:
    "A case in a process of its own, which may have to wait for its turn."
    def __init__(self, name, folder, model, env, waits=False):
        folder.mkdir(parents=True)
        self.name, self.log = name, folder/'log.txt'
        words = ['--case', name, '--folder', str(folder/'case'), '--model', str(model), *(['--waits'] if waits else [])]
        with open(self.log, 'w') as log:
            self.process = subprocess.Popen([sys.executable, __file__, *words], cwd=folder, env=env, text=True,
                                            stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)

    def line(self, timeout):
        "Let it run, at most so many seconds; its line."
        start = time.perf_counter()
        try:
            self.process.communicate('go\n', timeout=timeout)
            status = self.process.returncode
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()   # until then its memory on the GPU is taken
            status = f'no end within {timeout} s'
        text = self.log.read_text(errors='replace')
        for said in text.splitlines():
            if said.startswith(TABLE): print(f'{self.name}: {said.removeprefix(TABLE)}', flush=True)
        result = text.rpartition(MARK)[2].splitlines()[0] if MARK in text else None
        seconds = dict(seconds=round(time.perf_counter() - start, 1))
        if status == 0 and result: return dict(case=self.name, ok=True) | seconds | json.loads(result)
        tail = '\n'.join(t for t in text.strip().splitlines() if not t.startswith(TABLE))[-2500:]
        return dict(case=self.name, ok=False) | seconds | dict(error=f'status {status}: {tail}')

def one_after_another(names, start, timeout):
    "The lines of cases that need a GPU for themselves: the next one imports what it needs while one is at work."
    waiting = None
    for name in [*names, None]:
        now, waiting = waiting, start(name) if name else None
        if now: yield now.line(timeout)

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*')
    for flag in ('--cpu', '--list'): parser.add_argument(flag, action='store_true')
    parser.add_argument('--jobs', type=int, default=1)
    parser.add_argument('--gpus', type=int, default=0)
    parser.add_argument('--timeout', type=int, default=600)
    parser.add_argument('--keep', type=Path)
    parser.add_argument('--case', help=argparse.SUPPRESS)
    parser.add_argument('--build', help=argparse.SUPPRESS)
    parser.add_argument('--waits', action='store_true', help=argparse.SUPPRESS)
    for flag in ('--folder', '--model'): parser.add_argument(flag, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.build: return bool(not build_model(args.build, args.folder))
    if args.case: return run_case(args.case, args.folder, args.model, args.waits)
    if args.list: return print('\n'.join(f'{name:30}{c["about"]}' for name, c in CASES.items()))
    if 'forecasts' in args.names:
        args.names = [n for n in args.names if n != 'forecasts'] + [f'forecast_{name}' for name in FORECASTS]
    if unknown := set(args.names) - set(CASES):
        parser.error(f'no case {", ".join(sorted(unknown))}; there are {", ".join(CASES)}')
    import torch

    if not args.cpu and not torch.cuda.is_available():
        parser.error('PyTorch finds no GPU here; --cpu runs what needs none')
    print(
        json.dumps(
            dict(
                python=sys.version.split()[0],
                device='CPU' if args.cpu else torch.cuda.get_device_name(),
                devices=torch.cuda.device_count(),
                **versions(),
            )
        ),
        flush=True,
    )
    seen = [None] * args.jobs
    if args.gpus:
        seen = (os.environ.get('CUDA_VISIBLE_DEVICES') or ','.join(map(str, range(args.gpus)))).split(',')[:args.gpus]
    names, able = args.names or [name for name, c in CASES.items() if not c['named']], []
    for name in names:
        reason = why_not(CASES[name], args.cpu)
        if reason: print(json.dumps(dict(case=name, skipped=reason)), flush=True)
        else: able.append(name)
    builders, pool = ThreadPoolExecutor(4), ThreadPoolExecutor(len(seen))
    with tempfile.TemporaryDirectory() as scratch, builders, pool:
        folder, left = (args.keep or Path(scratch)).absolute(), Queue()
        kinds = dict.fromkeys(CASES[name]['model'] for name in able)
        models = {kind: builders.submit(build_apart, kind, Path(scratch)/'models'/kind) for kind in kinds}
        for name in able: left.put(name)
        def share(gpu): return [report(line) for line in lines_on(gpu, left, folder, models, args)]
        return sum(not line['ok'] for lines in pool.map(share, seen) for line in lines)

def lines_on(gpu, left, folder, models, args):
    "The lines of the cases that one GPU takes from those that are left."
    env = environment(args.cpu, gpu)
    def start(name):
        model = models[CASES[name]['model']].result()
        return Started(name, folder/name, model, env, waits=bool(args.gpus))
    def names():
        while True:
            try: yield left.get_nowait()
            except Empty: return
    if args.gpus: yield from one_after_another(names(), start, args.timeout)
    else:
        for name in names(): yield start(name).line(args.timeout)

def report(line):
    print(json.dumps(line), flush=True)
    return line

def versions():
    from importlib.metadata import PackageNotFoundError, version
    found = {}
    for package in ('torch', 'transformers', 'trl', 'peft', 'accelerate', 'datasets', 'bitsandbytes', 'unsloth'):
        try: found[package] = version(package)
        except PackageNotFoundError: pass
    return found

if __name__ == '__main__': sys.exit(main())
