"""Two GPUs against one: plain data parallelism by torchrun, and FSDP by `accelerate launch`, in five minutes at most.

    python tests/gpu/two_gpus.py                  everything
    python tests/gpu/two_gpus.py one half two     these runs
    python tests/gpu/two_gpus.py --cpu            what of it works without a GPU, with a very small model

Each run is a command of its own with a time limit of its own and prints one line of JSON. `one` and `two` do the same
work (the same prompts, the same number of completions in a step), `half` is what one process of `two` does, `fsdp`
spreads a model's trained weights over both GPUs with the packaged configuration. Tokens a second are those of whole
steps, from the second step on. What is checked: status, steps, one run directory, every completion once, the same
prompts and rewards in each step. The exit status is the number of checks that failed.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE.parent), str(HERE)]
CONFIG = ROOT/'rlvr_nb/conf/accelerate/fsdp.yaml'
STEPS = 4


def commands(cpu):
    "The runs: how each is started, its overrides, and the seconds that it may take."
    micro, tokens = (2, 8) if cpu else (128, 256)
    sizes = [f'train.max_completion_length={tokens}', f'train.max_steps={STEPS}', 'train.num_generations=4',
             'eval.enabled=false', 'model.max_seq_length=1536', 'train.learning_rate=1e-5',
             'train.optim_name=adamw_torch', 'reward.reward_functions=[{category: custom, type: alternate}]',
             'model.backend=transformers']
    plain, several = [sys.executable], [sys.executable, '-m', 'torch.distributed.run', '--standalone',
                                        '--nproc_per_node=2']
    accelerate = [sys.executable, '-m', 'accelerate.commands.launch', '--config_file', str(CONFIG),
                  '--num_processes', '2']
    def batch(size, passes):
        return [*sizes, f'train.per_device_train_batch_size={size}', f'train.gradient_accumulation_steps={passes}']
    full = ['model.lora_config.use_lora=false', 'eval.enabled=true', f'eval.eval_max_new_tokens={tokens // 2}',
            'train.save_steps=2']
    found = {'one': (plain, batch(micro, 4), 60), 'half': (plain, batch(micro, 2), 50),
             'two': (several, batch(micro, 2), 70),
             'fsdp': (accelerate, [*batch(max(2, micro // 4), 2), *full], 110)}
    return {k: v for k, v in found.items() if k != 'fsdp'} if cpu else found


def started(place, name, launcher, overrides, seconds, cpu):
    "Run a command; how it ended, and the seconds that it took."
    environ = os.environ | dict(HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false', OMP_NUM_THREADS='1',
                                PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]))
    if cpu: environ['CUDA_VISIBLE_DEVICES'] = ''
    elif launcher == [sys.executable]:
        environ['CUDA_VISIBLE_DEVICES'] = os.environ.get('CUDA_VISIBLE_DEVICES', '0').split(',')[0]
    start = time.perf_counter()
    log = place.folder/f'{name}.log'
    with open(log, 'w') as out:
        process = subprocess.Popen([*launcher, str(ROOT/'run_pipeline.py'), *place.words(*overrides, run=name)],
                                   cwd=place.folder, env=environ, stdout=out, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        try: status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            status = f'no end within {seconds} s'
    return status, time.perf_counter() - start, first_error(log.read_text(errors='replace')) if status else ''


def first_error(text, most=9000):
    "The first traceback, from its last calls to its error: launchers print their own behind it."
    place = text.find('Traceback (most recent call last)')
    if place < 0: return text[-most:]
    end = re.search(r'\n(\[rank\d\]: )?[\w.]*(Error|Exception|Interrupt)\b[^\n]*', text[place:])
    return text[place:place + end.end()][-most:] if end else text[place:place + most]


def found_in(run):
    "What a run has recorded: its speed from the second step on, and what is the same however many processes there are."
    steps, rows = [m for m in run.metrics() if 'reward' in m], run.read_completions()
    seconds = sum(m['step_time'] for m in steps[1:]) / max(1, len(steps) - 1)
    each = len(rows) / len(steps) * sum(r['tokens'] for r in rows) / len(rows)   # tokens of a step
    prompts = [sorted(r['prompt'] for r in rows if r['step'] == m['step']) for m in steps]
    return dict(status=run.read_result()['status'], steps=len(steps), completions=len(rows),
                seconds=round(seconds, 2), tokens_per_second=round(each / seconds),
                generate=round(steps[-1]['seconds/generate'], 2), update=round(steps[-1]['seconds/update'], 2),
                peak_gib=round(max(m['memory/gib'] for m in steps), 3),
                rewards=[m['reward'] for m in steps], grad_norm=[round(m['grad_norm'], 4) for m in steps]), prompts


def checks(found, prompts):
    "What has to hold, by name."
    out = {f'{name} finished': f['status'] == 'finished' and f['steps'] == STEPS for name, f in found.items()}
    if {'one', 'two'} <= found.keys():
        out['the same prompts in each step'] = prompts['one'] == prompts['two']
        out['the same rewards in each step'] = found['one']['rewards'] == found['two']['rewards']
        out['every completion once'] = found['one']['completions'] == found['two']['completions']
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*')
    parser.add_argument('--cpu', action='store_true')
    a = parser.parse_args()
    from run_gpu import Place, build_model, opened
    with tempfile.TemporaryDirectory() as scratch:
        model = build_model('llama' if a.cpu else 'smollm2_135m', Path(scratch)/'model')
        place = Place(Path(scratch)/'case', model, train_rows=256)   # a step takes 128 prompts
        found, prompts, failed = {}, {}, 0
        for name, (launcher, overrides, seconds) in commands(a.cpu).items():
            if a.names and name not in a.names: continue
            status, took, tail = started(place, name, launcher, overrides, seconds, a.cpu)
            line = dict(run=name, seconds_in_all=round(took, 1), status=status)
            if status: failed += 1
            else:
                found[name], prompts[name] = found_in(opened(place.folder/name))
                line |= found[name]
            print(json.dumps(line), flush=True)
            if tail: print(tail, flush=True)
        for what, holds in checks(found, prompts).items():
            print(f'{"ok  " if holds else "FAIL"} {what}', flush=True)
            failed += not holds
        for name, other in (('two', 'one'), ('two', 'half')):
            if {name, other} <= found.keys():
                ratio = found[name]['tokens_per_second'] / found[other]['tokens_per_second']
                print(f'tokens a second, {name} / {other}: {ratio:.2f}', flush=True)
    return failed


if __name__ == '__main__': sys.exit(main())
