"""The page "Configuration" of the site: every option, file, reward and flag, read from the package itself.

Nothing is listed by hand here: options come from the schema, their defaults from two configurations that are loaded,
files from the folder of the configuration, rewards from the registry and flags from the command line's own table.
"""
import inspect
import re
from functools import cache

import rlvr_nb.rewards  # noqa: F401  (registers every reward)
from rlvr_nb.candidates import option_fields, option_lines
from rlvr_nb.compose import ConfigFiles
from rlvr_nb.config import load_config
from rlvr_nb.entries import GRPO_HELP
from rlvr_nb.flags import COMMANDS, FLAGS
from rlvr_nb.reward_entries import parameter_help
from rlvr_nb.grammar import CONF_DIR, GROUPS, search_dirs
from rlvr_nb.grpo_fields import GRPO_FIELDS, SETTABLE, grpo_expectation
from rlvr_nb.option import describe
from rlvr_nb.registry import REWARDS

OTHER_MODEL = 'OWNER/MODEL'     # stands for any model but the built-in one
ALL_GROUPS = (*GROUPS, 'preset', 'recipe')


def span(value):
    "A value as a span of code, as YAML writes it."
    text = {None: 'null', True: 'true', False: 'false'}[value] if value is None or isinstance(value,
                                                                                              bool) else str(value)
    return f'`{text}`' if text else '`""`'

def cell(text):
    "Text that fits into a cell of a Markdown table and shows as it was written."
    parts = re.split(r'(`[^`]*`)', ' '.join(str(text).split()))
    shown = ''.join(p if i % 2 else re.sub(r'([\\*_<>$\[\]~{}^])', r'\\\1', p) for i, p in enumerate(parts))
    return shown.replace('|', '\\|')

def table(titles, rows):
    "A Markdown table; the cells are Markdown already."
    lines = [titles, ['---'] * len(titles), *rows]
    return ['{.parameters}', *(f"| {' | '.join(line)} |" for line in lines), '']


# Options

def value_at(config, key):
    "The value of a dotted key, and whether the sections around it are there."
    for step in key.split('.'):
        if config is None: return None, False
        config = getattr(config, step)
    return config, True

def default_text(key, field, builtin, other):
    "The default of an option: one value, or one for the built-in model and one for the others."
    (one, is_set), (two, _) = value_at(builtin, key), value_at(other, key)
    if not is_set: one = two = None if field.is_required() else field.get_default(call_default_factory=True)
    if not is_set and field.is_required(): return 'none: it has to be given'
    long = [v for v in (one, two) if isinstance(v, (list, dict)) and len(str(v)) > 60]
    if long: return 'a list or mapping; `python run_pipeline.py --cfg job` prints it'
    return span(one) if one == two else f'{span(one)} with the built-in model, {span(two)} with others'

def example(key, builtin, other):
    "An override as it is typed."
    value = next((v for v in (value_at(other, key)[0], value_at(builtin, key)[0]) if isinstance(v, (int, float, str))),
                 None)
    return f'{key}={span(value)[1:-1]}' if value not in (None, '') and not re.search(r'\s', str(value)) else None

def option_section(key, field, kind, configs):
    "The lines about one option."
    extra = field.json_schema_extra or {}
    unit = extra.get('unit')
    accepts = re.sub(r'matching (\S+)', r'matching `\1`', describe(field)) + (f', in {unit}' if unit else '')
    lines = [f'({key})=', f'### `{key}`', '', f'{cell(field.description)}.', '', f'- Accepts: {cell(accepts)}',
             f'- Default: {default_text(key, field, *configs)}']
    if typed := example(key, *configs): lines.append(f'- Example: `{typed}`')
    return [*lines, '']

def grpo_lines():
    "The fields of TRL's `GRPOConfig` that `train.grpo` takes."
    def row(name):
        label = f'<span id="train.grpo.{name}"></span>`train.grpo.{name}`'
        return [label, cell(grpo_expectation(name)), cell(span(GRPO_FIELDS[name].get('default'))),
                cell(GRPO_HELP.get(name, ''))]
    return ['## Every field of `train.grpo`', '',
            "Any field of TRL's `GRPOConfig` can be set here, checked by name, type and bounds before a run. "
            "What it does is "
            "described by TRL; the defaults below are TRL's, and files of `training_loop_component` set some of them.",
            '',
            *table(['Field', 'Accepts', 'Default of TRL', 'Help'], [row(name) for name in SETTABLE])]

