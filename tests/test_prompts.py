"Where the parts of a completion are, and how prompts are made."
import pytest
from rlvr_nb.config import ConfigError
from rlvr_nb.prompts import (GEMMA, PLAIN, Markers, build_messages, completion_text, is_prefilled, parse_completion,
                             render_prompt, system_prompt)

LONG = {'<r>': 0, '</r>': 1, '<a>': 2, '</a>': 3}


def spell(text, markers=PLAIN):
    for short, i in LONG.items(): text = text.replace(short, list(markers)[i])
    return text


# completion, prefilled, blocks, reasoning, counts, well formed, outside
PARSES = [
    ('<r>w</r><a>18</a>', False, ['18'], 'w', (1, 1, 1, 1), True, ''),
    (' <r>w</r>\n\n<a>18</a>\n', False, ['18'], 'w', (1, 1, 1, 1), True, '\n'),
    ('<r>w</r> so <a>18</a>', False, ['18'], 'w', (1, 1, 1, 1), False, ''),
    ('Hm <r>w</r><a>18</a>', False, ['18'], 'w', (1, 1, 1, 1), False, ''),
    ('<r>w</r><a>18</a> bye', False, ['18'], 'w', (1, 1, 1, 1), False, ' bye'),
    ('<r> </r><a>18</a>', False, ['18'], ' ', (1, 1, 1, 1), False, ''),
    ('<r>w</r><a> </a>', False, [' '], 'w', (1, 1, 1, 1), False, ''),
    ('w</r><a>18</a>', False, ['18'], 'w', (0, 1, 1, 1), False, ''),
    ('w</r><a>18</a>', True, ['18'], 'w', (1, 1, 1, 1), True, ''),
    ('<r>w</r><a>18</a>', True, ['18'], '<r>w', (2, 1, 1, 1), False, ''),
    ('<a>17</a>w</r><a>18</a>', True, ['18'], '<a>17</a>w', (1, 1, 2, 2), False, ''),
    ('<a>17</a><r>w</r><a>18</a>', True, ['18'], '<a>17</a><r>w', (2, 1, 2, 2), False, ''),
    ('<a>18</a>', True, ['18'], None, (1, 0, 1, 1), False, ''),
    ('<a>18</a>', False, ['18'], None, (0, 0, 1, 1), False, ''),
    ('', False, [], None, (0, 0, 0, 0), False, ''),
    ('no tags', False, [], None, (0, 0, 0, 0), False, 'no tags'),
    ('<r>w', False, [], 'w', (1, 0, 0, 0), False, '<r>w'),
    ('<r>w<a>18</a>', False, [], 'w<a>18</a>', (1, 0, 1, 1), False, '<r>w<a>18</a>'),
    ('<a>18</a></r>', False, [], '<a>18</a>', (0, 1, 1, 1), False, '<a>18</a></r>'),
    ('<a>18</a><r>w</r>', False, [], 'w', (1, 1, 1, 1), False, '<a>18</a><r>w</r>'),
    ('<a>17</a><r>w</r><a>18</a>', False, ['17', '18'], 'w', (1, 1, 2, 2), False, ''),
    ('<r>a</r><a>17</a><r>b</r><a>18</a>!', False, ['17', '18'], 'a', (2, 2, 2, 2), False, '!'),
    ('<r>as <r>..</r> says</r><a>18</a>', False, ['18'], 'as <r>..</r> says', (2, 2, 1, 1), False, ''),
    ('<r>a <r> b</r><a>18</a>', False, ['18'], 'a <r> b', (2, 1, 1, 1), False, ''),
    ('<r>a </r> <a> b</r><a>18</a>', False, ['18'], 'a </r> <a> b', (1, 2, 2, 1), False, ''),
    ('<r>a</r><a>17</a></r><a>18</a>', False, ['17', '18'], 'a', (1, 2, 2, 2), False, ''),
    ('a</r><a>17</a></r><a>18</a>', False, ['17', '18'], 'a', (0, 2, 2, 2), False, ''),
    ('a</r>b</r><a>18</a>', False, ['18'], 'a</r>b', (0, 2, 1, 1), False, ''),
    ('<a>17<a>18</a>', False, ['17', '18'], None, (0, 0, 2, 1), False, ''),
    ('<a>hm<a>18</a>', False, ['18'], None, (0, 0, 2, 1), False, ''),
    ('<a>17<r>w</r>18</a>', False, [], 'w', (1, 1, 1, 1), False, '<a>17<r>w</r>18</a>'),
    ('</a>18<a>', False, [], None, (0, 0, 1, 1), False, '</a>18<a>'),
    ('<a>18</a></a>', False, ['18'], None, (0, 0, 1, 2), False, '</a>'),
    ('<a>18</a><a>', False, ['18'], None, (0, 0, 2, 1), False, '<a>'),
    ('<a>1</a>x<a>2</a>y', False, ['1', '2'], None, (0, 0, 2, 2), False, 'y'),
    ('<r>a</r><a>18</a><r>b', False, ['18'], 'a', (2, 1, 1, 1), False, '<r>b'),
    ('<a>17</a><r>a</r> x</r><a>18</a>', False, ['17', '18'], 'a</r> x', (1, 2, 2, 2), False, ''),
    ('<r>a</r><a>18</a><r>b</r>', False, ['18'], 'a', (2, 2, 1, 1), False, '<r>b</r>'),
    ('</r><a>18</a><r>', False, ['18'], '', (1, 1, 1, 1), False, '<r>'),
]


