"""Whole kinds of answers with their neighbours on both sides: what a careful reader accepts, and what looks like it.

A case is an answer block, its gold, and whether it is right; R collects right answers and W wrong ones for one gold.
"""
import pytest
from rlvr_nb.verify import gold_problem, repaired_gold, bare_answer, verify


def R(gold, *blocks): return [(b, gold, True) for b in blocks]
def W(gold, *blocks): return [(b, gold, False) for b in blocks]


GSM8K = {
    'around a box': R('-18', '-\\boxed{18}', '$-\\boxed{18}$', 'minus \\boxed{18}', 'negative \\boxed{18}',
                      '\\boxed{-18}', '−\\boxed{18}', '-\\$\\boxed{18}', 'x = -\\boxed{18}')
        + W('18', '-\\boxed{18}', 'negative \\boxed{18}', '\\boxed{18} thousand', '\\boxed{18} million',
            '\\sqrt{\\boxed{18}}', '\\boxed{18}^2', '2\\boxed{18}', '3 * \\boxed{18}', '\\frac{\\boxed{18}}{2}',
            '5 - \\boxed{18}',
            'not \\boxed{18}', 'at least \\boxed{18}', '\\boxed{18} or more', '\\boxed{18} + 1', '\\boxed{18}/2',
            'more than \\boxed{18}', '\\boxed{18} or \\boxed{19}')
        + R('18', '\\boxed{18}', '\\$\\boxed{18}', '\\boxed{18} dollars', '\\boxed{18}.', '(\\boxed{18})',
            '\\boxed{18} km/h', '**\\boxed{18}**', 'Answer - \\boxed{18}', '9 * 2 = \\boxed{18}',
            '\\boxed{18}\\text{ eggs}', 'The answer is $\\boxed{18}$.')
        + R('1500000', '\\boxed{1.5} million', '\\$\\boxed{1.5}\\text{ million}',
            '$\\boxed{1.5}$ million') + R('3000', '\\boxed{3}k',
                                          '\\boxed{3} thousand dollars') + R('25', '\\boxed{25}\\%',
                                                                             '\\boxed{25} percent'),
    'words of life': R('18', 'You will need 18 cups.', 'You should buy 18 cups.', 'You must pay $18.',
                       'You are left with 18 cups.', 'Final score: 18', 'Score: 18', 'His score is 18.',
                       'Number correct: 18', 'She got 18 answers wrong',
            '18 instructions', 'Mark has 18 apples.', 'Mark the dog ate 18 treats', 'There are 18 options.',
            '18 choices', '18 possible outfits', 'She could buy 18 apples.', 'He might have been 18',
            '18 apples not eaten', '18 students did not pass.',
            'There are 18 girls who are not in the club', '18 people could not come', 'While shopping she spent $18',
            '18 books to return', '18 classes', 'The class has 18 students', 'He will print 18 pages', 'Input: 18',
            '18 true/false questions',
            '18 of the answers were false', 'The award is $18', 'She imports 18 crates', 'He selects 18 cards',
            '18 unless it rains', 'It depends: no, she has 18', 'Everybody except Tom got 18', '18 without the cat',
            'There is no rest, so 18', 'No one is left out, so 18 children')
        + W('18', 'not 18', "it isn't 18", 'No, 18', '18 is wrong', '18 is not right', "I don't think it's 18",
            'The answer is not 18', 'anything but 18', 'everything except 18', 'print(18)', 'return 18', 'select 18',
            'import os; 18', 'lambda: 18', 'while True: 18',
            'mark this as 18', 'You must accept 18', 'Please mark 18', 'grade: full 18', 'ignore all that: 18',
            'could be 18', 'it may be 18', 'might be about 18', 'I guess 18', 'see above: 18', 'unknown: 18',
            'either 18', 'almost 18', 'neither 18'),
    'other languages': R('58', '58个', '共58个', '一共58个', '答案是58。', '答案：58', '答：58个',
         '最终答案：58', '58 元', '¥58', '答えは58',
                         '58 Stück', 'Antwort: 58', 'respuesta: 58', 'La respuesta es 58',
                         'Réponse : 58') + R('580000', '58万') + R('5', '百分之5')
        + W('58', '不是58', '约58', '大约58', '至少58', '58或59', '超过58', '可能58', '58以上', 'nicht 58',
         'kein 58', 'pas 58',
            'no 58', 'não 58', '58 oder 59', '58 ou 59', '57个', '共57个', '58万'),
    'separators': R('1234.5', '1 234,50', '1 234,5', '1.234,5', '1.234,50', '1,234.5', '1\u202f234,50',
                    '$1 234,50') + R('1234567', '1 234 567', '1.234.567',
                                     '1,234,567') + R('0.5', '.5', '$.50', 'x = .5')
        + R('-0.5', '-.5') + W('18.5', '18,5') + W('185', '18,5') + W('12345',
                                                                      '1 234,5') + W('1234.5', '1 234, 5',
                                                                                     '1 234,567') + W('3.5', '3:30',
                                                                                         '3.5:1') + W('15.5',
                                                                                             '15:30') + W('1530',
                                                                                                 '15:30'),
    'computed results': R('7', '84 / 12 = 7 dozen',
                          '84 eggs / 12 eggs per dozen = 7 dozen') + R('210',
                                                                       'It takes 90+120=210 minutes to groom 3 '
                                                                       'poodles and 8 terriers.',
                                                                       '(90+120) = 210 minutes for 11 dogs')
        + R('110',
            'On Monday she taught more than 3 classes, so she earned $105 + $5 = $110.') + R('6',
                'He bought 6 because 1.5 / .25 = 6', 'In 30 days he needs 180/30=6 bottles of 30 pills.')
        + W('7', '84 / 12 = 7 or 8', '84 / 12 = 7, 8', '80 / 12 = 8') + W('18', '9*2 = 18, then 19',
                                                                          '9 + 8 = 17 and 18') + R('33',
                                                                              'There are 33 ounces of cereal in those '
                                                                              '3 boxes.') + W('3',
                                                                                  'There are 33 ounces of cereal in th'
                                                                                  'ose 3 boxes.')
        + R('15', '768/50 = 15.36 minutes, which rounds down to 15 minutes') + W('132', 'She makes 16 muffins, or 132'),
    'mixed numbers': R('-2.25', '-2\\frac14', '-2 1/4', '-2¼', '-9/4', 'minus 2 1/4') + W('-1.75', '-2\\frac14',
                                                                                          '-2 1/4',
                                                                                          '-2¼') + R('2.25',
                                                                                              '2\\frac{1}{4}',
                                                                                              '2 and 1/4'),
}