def option_page_lines():
    "Every option, section by section."
    configs = load_config(), load_config(f'model.model_name_or_path={OTHER_MODEL}')
    lines, section = [], None
    for (key, field), (_, kind, _) in zip(option_fields(), option_lines()):
        head = key.partition('.')[0] if '.' in key else ''
        if head != section:
            lines += [f'## Options of `{head}`' if head else '## Options of the run', '']
            section = head
        lines += option_section(key, field, kind, configs)
    return lines


# Files, rewards and flags

@cache
def files(): return ConfigFiles(search_dirs())

def about(path):
    "The first comment of a configuration file."
    comments = [line.lstrip('# ').rstrip() for line in path.read_text(encoding='utf-8').splitlines()
                if line.startswith('#')]
    comments = [c for c in comments if not c.startswith('@package')]
    return comments[0] if comments else ''

def file_lines():
    "Every file of every group."
    lines = ['## Files', '',
             'A group is a folder of files that each set one section. `GROUP=FILE` on the command line '
             'chooses one; a folder of '
             'yours, given with `--config-dir`, is searched first.', '']
    for group in ALL_GROUPS:
        sets = f'Sets `{GROUPS[group]}`.' if group in GROUPS else 'Sets options of several sections.'
        rows = [[f'`{group}={name}`', cell(about(CONF_DIR/group/f'{name}.yaml'))] for name in files().options(group)]
        lines += [f'(group.{group})=', f'### `{group}`', '', sets, '', *table(['Type this', 'What it is'], rows)]
    return lines

def reward_lines():
    "Every reward with its parameters."
    lines = ['## Rewards', '',
             'A reward is an entry of `reward.reward_functions`: its `type` is one of these names, `params` '
             'sets its parameters, '
             '`weight` its share in the sum, and `gate_on` names a reward that has to be positive first.', '']
    for name, kind in sorted(REWARDS.items()):
        if not kind.function.__module__.startswith('rlvr_nb.'): continue
        said, doc = parameter_help(kind.function), inspect.getdoc(kind.function) or ''
        lines += [f'(reward.{name})=', f'### `{name}`', '', f'{cell(doc.splitlines()[0])} Category: `{kind.category}`.',
                  '']
        rows = [[f'`{p.name}`', cell(f'`{inspect.formatannotation(p.annotation)}`'),
                 'needed' if p.default is p.empty else cell(span(p.default)), cell(said.get(p.name, ''))]
                for p in kind.parameters.values()]
        if rows: lines += table(['Parameter', 'Type', 'Default', 'Meaning'], rows)
    return lines

def flag_lines():
    "Every flag and every command of the command line."
    flags = [[f"`{', '.join(names[:2])}{f' {value}' if value else ''}`", cell(text)] for names, value, text in FLAGS]
    words = [[f"`rlvr-nb {f'{word} {value}'.strip()}`", cell(text)] for word, (_, _, value, text) in COMMANDS.items()]
    return ['## Flags', '',
            'Flags stand anywhere on the line of `python run_pipeline.py`, of `rlvr-nb` and of `python -m '
            'rlvr_nb`, which are the same.',
            '', *table(['Flag', 'What it does'], flags), '## Commands', '',
            'A word in front asks for something that is no run.', '',
            *table(['Command', 'What it does'], words)]

def configuration_page():
    "The page as Markdown."
    intro = ['# Configuration', '', '{.lead}', 'Every option, every file, every reward and every flag.', '',
             'An option is a dotted name. The same name works as an override on the command line '
             '(`train.max_steps=40`), as a key in a YAML file and '
             'in Python (`load_config("train.max_steps=40")`). A value that does not fit stops the run before '
             'a model is loaded, with a sentence '
             'that names the option and a value that would fit. Some defaults follow from the model: those of '
             'the built-in model suit a CPU, those '
             'of other models are for real ones.', '']
    return '\n'.join([*intro, *option_page_lines(), *grpo_lines(), *file_lines(), *reward_lines(),
                      *flag_lines()]) + '\n'

def labels():
    "Names that prose may mention -> the label on this page."
    named = {key: key for key, _ in option_fields() if '.' in key}
    named |= {f'{group}={name}': f'group.{group}' for group in ALL_GROUPS for name in files().options(group)}
    return named | {name: f'reward.{name}' for name in REWARDS}