@pytest.mark.parametrize('known', [True, False], ids=['given', 'unknown'])
@pytest.mark.parametrize('markers', [PLAIN, GEMMA], ids=['plain', 'gemma'])
@pytest.mark.parametrize('text,prefilled,blocks,reasoning,counts,well_formed,outside', PARSES)
def test_parse(text, prefilled, blocks, reasoning, counts, well_formed, outside, markers, known):
    if not known and markers is GEMMA and not any(short in text for short in LONG):
        pytest.skip('no marker tells the sets apart')
    parsed = parse_completion(spell(text, markers), markers if known else None, prefilled)
    assert parsed.markers == markers and parsed.text == spell(text, markers)
    assert list(parsed.blocks) == [spell(b, markers) for b in blocks] and parsed.answer == (spell(blocks[-1],
            markers) if blocks else None)
    assert parsed.reasoning == (None if reasoning is None else spell(reasoning, markers))
    assert (parsed.counts, parsed.well_formed, parsed.outside) == (counts, well_formed, spell(outside, markers))


P, G = lambda t: spell(t, PLAIN), lambda t: spell(t, GEMMA)
UNKNOWN = [  # markers unknown: completion, blocks, set in use
    (P('<r>w</r>') + G('<a>18</a>'), [], GEMMA), (G('<r>w</r>') + P('<a>18</a>'), [],
                                                  PLAIN), (G('<r>w') + P('<a>18</a>'), [],
                                                           PLAIN), (P('<r>w') + G('<a>18</a>'), [], GEMMA),
    (P('<r>w</r><a>17</a>') + G('<a>18</a>'), ['17', '18'], PLAIN), (G('<a>17</a>') + P('<a>18</a>'), ['17', '18'],
        GEMMA), (P('<a>17</a>') + G('<a>18</a>'),
        ['17', '18'], PLAIN),
    (P('<r>w ') + G('<a>17</a>') + P('</r><a>18</a>'), ['18'],
     PLAIN), (G('<r>w ') + P('<a>17</a>') + G('</r><a>18</a>'), ['18'],
              GEMMA), ('w ' + P('<a>17</a>') + G('</r><a>18</a>'), ['18'], GEMMA),
    (G('w</r>') + P('<a>18</a>'), [], PLAIN), (P('w</r>') + G('<a>18</a>'), [],
                                               GEMMA), (P('<r>w') + G('</r><a>18</a>'), ['18'],
                                                        GEMMA), (G('<r>w') + P('</r><a>18</a>'), ['18'], PLAIN),
    (P('<a>18') + G('</a>'), [], PLAIN), (G('<a>18') + P('</a>'), [], GEMMA), (G('<r>w'), [], GEMMA), (P('<r>w'), [],
        PLAIN), (P('<r>use ') + G('<a>x</a>') + P(' or <a>y</a></r><a>18</a>'), ['18'], PLAIN),
    ('use ' + G('<a>') + P(': <a>18</a>'), ['18'], PLAIN), ('use ' + P('<a>') + G(': <a>18</a>'), ['18'],
                                                            GEMMA), (P('<r>w</r>') + G('<a>'), [],
        PLAIN), (G('<r>w</r>') + P('<a>'), [], GEMMA),
    (P('<a>18</a>') + G('<r>w</r>'), [], PLAIN), (P('<r>w</r>') + G('<r>v</r>') + P('<a>18</a>'), ['18'],
                                                  PLAIN), (P('<r>w</r>') + G('<r>v</r><a>18</a>'), ['18'], GEMMA),
]


@pytest.mark.parametrize('text,blocks,markers', UNKNOWN)
def test_unknown_markers(text, blocks, markers):
    parsed = parse_completion(text)
    assert (list(parsed.blocks), parsed.markers) == (blocks, markers)