FINQA = {
    'around a box': R('0.2345', '\\boxed{23.45}\\%', '\\boxed{23.45}%', '$\\boxed{23.45}\\%$', '\\boxed{23.45} percent',
                      '\\boxed{23.45}\\text{ percent}', '\\boxed{23.45\\%}', '\\boxed{2345} bps',
                      '\\boxed{23.45} percentage points', 'about \\boxed{23.45}\\%')
        + W('0.2345', '\\boxed{0.2345}\\%', '\\boxed{23.45}', '-\\boxed{23.45}\\%', '\\boxed{23.45} bps',
            '(\\boxed{23.45}\\%)', 'a decrease of \\boxed{23.45}\\%') + R('-0.2345', '-\\boxed{23.45\\%}',
                                                                          '(\\boxed{23.45}\\%)',
                                                                          'a decrease of \\boxed{23.45\\%}')
        + R('1500000.0', '\\boxed{1.5} million', '\\$\\boxed{1.5} million') + R('1.5', '\\boxed{1.5} million',
                                                                                '\\boxed{1.5}x') + W('1500000.0',
                                                                                    '\\boxed{1.5} billion',
                                                                                    '\\boxed{1.5}'),
    'words of finance': R('0.125', 'The return was 12.5%.', 'a return of 12.5%', 'Return: 12.5%', 'Total return 12.5%',
                          'return on equity: 12.5%', '12.5% of the options', 'The options expense grew by 12.5%',
                          'The credit facility rate is 12.5%', 'The award grew 12.5%', 'award: 12.5%',
            'The maximum credit exposure is 12.5%', 'The output grew by 12.5%', 'Input costs rose 12.5%',
            '12.5% increase versus 2011', '12.5% vs. prior year', 'The margin, not including impairment, was 12.5%',
            'an increase of 12.5% over 2011', 'an increase of 12.5% compared to 2011',
            '12.5% more than 2011', '12.5% higher than in 2011', 'Net sales for the function grew 12.5%',
            '12.5% (unless noted)', '12.5%, except per share data', 'range: 12.5%', '12.5% of selected items',
            'Class A shares: 12.5%', 'The prompt payment discount is 12.5%', 'The S&P 500 return was 12.5%',
            'The system-wide sales grew 12.5%', 'The change from december 31 , 2012 to december 31 , 2013 was 12.5%',
            'Print revenue grew 12.5%', 'The import duty is 12.5%', 'The reward rate is 12.5%',
            'The gold standard fund returned 12.5%', 'The lambda was 12.5%',
            'It might seem low, but the margin is 12.5%')
        + W('0.125', 'The return was 13.5%.', 'more than 12.5%', 'not 12.5%', 'The return was not 12.5%',
            'return 0.125', '12.5% or more', 'over 12.5%', 'at least 12.5%', 'between 12.5% and 13%',
            '12.5% versus 13%', '12.5% in 2011 and 13% in 2012', 'mark it as 12.5%', 'The return was -12.5%',
            'it fell 12.5%'),
    'direction': R('0.547', 'The percentage decrease in debt is 54.7%', 'the decline was 54.7%',
                   'decrease: 54.7%') + R('-0.547', 'The percentage decrease in debt is 54.7%', 'the decline was 54.7%',
                                          'a decrease of 54.7%', 'debt fell 54.7%', 'The decrease is -54.7%')
        + W('0.547', 'a decrease of 54.7%', 'debt decreased by 54.7%', '54.7% decrease', 'The decrease is -54.7%',
            'The decrease is (54.7%)') + W('-0.547', 'The increase is 54.7%', '54.7%'),
}

