"""Training with vLLM, through TRL's own code for it, with a sampler in vLLM's place that keeps weights of its own."""
import os
from types import SimpleNamespace

import pytest
import torch

from rlvr_nb import vllm_sampling
from rlvr_nb.config import ConfigError, load_config
from rlvr_nb.grammar import RLVRError
from rlvr_nb.pipeline import Pipeline
from rlvr_nb.preflight import prepare
from rlvr_nb.rollout import RolloutEngine
from rlvr_nb.sampling import Sampling
from rlvr_nb.tiny import build_tiny_model
from rlvr_nb.training import DefaultTrainingLoopComponent
from rlvr_nb.vllm_engine import generation_options

OBJECTS = 'model', 'accelerator', 'processing_class'
SMALL = ['train.max_steps=2', 'train.num_generations=4', 'train.per_device_train_batch_size=8',
         'train.max_completion_length=8', 'train.gradient_accumulation_steps=1', 'train.logging_steps=1',
         'train.save_steps=0']
ROWS = [dict(prompt=[dict(role='user', content=f'{i}+1=?')], answer=str(i + 1)) for i in range(8)]


class Sampler:
    "What TRL needs of `vllm.LLM`: loads a folder, takes over weights by name, completes lists of tokens."
    made = []

    def __init__(self, model, **options):
        from transformers import AutoModelForCausalLM
        self.options, self.model, self.seeds = options, AutoModelForCausalLM.from_pretrained(model), 0
        with torch.no_grad():                 # not the weights of the training, until they are copied
            for p in self.model.parameters(): p.add_(torch.randn_like(p), alpha=.3)
        self.loaded, self.asked, self.ranks = [], [], os.environ['LOCAL_RANK']
        runner = SimpleNamespace(model=self)
        executor = SimpleNamespace(driver_worker=SimpleNamespace(model_runner=runner))
        config = SimpleNamespace(max_model_len=options['max_model_len'])
        self.llm_engine = SimpleNamespace(model_executor=executor, model_config=config)
        Sampler.made.append(self)

    def load_weights(self, weights):
        named = dict(self.model.named_parameters(remove_duplicate=False))
        for name, value in weights:
            named[name].data.copy_(value)
            self.loaded.append(name)

    def reset_prefix_cache(self): self.seeds += 1

    def generate(self, prompts, sampling_params, use_tqdm):
        ends = SimpleNamespace(eos_token_id=sampling_params.stop_token_ids[0], pad_token_id=0,
                               batch_decode=lambda ids, **kwargs: [''] * len(ids))
        ids = [prompt['prompt_token_ids'] for prompt in prompts]
        self.asked.append(sampling_params)
        engine = RolloutEngine(self.model.eval(), ends, sampling_params.max_tokens)
        done = engine.generate_ids(ids, sampling=Sampling(sampling_params.temperature), seed=self.seeds)

        def record(prompt, rollout):
            told = [{token: SimpleNamespace(logprob=logprob, rank=1)}
                    for token, logprob in zip(rollout.token_ids, rollout.logprobs)]
            return SimpleNamespace(prompt_token_ids=prompt,
                                   outputs=[SimpleNamespace(token_ids=rollout.token_ids, logprobs=told)])
        return [record(prompt, rollout) for prompt, (rollout,) in zip(ids, done)]


@pytest.fixture
def sampler(monkeypatch):
    "TRL finds the sampler where it would find vLLM."
    from importlib import import_module
    generation = import_module('trl.generation.vllm_generation')
    monkeypatch.setattr(generation, 'is_vllm_available', lambda *args, **kwargs: True)
    monkeypatch.setattr(generation, 'LLM', Sampler, raising=False)
    generation.told, init = {}, generation.VLLMGeneration.__init__

    def told(self, *args, **options):
        generation.told |= options
        init(self, *args, **options)
    monkeypatch.setattr(generation.VLLMGeneration, '__init__', told)
    monkeypatch.setattr(generation, 'SamplingParams', SimpleNamespace, raising=False)
    monkeypatch.setenv('MASTER_ADDR', 'localhost')   # TRL sets them for vLLM, and they stay
    monkeypatch.setenv('MASTER_PORT', '29511')
    Sampler.made.clear()
    return generation


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    "The built-in model as a folder, which vLLM could load by its name."
    where = tmp_path_factory.mktemp('model')
    for part in build_tiny_model(): part.save_pretrained(where)
    return where