@pytest.mark.parametrize('token', ['<end_of_turn>', '<eos>', '</s>', '<|im_end|>', '<|eot_id|>', '<|endoftext|>',
                                   '<|end|>', '<|return|>', '<pad>', '<｜end▁of▁sentence｜>', '[PAD]',
                                   '<|end_of_text|>', '<turn|>'])
def test_chat_tokens_are_no_text(token):
    parsed = parse_completion(spell(f'<r>w</r><a>18{token}</a>{token}{token}'), PLAIN)
    assert parsed.well_formed and parsed.answer.strip() == '18' and token not in parsed.text


@pytest.mark.parametrize('opening', ['<start_of_turn>model\n', '<|im_start|>assistant\n',
                                     '<|start_header_id|>assistant<|end_header_id|>\n', '<bos>'])
def test_chat_openings_are_no_text(opening): assert parse_completion(opening + spell('<r>w</r><a>18</a>'),
        PLAIN).well_formed


def test_a_marker_that_looks_like_a_chat_token_stays():
    markers = Markers('<s>', '</s>', '<|end|>', '<pad>')
    assert parse_completion('<s>w</s><|end|>18<pad>', markers).well_formed


def test_line_ends(): assert parse_completion(spell('<r>w\r\nv\rx</r>\r\n<a>18</a>\r\n'), PLAIN).reasoning == 'w\nv\nx'


def test_forms_of_a_completion():
    for form in ('x', [{'content': 'x'}], {'content': 'x'}): assert completion_text(form) == 'x'
    assert completion_text([{'content': 'x'}, {'content': [{'type': 'text', 'text': 'y'}, {'type': 'image'}]},
                            {'content': None}]) == 'x\ny\n\n'


def test_the_same_completion_is_parsed_once():
    text = spell('<r>once</r><a>18</a>')
    assert parse_completion(text, PLAIN) is parse_completion(text, PLAIN) is not parse_completion(text, None)


def test_thousands_of_markers_are_counted_not_read():
    parsed = parse_completion(spell('<a>1</a>') * 3000, PLAIN)
    assert parsed.counts == (0, 0, 3000, 3000) and parsed.blocks == () and parsed.answer is None
    assert len(parse_completion(spell('<a>1</a>') * 400, PLAIN).blocks) == 400 and parse_completion(spell('<a>1</a>',
            GEMMA) * 3000).markers == GEMMA


@pytest.mark.parametrize('values', [('', 'b', 'c', 'd'), ('a', ' ', 'c', 'd'), (None, 'b', 'c', 'd'), ('a', 'b', 'a',
                                                                                                       'd')])
def test_bad_markers(values):
    with pytest.raises(ConfigError, match='model.markers'): Markers(*values)


def test_markers_from_config():
    class Config: reasoning_start, reasoning_end, solution_start, solution_end = GEMMA
    assert Markers.from_config(Config) == Markers.from_config(dict(zip(Markers.__dataclass_fields__, GEMMA))) == GEMMA


def test_messages():
    assert build_messages('q', 's') == [{'role': 'system', 'content': 's'}, {'role': 'user', 'content': 'q'}]
    assert build_messages('q') == build_messages('q', ' ') == build_messages('q', None) == [{'role': 'user',
            'content': 'q'}]


def test_system_prompt():
    class Config: prompting_mode, system_prompts = 'b', {'a': 'x', 'b': ' y\n'}
    assert system_prompt(Config) == system_prompt({'prompting_mode': 'b', 'system_prompts': {'b': 'y'}}) == 'y'
    for bad in ({'prompting_mode': 'c', 'system_prompts': {'b': 'y'}}, {'prompting_mode': 'c', 'system_prompts': None}):
        with pytest.raises(ConfigError, match='prompts.prompting_mode'): system_prompt(bad)


class Tokenizer:
    def __init__(self, ending, chat_template='t'): self.ending, self.chat_template = ending, chat_template
    def apply_chat_template(self, messages, tokenize, add_generation_prompt):
        return ' '.join(m['content'] for m in messages) + self.ending * (add_generation_prompt and not tokenize)


def test_rendering():
    assert render_prompt(Tokenizer('>'), build_messages('q', 's')) == 's q>'
    assert is_prefilled(Tokenizer('<reasoning>\n'), PLAIN) and not is_prefilled(Tokenizer('<reasoning> ok'),
            PLAIN) and not is_prefilled(Tokenizer('<reasoning>'), GEMMA)
    with pytest.raises(ConfigError, match='this model.*no chat template'): render_prompt(Tokenizer('', None), [])
