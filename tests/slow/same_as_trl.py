"""Do losses and gradients equal those of TRL's own trainer? python tests/slow/same_as_trl.py [SEED] [CONFIGURATIONS]
About a second for each of 64 random configurations.

Both trainers get the same model, rows and completions: what ours has sampled is put into TRL's. Each of four steps has
to have the same gradient, up to rounding, for every loss, with masks, several passes, older completions, a reference
model, adapters, experts, and the correction for vLLM. Prints a line a configuration; the exit status is how many
differ.
"""
import random
import sys
import tempfile
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import MixtralConfig, MixtralForCausalLM, TrainerCallback
from trl import GRPOTrainer

from rlvr_nb import training
from rlvr_nb.config import load_config
from rlvr_nb.grpo_fields import GRPO_CHOICES
from rlvr_nb.prompts import build_messages
from rlvr_nb.tiny import build_tiny_model

ROWS = [dict(prompt=build_messages(f'{10 + i}+{20 + 7 * i}=?'), answer=str(30 + 8 * i)) for i in range(24)]
BASE = ['train.max_completion_length=14', 'train.num_generations=4', 'train.per_device_train_batch_size=8',
        'train.max_steps=4', 'train.learning_rate=0.003', 'train.logging_steps=1', 'train.bf16=false',
        'train.optim_name=sgd', 'train.warmup_ratio=0', 'train.lr_scheduler_type=constant',
        'train.grpo.max_grad_norm=0.0']


def score(prompts, completions, **columns):
    "Rewards without a meaning; a third of the groups has no spread."
    sums = [sum(map(ord, c[0]['content'])) % 3 for c in completions]
    return [1. if int(p[-1]['content'][:2]) % 3 == 0 else float(s) for p, s in zip(prompts, sums)]


class Gradients(TrainerCallback):
    "Keeps the gradient of each step."
    def __init__(self): self.seen = []

    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        trained = [p for p in model.parameters() if p.requires_grad]
        self.seen.append(torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in trained]))


def build(lora, experts, seed):
    "A model and its tokenizer."
    model, tok = build_tiny_model(seed=seed)
    torch.manual_seed(seed)
    if experts:
        ends = dict(pad_token_id=tok.pad_token_id, eos_token_id=tok.eos_token_id, bos_token_id=tok.bos_token_id)
        model = MixtralForCausalLM(MixtralConfig(
            vocab_size=len(tok), hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=2, num_local_experts=4, num_experts_per_tok=2, max_position_embeddings=256,
            initializer_range=.1, router_aux_loss_coef=.05, **ends))
    names = ['q_proj', 'v_proj'] if experts else 'all-linear'
    how = LoraConfig(r=4, target_modules=names, task_type='CAUSAL_LM', init_lora_weights=False)
    return (get_peft_model(model, how) if lora else model), tok


def trainer_of(ours, cfg, model, tok, gradients):
    "Our trainer, or TRL's with the same arguments."
    loop, folder = training.DefaultTrainingLoopComponent(cfg.train), tempfile.mkdtemp()
    if ours: return loop.make_trainer(model, tok, ROWS, [score], [1.], folder, callbacks=[gradients])
    args, model.warnings_issued = loop._trl_config(folder, [1.]), {}
    training.end_alike(args, model, tok)
    with training._loadable(model, args, Path(folder)):
        return GRPOTrainer(model=model, processing_class=tok, reward_funcs=[score], args=args,
                           train_dataset=Dataset.from_list(ROWS), callbacks=[gradients])


def as_vllm(trainer):
    "Let a trainer take its completions for those of vLLM."
    trainer.use_vllm = trainer.args.use_vllm = True
    trainer._prove = lambda *args: None   # the log-probabilities are made up