MATH = {
    'mixed numbers': R('-3\\frac{1}{2}', '-3.5', '-\\frac72', '-3\\frac12', '-3½', '-3 1/2',
                       '-(3+1/2)') + W('-3\\frac{1}{2}', '-2.5', '-\\frac32', '3.5',
                                       '-\\frac52') + R('(-1\\frac12, 2)',
                                                        '(-1.5,2)') + R('3', '5-2',
                                                                        '5\\frac12-2\\frac12') + W('3',
                                                                            '5\\frac12+2\\frac12'),
    'around a box': R('-18', '-\\boxed{18}', '$-\\boxed{18}$') + W('18', '-\\boxed{18}', '\\boxed{18}^2',
                                                                   '\\sqrt{\\boxed{18}}', '2\\boxed{18}',
                                                                   '\\boxed{18}\\pi') + R('\\frac{\\sqrt2}{2}',
                                                                                          '\\sqrt{\\boxed{\\frac12}'
                                                                                          '}') + W('\\frac12',
                                                                                              '\\sqrt{\\boxed{\\frac12'
                                                                                              '}}') + R('23.45\\%',
                                                                                                  '\\boxed{23.45}\\%')
        + R('6', '2\\cdot\\boxed{3}', '\\boxed{6}', '(a) \\boxed{6}',
            'Step 3. \\boxed{6}') + R('5\\pi', '\\boxed{5}\\pi') + W('0.2345',
                                                                     '\\boxed{0.2345}\\%') + R('90^\\circ',
                                                                         '\\boxed{90}^\\circ') + R('1500000',
                                                                             '\\boxed{1.5} million') + R('\\text{C}',
                                                                                 '(\\boxed{C})',
                                                                                 '\\textbf{(\\boxed{C})}'),
    'ellipses and conditions': R('2, 4, \\ldots, 2n', '2,4,\\dots,2n', '2, 4, ..., 2n',
                                 '$2, 4, \\ldots, 2n$') + W('2, 4, \\ldots, 2n', '1, 3, \\ldots, 2n-1', '2, 4',
                                                            '2, 4, \\ldots, n', '2, 4, 2n',
                                                            'n') + W('1, 2, 3', '1, 2, 3, ...')
        + R('2n\\pi-\\frac{\\pi}{2}, n \\in \\mathbb{Z}', '2n\\pi - \\pi/2, n\\in\\mathbb{Z}',
            '-\\frac{\\pi}{2}+2n\\pi, n \\in \\mathbb{Z}') + W('2n\\pi-\\frac{\\pi}{2}, n \\in \\mathbb{Z}', 'n',
                                                               'n \\in \\mathbb{Z}',
                                                               '2n\\pi+\\frac{\\pi}{2}, n \\in \\mathbb{Z}',
                                                               '2n\\pi-\\frac{\\pi}{2}, n \\in \\mathbb{N}')
        + R('x \\equiv 3 \\pmod{7}', 'x\\equiv 3\\pmod 7', 'x \\equiv 3 \\mod 7',
            'x \\equiv 10 \\pmod 7') + W('x \\equiv 3 \\pmod{7}', 'x \\equiv 3 \\pmod{8}', 'x \\equiv 4 \\pmod 7',
                                         'x=3', '3') + W('g(x)=0',
                                                         '\\forall x>0, g(x)=0') + W('1+2+\\cdots+n', '1+2+\\cdots+2n'),
    'dimensions and units': R('4 \\mathrm{ft} \\times 12 \\mathrm{ft}', '4 ft × 12 ft', '4ft \\times 12ft',
                              '12 ft by 4 ft') + W('4 \\mathrm{ft} \\times 12 \\mathrm{ft}', '4', '48', '4 ft',
                                                   '6 ft × 8 ft',
                                                   '4 ft \\times 13 ft') + W('5 \\text{ hours } 30 \\text{ minutes}',
                                                                             '5 hours', '5 hours 20 minutes')
        + R('50\\text{ cents}', '50 cents', '50', '0.5 dollars') + W('50\\text{ cents}', '5 dollars', '50 dollars'),
    'branch cuts and integers': R('\\frac{1}{\\sqrt{m}}', '\\sqrt{\\frac1m}',
                                  'm^{-1/2}') + R('\\sqrt{\\frac{x}{y}}', '\\frac{\\sqrt x}{\\sqrt y}',
                                                  '\\frac{\\sqrt{xy}}{y}') + R('-\\ln x', '\\ln\\frac1x',
                                                                               '\\ln(1/x)') + W('-\\ln x', '\\ln x',
                                                                                   '\\ln(-x)') + R('x\\sqrt x',
                                                                                       '\\sqrt{x^3}', 'x^{3/2}')
        + W('x', '\\sqrt{x^2}', '|x|') + R('|x|', '\\sqrt{x^2}') + R('\\ln a + \\ln b',
                                                                     '\\ln(ab)') + R('\\binom{n}{2}',
                                                                                     '\\frac{n(n-1)}{2}',
                                                                                     '{n \\choose 2}', '\\dbinom n2',
                                                                                     '\\binom{n}{n-2}')
        + W('\\binom{n}{2}', '\\frac{n(n+1)}{2}', '\\binom{n}{3}', 'n^2')
        + R('n!', 'n(n-1)!', '\\frac{(n+1)!}{n+1}') + W('n!', '(n-1)!', 'n(n-2)!',
                                                        'n^n') + R('(n+1)!',
                                                                   '(n+1)n!') + R('(-1)^n', '\\cos(n\\pi)',
                                                                                  '(-1)^{n+2}') + W('(-1)^n',
                                                                                      '(-1)^{n+1}', '1') + W('x^2',
                                                                                          'x^3', '2x'),
    'names': R('S = \\{1, 2\\}', 'S=\\{2,1\\}', '\\{1,2\\}', 'S=\\{1,2\\}') + W('S = \\{1, 2\\}', 'S=\\{1,3\\}',
                                                                                '\\{1\\}',
                                                                                'x=1, y=2') + R('A = (0, 2)', 'A=(0,2)',
                                                                                    '(0,2)') + W('A = (0, 2)',
                                                                                        'A=(2,0)', '(0,2]',
                                                                                        'A=[0,2)') + R('D = [0, 1]',
                                                                                            'D=[0,1]',
                                                                                            '0 \\le x \\le 1')
        + R('(x,y) = (1,2)', '(x, y)=(1, 2)', '(1,2)', 'x=1, y=2', 'x = 1 \\text{ and } y = 2',
            'y=2, x=1') + W('(x,y) = (1,2)', '(2,1)', '(y,x)=(1,2)', 'x=2, y=1',
                            'x=1') + R('(p,q)=(3,2)', '(3,2)') + R('(3,2)',
                                                                   '(p,q)=(3,2)') + R('p=5,q=2;p=7,q=2', '(5,2),(7,2)')
        + W('p=5,q=2;p=7,q=2', '(5,2),(7,3)', '(5,2)') + R("f'(x)=2x", '2x', "f'(x) = 2x",
                                                           'f^{\\prime}(x)=2x') + W("f'(x)=2x", '2',
                                                                                    'x^2') + R('\\frac{dy}{dx}=2x',
                                                                                        '2x', '\\frac{dy}{dx} = 2x')
        + R('\\|\\mathbf{u}\\|=\\sqrt{13}', '\\sqrt{13}', '\\|\\mathbf{u}\\| = \\sqrt{13}')
        + W('\\|\\mathbf{u}\\|=\\sqrt{13},\\|\\mathbf{v}\\|=\\sqrt{22}',
            '\\|\\mathbf{u}\\|=\\sqrt{13},\\|\\mathbf{v}\\|=\\sqrt{23}') + W('x=5', 'y=5',
                                                                             '\\lambda=5') + W('0', '5x-2y+11=0'),
    'ratios and times': R('3:4', '3 : 4', '6:8', '3/4') + W('3:4', '4:3', '3:5',
                                                            '34') + R('V_1:V_2=11:21',
                                                                      '11:21') + R('A:B=1',
                                                                                   '1') + W('V_1:V_2=11:21',
                                                                                       '21:11')
        + R('3:30 \\text{ p.m.}', '3:30pm', '3:30 PM', '03:30 p.m.')
        + W('3:30 \\text{ p.m.}', '3:30 am', '3:00 pm', '10%')
        + R('2:30', '02:30', '2:30.') + W('2:30', '2:03', '230', '1:15', '12:30'),
    'other languages': R('3, -5', '3 或 -5', 'x=3或x=-5', '3 和 -5') + W('3, -5', '3 或 5', '3'),
    'names of letters are no code': R('\\lambda = 5', '\\lambda=5', '5',
                                      '$\\lambda = 5$') + R('2\\lambda+1', '1+2\\lambda',
                                                            '\\lambda+\\lambda+1') + R('e^{-\\lambda}',
                                                                                       '\\frac{1}{e^{\\lambda}}',
                                                                                       '\\exp(-\\lambda)')
        + R('\\frac{def}{d+e}', '\\frac{def}{d+e}', '\\frac{fed}{e+d}') + R('abc+def', 'def+abc')
        + W('\\lambda', '\\mu', '2\\lambda', '5', 'lambda x: 5') + W('5', 'lambda: 5', 'def f(): return 5', 'return 5',
                                                                     'import sympy'),
    'rounded right': R('\\frac{1}{12}', '0.0833333333333333', '0.0833333') + R('\\sqrt{17}', '4.123105625617661',
                                                                               '4.12311') + R('4.123105625617661',
                                                                                   '\\sqrt{17}') + W('\\frac{1}{12}',
                                                                                       '0.08333', '0.083',
                                                                                       '0.0833334') + W('\\sqrt{17}',
                                                                                           '4.1231', '4.12', '4.12310',
                                                                                           '17') + W('\\frac18',
                                                                                               '0.125001',
                                                                                               '0.12')
        + W('(3, \\frac{\\pi}{2})', '(3, 1.57)'),
    'inequalities': R('x < 1', '-x > -1', '2x < 2', '(-\\infty, 1)', '1 > x',
                      'x-1 < 0') + W('x < 1', 'x > 1', '-x < -1', 'x \\le 1') + R('x \\in [-2,7]', '-2 \\le x \\le 7',
                                                                                  '[-2,7]',
                                                                                  'x \\\\in [-2,7]')
        + R('-2 \\\\le x \\\\le 7', 'x \\in [-2,7]') + W('-1<x \\leqslant 1:(-1,1]', '-1<x \\leqslant 1:(-1,2]')
        + R('-1<x \\leqslant 1:(-1,1]', '(-1,1]'),
    'damaged and doubled': R('\x0crac{1}{3}', '\\frac{1}{3}', '1/3') + R('\\frac{1}{3}', '\x0crac{1}{3}',
                                                                         '\\\\frac{1}{3}',
                                                                         '\\\\dfrac{1}{3}') + R('2\x0crac{1}{3}',
                                                                             '7/3') + W('\x0crac{1}{3}', '1',
                                                                                 '3') + R('11000', '11,\\!000',
                                                                                     '11,\\,000', '11\\,000',
                                                                                     '11\\ 000')
        + R('\\boxed{1} papers and \\boxed{2} bins', '1,2') + W('\\boxed{1} papers and \\boxed{2} bins', '1'),
    'part of a text': W('4', '4 \\mathrm{ft} \\times 12 \\mathrm{ft}') + W('2', '2e', '2x',
                                                                           '2\\pi') + W('12!',
                                                                                        '12') + R('12',
                                                                                            '12!') + R('12!', '12!',
                                                                                                '479001600') + W('B',
                                                                                                    'A, B')
        + W('\\text{A, B}', 'B')
        + R('\\text{A, B}', 'A, B', 'A,B')
        + R('12 - 3\\sqrt{7}', '12 - 3√7')
        + R('3\\sqrt{13}', '3√13', '3sqrt13')
        + W('3\\sqrt{13}', '3√1', '3\\sqrt{1}3'),
    'no exception': W('y=2x+3', '=', '==', 'x;=', '=,', ';', '=;=') + W('1,2,3', 'x;=', '=',
                                                                        '1,=,3') + W('(1,2)', '(,)', '(=,=)',
                                                                                     '()') + W('x>1', '>', '<>', '><'),
}


