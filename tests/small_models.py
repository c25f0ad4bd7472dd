"""Folders with small random models of real architectures, loaded the way a model of the Hub is."""
from pathlib import Path

CHARACTERS = [chr(i) for i in range(32, 127)] + ['\n']
# chat templates of real families, written anew after what each does to a conversation
TEMPLATES = Path(__file__).parent/'templates'
FAMILIES = sorted(p.stem for p in TEMPLATES.glob('*.jinja'))
TEMPLATE = ("{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m['role'] }}\n{{ m['content'] "
            "}}<end_of_turn>\n{% endfor %}"
            "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}")
SHAPE = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=4096)


def character_tokenizer(template=TEMPLATE):
    "A tokenizer of printable ASCII; its chat template is a text or the name of a family, by default in Gemma's form."
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    control = ['<pad>', '<eos>', '<bos>', '<unk>', '<start_of_turn>', '<end_of_turn>']
    t = Tokenizer(models.WordLevel({t: i for i, t in enumerate([*control, *CHARACTERS])}, unk_token='<unk>'))
    t.pre_tokenizer, t.decoder = pre_tokenizers.Split('', 'isolated'), decoders.Fuse()
    if template in FAMILIES: template = (TEMPLATES/f'{template}.jinja').read_text(encoding='utf-8')
    return PreTrainedTokenizerFast(tokenizer_object=t, pad_token='<pad>', eos_token='<eos>', bos_token='<bos>',
                                   unk_token='<unk>',
                                   extra_special_tokens=['<start_of_turn>',
                                                         '<end_of_turn>'], padding_side='left', chat_template=template)


def build(kind, folder, seed=0, template=TEMPLATE, **shape):
    """Write a random model of an architecture, gemma3, qwen2, qwen3 or llama, with its tokenizer; returns the folder.
    `template` is a chat template or the name of a family, `shape` overrides the configuration's values."""
    import torch
    from transformers import (Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM, Qwen2Config,
                              Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)
    classes = dict(gemma3=(Gemma3TextConfig, Gemma3ForCausalLM, dict(head_dim=8, sliding_window=64,
                                                                     query_pre_attn_scalar=8)),
                   qwen2=(Qwen2Config, Qwen2ForCausalLM, {}),
                   qwen3=(Qwen3Config, Qwen3ForCausalLM, dict(head_dim=8)), llama=(LlamaConfig, LlamaForCausalLM, {}))
    tokenizer = character_tokenizer(template)
    Config, Model, extra = classes[kind]
    torch.manual_seed(seed)
    model = Model(Config(**dict(vocab_size=len(tokenizer), pad_token_id=0, eos_token_id=1,
                                bos_token_id=2) | SHAPE | extra | shape))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Path(folder)