def recorded(trainer, record, vllm):
    "Keep what our trainer samples, with log-probabilities that are a little off where vLLM is played."
    usual, draw = trainer._generate_single_turn, random.Random(0)

    def generate(prompt_ids, *args, **kwargs):
        trainer.use_vllm = trainer.args.use_vllm = False
        ids, known = usual(prompt_ids, *args, **kwargs)
        trainer.use_vllm = trainer.args.use_vllm = vllm
        if vllm: known = [[-2. + draw.gauss(0, .3) for _ in row] for row in ids]
        record.append((prompt_ids, ids, known, torch.get_rng_state()))
        return ids, known
    trainer._generate_single_turn = generate


def replayed(trainer, record, vllm):
    "Give TRL's trainer what ours has sampled."
    kept = iter(record)

    def generate(prompt_ids, *args, **kwargs):
        prompts, ids, known, noise = next(kept)
        assert prompts == prompt_ids, 'the trainers draw other prompts'
        torch.set_rng_state(noise)
        return ids, known if vllm else None
    trainer._generate_single_turn = generate


def gap(options, lora, experts, vllm, seed):
    "The largest relative difference of a gradient."
    cfg, record, found = load_config(*BASE, f'train.seed={seed}', *options), [], []
    for ours in (True, False):
        model, tok = build(lora, experts, seed)
        gradients = Gradients()
        trainer = trainer_of(ours, cfg, model, tok, gradients)
        if vllm: as_vllm(trainer)
        (recorded if ours else replayed)(trainer, record, vllm)
        trainer.train()
        found.append(gradients.seen)
    assert len(found[0]) == len(found[1]) == 4
    return max(((a - b).norm() / b.norm().clamp(min=1e-8)).item() for a, b in zip(*found))


def drawn_options(draw, loss):
    "Random options of a loss."
    passes, how = draw.choice([1, 2, 4]), draw.random()
    chosen = dict(loss_type=loss, scale_rewards=draw.choice(GRPO_CHOICES['scale_rewards']))
    if how < .25: chosen['num_iterations'] = 2
    elif how < .45: chosen['steps_per_generation'] = passes * 2
    for share, name, value in ((.3, 'mask_truncated_completions', 'true'), (.3, 'beta', .1), (.3, 'temperature', .7),
                               (.15, 'top_entropy_quantile', .5), (.15, 'entropy_coef', .05),
                               (.2, 'off_policy_mask_threshold', .01)):
        if draw.random() < share: chosen[name] = value
    if loss != 'cispo' and draw.random() < .35: chosen['importance_sampling_level'] = 'sequence'
    if loss in ('grpo', 'bnpo', 'dr_grpo', 'dapo') and draw.random() < .2: chosen['delta'] = 1.5
    if 'beta' in chosen and draw.random() < .4: chosen['use_bias_correction_kl'] = 'true'
    vllm = draw.random() < .2
    if vllm: chosen['vllm_importance_sampling_mode'] = draw.choice(GRPO_CHOICES['vllm_importance_sampling_mode'])
    rollout = draw.choice(['auto', 'auto', 'transformers'])
    return [f'train.gradient_accumulation_steps={passes}', f'train.rollout={rollout}',
            *(f'train.grpo.{name}={value}' for name, value in chosen.items())], vllm


def main(seed=0, count=64):
    draw, bad = random.Random(seed), 0
    for i in range(count):
        losses = GRPO_CHOICES['loss_type']
        options, vllm = drawn_options(draw, losses[i % len(losses)])
        lora, experts = draw.random() < .3, draw.random() < .15
        apart = gap(options, lora, experts, vllm, draw.randrange(99))
        bad += apart > 2e-3
        kind = ' '.join(name for name, there in dict(LoRA=lora, experts=experts, vLLM=vllm).items() if there)
        print(f'{"same" if apart <= 2e-3 else "OTHER":6} {apart:.0e} {" ".join(options)} {kind}', flush=True)
    return bad


if __name__ == '__main__': sys.exit(main(*map(int, sys.argv[1:])))