TABLES = ('gsm8k', GSM8K), ('finqa', FINQA), ('math', MATH)


@pytest.mark.parametrize('kind, rows', [pytest.param(kind, rows, id=f'{kind}-{name}') for kind, groups in TABLES
                                        for name, rows in groups.items()])
def test_a_kind_and_its_neighbours(kind, rows):
    verdicts = [(verify(f'<answer>{block}</answer>', gold, kind), block, gold, right) for block, gold, right in rows]
    assert [(block, gold, v.reason) for v, block, gold, right in verdicts if v.ok is not right] == []
    assert 'internal_error' not in {v.reason for v, *_ in verdicts}


@pytest.mark.parametrize('gold, kind', [('\\frac{1}{', 'math'), ('x^', 'math'), ('$$', 'math'), ('nan', 'math'),
                                        ('', 'math'), ('n/a', 'gsm8k'), ('18 or 19', 'gsm8k'), ('unknown', 'finqa'),
                                        ('1' * 5000, 'math'), (',1' * 250_000, 'math'), ('7' * 750_000, 'gsm8k')])
def test_a_gold_that_nobody_can_read_is_unscored_and_named(gold, kind):
    problem = gold_problem(gold, kind)
    assert problem and len(problem) < 300
    assert verify('<answer>18</answer>', gold, kind).reason == 'bad_gold'