def trainer_of(folder, out, lora):
    "A trainer of two steps that generates with vLLM, and the metrics of its steps."
    from transformers import AutoModelForCausalLM
    model, tok = AutoModelForCausalLM.from_pretrained(folder), build_tiny_model()[1]
    if lora:
        from peft import LoraConfig, get_peft_model
        model = get_peft_model(model, LoraConfig(r=4, target_modules='all-linear', task_type='CAUSAL_LM',
                                                 init_lora_weights=False))
    cfg = load_config('train.rollout=vllm', *SMALL)
    def digits(completions, **columns): return [float(sum(map(str.isdigit, c[0]['content']))) for c in completions]
    return DefaultTrainingLoopComponent(cfg.train).make_trainer(model, tok, ROWS, [digits], [1.], out)


@pytest.mark.parametrize('lora', [False, True])
def test_vllm_samples_from_todays_weights(sampler, folder, tmp_path, lora):
    "The weights of each step reach the sampler before it generates, adapters merged, and the proof says so."
    trainer = trainer_of(folder, tmp_path, lora)
    trainer.train()
    (llm,) = Sampler.made
    assert llm.options['max_model_len'] == trainer.args.vllm_max_model_length < 1024
    assert [s.max_tokens for s in llm.asked] == [8, 8]
    assert llm.asked[0].stop_token_ids == [trainer._tokenizer.eos_token_id]
    told = {name: value for name, value in sampler.told.items() if name not in OBJECTS}
    assert generation_options(trainer.args) == told   # the engine of the evaluations asks for what TRL asks for
    assert len(llm.loaded) == 2 * len(set(llm.loaded)) and not any('lora' in name for name in llm.loaded)
    logged = [line for line in trainer.state.log_history if 'sampler/mean_difference' in line]
    assert len(logged) == 1 and logged[0]['sampler/mean_difference'] < 1e-3


def test_stale_weights_stop_the_run(sampler, folder, tmp_path, monkeypatch):
    "A sampler that was never given the weights of the training is found at the first step."
    monkeypatch.setattr(Sampler, 'load_weights', lambda self, weights: list(weights))
    trainer = trainer_of(folder, tmp_path, False)
    with pytest.raises(RLVRError, match="aren't sampled from today's weights"): trainer.train()


def test_a_run_without_vllm_is_refused_before_anything_is_loaded():
    "Preflight says what is missing and what to write."
    for options, said in ((['model_component=gemma_1b_lora'], "the package vllm isn't installed"),
                          ([], "can't load the built-in model")):
        with pytest.raises(ConfigError, match=said): prepare(load_config('train.rollout=vllm', *options))


def test_vllm_that_cannot_start_is_reported_with_the_way_back(sampler, folder, tmp_path, monkeypatch):
    "An error of vLLM's start names the option and what to write."
    def full(self, model, **options): raise ValueError('Free memory on device cuda:0 is less than desired')
    monkeypatch.setattr(Sampler, '__init__', full)
    with pytest.raises(ConfigError, match="can't start .Free memory.*train.rollout=auto"):
        trainer_of(folder, tmp_path, False)


def test_a_run_starts_vllm_once_and_evaluates_with_it(sampler, folder, tmp_path, monkeypatch):
    "Evaluations before and after training and the training itself share one copy, each with today's weights."
    monkeypatch.setattr(vllm_sampling, '_vllm_here', lambda: None)
    cfg = load_config('train.rollout=vllm', f'model.model_name_or_path={folder}', f'run_dir={tmp_path/"run"}', *SMALL,
                      'train.warm_start=null', 'data.max_train_samples=16', 'eval.eval_num_samples=4',
                      'eval.eval_max_new_tokens=12', 'train.max_prompt_length=40', 'model.max_seq_length=64')
    result = Pipeline(cfg).run()
    (llm,) = Sampler.made
    assert (result.status, result.steps) == ('finished', 2)
    assert [(s.temperature, s.max_tokens) for s in llm.asked] == [(0., 12), (1., 8), (1., 8), (0., 12)]
    assert llm.options['max_model_len'] == 40 + 12
    assert llm.ranks == '0' and 'LOCAL_RANK' not in os.environ   # else accelerate counts several processes
    assert llm.loaded[0] and len(llm.loaded) == 4 * len(set(llm.loaded))
