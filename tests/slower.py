"""What the default run of the tests leaves to EVERYTHING=1: further values of a parameter, further random examples."""
import os

import pytest


def some(values, *kept):
    "All `values`, those that aren't among `kept` with the marker `everything`; a value that is a tuple is a row."
    values = list(values)
    assert kept and all(any(value is k or value == k for value in values) for k in kept), 'kept, and no value'
    def marked(value):
        row = value if isinstance(value, tuple) else (value,)
        return value if value in kept else pytest.param(*row, marks=pytest.mark.everything)
    return [marked(value) for value in values]


def examples(most):
    "How many random examples are tried: a quarter of `most` in the default run."
    return most if os.environ.get('EVERYTHING') else most // 4