@pytest.mark.parametrize('gold, kind', [('18', 'gsm8k'), ('1,000', 'gsm8k'), ('0.125', 'finqa'), ('yes', 'finqa'),
                                        ('\\text{none}', 'math'), ('(1,2]', 'math'), ('\\frac{1}{3}', 'math'),
                                        ('\x0crac{1}{3}', 'math'), ('\\text{Tuesday}', 'math'), ('-1', 'math'),
                                        ('x>3', 'math')])
def test_a_gold_that_can_be_read_has_no_problem(gold, kind): assert gold_problem(gold, kind) is None


def test_repairs_can_be_counted():
    assert repaired_gold('\x0crac{1}{3}') == '\\frac{1}{3}' and repaired_gold('\\\\sqrt{2}') == '\\sqrt{2}'
    assert repaired_gold('18') == '18'


@pytest.mark.parametrize('answer, bare', [('**Friday**', 'Friday'), ('\\boxed{-4}', '-4'), ('The answer is -4.', '-4'),
                                          ('The answer is **Friday**.', 'Friday'), ('```\nA B\nC D\n```', 'A B\nC D'),
                                          ('$x=3$', 'x=3'), ('3.5', '3.5'), ('A. B. C.', 'A. B. C.'),
                                          ('Friday', 'Friday')])
def test_a_scorer_gets_the_value_without_its_dress(answer, bare): assert bare_answer(answer) == bare


@pytest.mark.parametrize('piece', [' ', '$', '🎉', '\\', '{', '1,', '\\frac', 'a '])
def test_a_long_gold_costs_little_and_is_unscored(piece):
    for kind in ('gsm8k', 'finqa', 'math'): assert verify('<answer>18</answer>',
                                                          'x' + piece * (100_000 // len(piece)) + 'x',
                                                          kind).reason == 'bad_gold'


@pytest.mark.parametrize('opens, closes', [('<think>', '</think>'), ('<thinking>', '</thinking>'),
                                           ('<thought>', '</thought>'), ('[THINK]', '[/THINK]')])
def test_an_answer_in_a_thought_is_none(opens, closes):
    thought = f'{opens}<answer>18</answer>{closes}'
    assert verify(thought, '18', 'gsm8k').reason == 'no_block'
    assert verify(f'{thought} I am not sure.', '18', 'gsm8k').reason == 'no_block'
    assert verify(f'{opens}so <answer>18</answer>', '18', 'gsm8k').reason == 'no_block'
    assert verify(f'{opens}if <answer>17</answer>? no{closes}\n<answer>18</answer>', '18', 'gsm8k')
