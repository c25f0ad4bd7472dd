"""Files as people have them: every format and encoding gives the same rows, and what can't be read is explained."""
import json

import pytest

from rlvr_nb.config import ConfigError, UnavailableError
from rlvr_nb.decoding import EncodingError, TextFormat
from rlvr_nb.sources import load_rows, read_file, splits_of

ROWS = [dict(id='007', question='NA', answer='0.10'), dict(id='008', question='null', answer='12345678901234567890'),
        dict(id='009', question='Wie groß ist "x", wenn x = 1,5?', answer='1e3'), dict(id='010',
        question='two\nlines\t;', answer=' 18 ')]


def separated(separator):
    quoted = ['"' + value.replace('"', '""') + '"' for row in ROWS for value in row.values()]
    lines = [separator.join(quoted[i:i + 3]) for i in range(0, len(quoted), 3)]
    return '\r\n'.join([separator.join(ROWS[0]), *lines, ''])


TEXTS = {'csv': separated(','), 'semicolon.csv': separated(';'), 'tab.csv': separated('\t'), 'tsv': separated('\t'),
         'bar.csv': separated('|'),
         'jsonl': '\n'.join(map(json.dumps, ROWS)), 'ndjson': '\n\n'.join(json.dumps(r,
        ensure_ascii=False) for r in ROWS) + '\n',
         'json': json.dumps(ROWS, indent=1), 'data.json': json.dumps(dict(version=1, data=ROWS)),
         'columns.json': json.dumps({k: {str(i): r[k] for i, r in enumerate(ROWS)} for k in ROWS[0]}),
         'lists.json': json.dumps({k: [r[k] for r in ROWS] for k in ROWS[0]})}


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-le', 'utf-16-be', 'utf-32'])
@pytest.mark.parametrize('name', TEXTS)
def test_text_stays_text(name, encoding, tmp_path):
    path = tmp_path/f'train.{name}'
    path.write_bytes(TEXTS[name].encode(encoding))
    assert read_file(path) == ROWS


@pytest.mark.parametrize('name', [name for name in TEXTS if 'csv' in name or name == 'tsv'])
def test_an_encoding_that_is_named_reads_a_file_with_or_without_a_header(name, tmp_path):
    path, text = tmp_path/f'train.{name}', TEXTS[name]
    path.write_bytes(text.encode('cp1252'))
    with pytest.raises(EncodingError) as e: read_file(path)
    assert next(iter(e.value.read)) == 'cp1252' and 'Wie groß' in e.value.read['cp1252']
    assert read_file(path, TextFormat('cp1252')) == ROWS
    path.write_bytes(text.partition('\r\n')[2].encode('cp1252'))
    bare = read_file(path, TextFormat('cp1252', header=False))
    assert [list(row.values()) for row in bare] == [list(row.values()) for row in ROWS]
    assert list(bare[0]) == ['column1', 'column2', 'column3']


def test_a_name_that_is_not_there_gets_the_one_that_was_meant(tmp_path, monkeypatch):
    (tmp_path/'data').mkdir()
    for name in ('aufgaben.jsonl', 'data/sums.csv'): (tmp_path/name).write_text('{"a": 1}')
    monkeypatch.chdir(tmp_path)
    for typed, meant in (('aufgabe.jsonl', 'aufgaben.jsonl'), ('sums.csv', 'data/sums.csv'),
                         ('dat/sums.csv', 'data/sums.csv'), (str(tmp_path/'Aufgaben.json'), None)):
        with pytest.raises(ConfigError) as e: load_rows(typed)
        meant = meant or str(tmp_path/'aufgaben.jsonl')
        assert e.value.faults[0].fixes[0] == ('data.dataset_path', meant) and f'did you mean {meant}' in str(e.value)
    with pytest.raises(ConfigError, match='check the path'): load_rows('./quite_other.jsonl')


def test_parquet_keeps_its_types(tmp_path):
    import pyarrow
    import pyarrow.parquet
    rows = [dict(question='1+1', answer=2), dict(question=None, answer=None)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path/'t.parquet')
    assert read_file(tmp_path/'t.parquet') == rows


