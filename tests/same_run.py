"Whether two runs are the same: metrics but for times and memory, completions, evaluations and weights."
import re
from pathlib import Path

from rlvr_nb.rundir import RunDir

TIMES = re.compile('^time$|seconds|step_time|tokens/per_second|memory|attempt')


def measured(run):
    "What counts of a run, without times."
    found = RunDir.open(run)
    rows = [{k: v for k, v in m.items() if not TIMES.search(k)} for m in found.metrics()]
    answers = {
        str(when): {name: [r['completion'] for r in e.rows] for name, e in evaluations.items()}
        for when, evaluations in found.evaluations().items()
    }
    written = [{k: v for k, v in r.items() if k != 'attempt'} for r in found.read_completions()]
    return rows, written, answers


def weights(run):
    from safetensors.torch import load_file
    return load_file(Path(run)/'model'/'model.safetensors')


def assert_same(run, whole):
    import torch
    for mine, theirs in zip(measured(run), measured(whole)): assert mine == theirs
    mine, theirs = weights(run), weights(whole)
    assert mine.keys() == theirs.keys()
    for name, tensor in theirs.items(): assert torch.equal(tensor, mine[name]), name


def difference(run, whole):
    "What differs between two runs, in words; None where they are the same."
    import torch
    for name, mine, theirs in zip(('metrics', 'completions', 'evaluations'), measured(run), measured(whole)):
        if mine != theirs: return f'the {name} differ'
    mine, theirs = weights(run), weights(whole)
    if mine.keys() != theirs.keys(): return 'other names of weights'
    apart = [name for name, tensor in theirs.items() if not torch.equal(tensor, mine[name])]
    return f'{len(apart)} tensors differ, {apart[0]} first' if apart else None
