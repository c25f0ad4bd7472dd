"""The search of the expert form, asked with the names that TRL, verl, OpenRLHF and Unsloth use."""
import pytest

from rlvr_nb.bases import Base
from rlvr_nb.form import Form
from rlvr_nb.option_search import closest_options, found_options

PHRASES = {  # option -> what people type for it
    'train.grpo.beta': 'KL coefficient,kl_coef,KL penalty,init_kl_coef,'
        'actor.kl_loss_coef,use_kl_loss,reference model,KL coeficient,KL',
    'train.learning_rate': 'lr,learning rate,actor_learning_rate,optim.lr',
    'train.per_device_train_batch_size': 'batch size,micro_train_batch_size,'
        'ppo_micro_batch_size_per_gpu,train_batch_size',
    'train.gradient_accumulation_steps': 'gradient accumulation,ppo_mini_batch_size',
    'model.max_seq_length': 'context length,max_model_len,max_seq_length',
    'train.max_prompt_length': 'prompt_max_len,prompt length',
    'train.max_completion_length': 'max_response_length,generate_max_len,max_new_tokens,max tokens',
    'train.num_generations': 'rollouts,group size,n_samples_per_prompt,rollout.n,num_generations,number of samples',
    'train.grpo.epsilon': 'clip,clip_ratio,eps_clip,clip range',
    'train.grpo.epsilon_high': 'clip_ratio_high,clip higher',
    'train.grpo.delta': 'dual clip,clip_ratio_c',
    'train.grpo.max_grad_norm': 'gradient clipping,grad_clip',
    'train.grpo.top_entropy_quantile': 'entropy',
    'train.grpo': 'entropy_coeff,entropy bonus,gpu_memory_utilization,tensor_parallel_size',
    'model.lora_config.r': 'LoRA rank,lora_r',
    'model.lora_config.use_lora': 'peft,adapter',
    'model.load_in_4bit': 'quantization,load_in_4bit,qlora',
    'seed': 'seed,random_state',
    'train.save_steps': 'checkpoint,save_freq,save_steps',
    'train.max_steps': 'epochs,total_training_steps,num_episodes',
    'train.warmup_ratio': 'warmup,lr_warmup_steps_ratio',
    'train.lr_scheduler_type': 'lr scheduler,cosine',
    'train.optim_name': 'optimizer,adamw_8bit',
    'train.rollout': 'vllm,fast_inference',
    'train.grpo.gradient_checkpointing': 'use_gradient_checkpointing,memory',
    'train.bf16': 'dtype,mixed precision',
    'train.grpo.loss_type': 'loss_agg_mode,dr_grpo,length normalization',
    'train.grpo.scale_rewards': 'norm_adv_by_std_in_grpo,advantage normalization',
    'train.grpo.importance_sampling_level': 'gspo,sequence level',
    'train.grpo.mask_truncated_completions': 'overlong filtering,mask truncated',
    'train.grpo.num_iterations': 'ppo_epochs,num_iterations',
    'train.dynamic_sampling': 'filter_groups,dynamic sampling',
    'train.grpo.temperature': 'temperature,sampling temperature',
    'train.grpo.top_p': 'nucleus,top_p',
    'eval.eval_steps': 'test_freq,eval interval',
    'eval.samples_per_prompt': 'pass@k',
    'eval.judge': 'llm as a judge',
    'prompts.prompting_mode': 'system prompt',
    'prompts.chat_template_kwargs': 'enable_thinking',
    'data.dataset_path': 'train_files',
    'data.params': 'input_key,label_key',
    'model.push_to_hub': 'hub_model_id',
    'train.warm_start': 'sft,cold start',
    'observers': 'report_to,wandb',
}


@pytest.fixture(scope='module')
def form(): return Form(Base('demo', ('+preset=offline_demo',)))


def test_usual_names_find_their_option(form):
    missed, crowded = {}, {}
    for path, phrases in PHRASES.items():
        for text in phrases.split(','):
            found = found_options(form, text) or closest_options(form, text)
            if path not in found: missed[text] = found
            if len(found) > 12: crowded[text] = found
    assert (missed, crowded) == ({}, {})