def test_numbers_of_json_print_as_they_were_written(tmp_path):
    (tmp_path/'n.jsonl').write_text('{"a": 0.10, "b": 1E+2, "c": -0.0, "d": 3, "e": ' + '9' * 5000 + '}')
    row, = read_file(tmp_path/'n.jsonl')
    assert [str(row[k]) for k in 'abcd'] == ['0.10', '1E+2', '-0.0',
                                             '3'] and row['e'] == '9' * 5000 and row['a'] + 1 == 1.1


BAD = {  # name, content, what the error says
    'empty.csv': (b'', 'is empty'), 'empty.jsonl': (b'\n\n', 'is empty'), 'empty.json': (b'',
        'half written'), 'list.json': (b'[]', 'is empty'),
    'header.csv': (b'question,answer\n', 'has a header (question, answer) and no rows'),
    'cut.csv': (b'question,answer\n1+1,2\n"2+', 'cut.csv:3: a quotation mark'),
    'short.csv': (b'question,answer\n1+1,2\n2+2\n', 'short.csv:3: 1 cells, but the header names 2 columns (question, '
                                                    'answer)'),
    'wide.csv': (b'question,answer\n1,5+1,2\n', 'wide.csv:2: 3 cells'), 'twice.csv': (b'a,a\n1,2\n',
        "the column 'a' is there twice"),
    'cut.jsonl': (b'{"a": 1}\n{"a": "x', 'cut.jsonl:2: not JSON'), 'middle.jsonl': (b'{"a": 1}\n{"a": \n{"a": 2}\n',
        'middle.jsonl:2: not JSON (Expecting value, column 7)'),
    'lines.json': (b'[{"a": 1},\n {"b" 2}]', 'lines.json:2: not JSON (Expecting \':\' delimiter, column 7)'),
    'cut.json': (b'[{"a": 1},\n{"a"', 'half written'), 'deep.jsonl': (b'{"a": 1}\n' + b'[' * 100_000,
        'deep.jsonl:2: nested too deep'),
    'deep.json': (b'{"a":' * 100_000, 'nested too deep'), 'text.jsonl': (b'"hello"\n', 'text.jsonl:1: expected an '
        'object'),
    'two.json': (b'{"train": [{"a": 1}], "test": [{"a": 2}]}', 'several lists of rows (train, test)'),
    'numbers.json': (b'[1, 2]', 'expected a list of objects'),
    'latin.csv': ('question,answer\né,2\n'.encode('latin-1'), 'latin.csv:2: not UTF-8 (byte 0xE9)'),
    'cut.parquet': (b'PAR1 and no more', 'not a whole Parquet file'),
    'book.xlsx': (b'PK', "book.xlsx', expected a file that ends in .jsonl"),
}


@pytest.mark.parametrize('name', BAD)
def test_what_cannot_be_read_is_one_sentence(name, tmp_path):
    content, expected = BAD[name]
    (tmp_path/name).write_bytes(content)
    with pytest.raises(ConfigError) as e: read_file(tmp_path/name)
    assert expected in str(e.value) and '\n' not in str(e.value)


def test_a_hub_dataset_says_which_splits_it_has(monkeypatch):
    import datasets
    rows = {'training': [dict(a='1')], 'dev': [dict(a='2')]}
    monkeypatch.setattr(datasets, 'get_dataset_split_names', lambda path, name: list(rows))
    monkeypatch.setattr(datasets, 'load_dataset', lambda path, name, split: datasets.Dataset.from_list(rows[split]))
    assert splits_of('acme/sums') == {'train': 'training', 'validation': 'dev'}
    assert [load_rows('acme/sums', s) for s in ('train', 'validation', 'test')] == [[dict(a='1')], [dict(a='2')], None]
    monkeypatch.setattr(datasets, 'get_dataset_split_names', lambda path,
                        name: (_ for _ in ()).throw(ConnectionError('offline')))
    with pytest.raises(UnavailableError, match="'acme/sums' can't be reached"): splits_of('acme/sums')
