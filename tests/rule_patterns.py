"""What the regular expressions in the modules of the rules for mentions can match."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import product
from math import inf
from re import _constants as sre
from re import _parser as parser

from foxgrape.places.mention_reach import RULES

LETTERS = "абвгдежзийклмнопрстуфхцчшщьюяєіїґыэъёabcdefghijklmnopqrstuvwxyz"
WITHIN = "0_'’ʼ-‑"
SIGNS = ' \n\u00a0.,:;!?/«»„“”"()*–—🔥'
_REPEATS = {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}
#: A class with more letters is any letter.
_FEW = 6


def patterns():
    """Return the patterns of all modules of the rules by name."""
    return {
        name: value
        for module in RULES
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
    }


def searched():
    """Return the names of the patterns that are searched for, not only matched at a position."""
    trees = [ast.parse(inspect.getsource(module)) for module in RULES]
    return {
        call.func.value.id
        for tree in trees
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in {"search", "finditer", "findall"}
        and isinstance(call.func.value, ast.Name)
    }


def inline():
    """Return the calls of the module re inside functions."""
    return [
        ast.unparse(call)
        for module in RULES
        for function in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) == "re"
        and call.func.attr in {"match", "search", "fullmatch", "findall", "compile"}
    ]


def tree(pattern):
    return list(parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))


def ends_at_end(pattern):
    return tree(pattern)[-1] == (sre.AT, sre.AT_END)


def n_words(pattern):
    """Return the maximum number of words that a match may touch."""
    skeleton = _skeleton(tree(pattern))
    return inf if "∞" in skeleton else len(re.findall("w+", skeleton.replace("a", "sws")))


def _skeleton(nodes):
    """Return w for characters of words, s for others, a for any; ∞ for what goes on over words."""
    parts = []
    for op, value in nodes:
        if op in {sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN}:
            in_word, between = _kinds(op, value)
            parts.append("a" if in_word and between else "w" if in_word else "s")
        elif op is sre.BRANCH:
            branches = [_skeleton(branch) for branch in value[1]]
            parts.append(max(branches, key=lambda some: ("∞" in some, len(re.findall("w+", some)))))
        elif op in {sre.SUBPATTERN, sre.ATOMIC_GROUP}:
            parts.append(_skeleton(value[-1] if op is sre.SUBPATTERN else value))
        elif op in _REPEATS:
            _, most, body = value
            inner = _skeleton(body)
            mixes = "a" in inner or {"w", "s"} <= set(inner)
            endless = most is sre.MAXREPEAT and mixes
            parts.append("∞" if endless else inner * (most if mixes else 1))
    return "".join(parts)


def _kinds(op, value):
    """Return whether a node can match a character of a word, and another."""
    pattern = _pattern(op, value)
    return any(map(pattern, LETTERS + LETTERS.upper() + WITHIN)), any(map(pattern, SIGNS))


def _pattern(op, value):
    """Return a function that tells whether a node of one character matches it."""

    def matches(sign):
        if op is sre.LITERAL:
            return ord(sign) == value
        if op is sre.NOT_LITERAL:
            return ord(sign) != value
        if op is sre.ANY:
            return sign != "\n"
        negated = value[0] == (sre.NEGATE, None)
        return negated != any(_has(item, sign) for item in value[negated:])

    return matches


def _has(item, sign):
    op, value = item
    if op is sre.LITERAL:
        return ord(sign) == value
    if op is sre.RANGE:
        return value[0] <= ord(sign) <= value[1]
    kind = str(value)
    test = sign.isspace() if "SPACE" in kind else sign.isdigit()
    test = sign.isalnum() or sign == "_" if "WORD" in kind else test
    return test != ("NOT" in kind)


def pieces(pattern):
    """Return the letters that a pattern has in a row: letters, begin of word, end of word.

    Letters within a word that has others before are left out.
    """
    in_row = set()
    for state in _expand(tree(pattern), {("", True)}, in_row):
        _flush(state, in_row, ends=True)
    return in_row


def _flush(state, in_row, *, ends):
    """Add the letters of a state; return the state behind them, within the same word."""
    text, begins = state
    if text and begins is not None:
        in_row.add((text, begins, ends))
    return "", None if text or begins is None else False


def _expand(nodes, states, in_row):
    """Return the states after a sequence: letters so far, and whether they begin a word.

    This is None behind other letters. Add what ends within the sequence to `found`.
    """
    for op, value in nodes:
        if op in {sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN}:
            states = _extend(op, value, states, in_row)
        elif op is sre.BRANCH:
            states = {end for branch in value[1] for end in _expand(branch, states, in_row)}
        elif op in {sre.SUBPATTERN, sre.ATOMIC_GROUP}:
            states = _expand(value[-1] if op is sre.SUBPATTERN else value, states, in_row)
        elif op in _REPEATS:
            least, most, body = value
            once = _expand(body, states, in_row)
            if most is sre.MAXREPEAT or most > 1:
                once = {_flush(state, in_row, ends=False) if state[0] else state for state in once}
            states = once | (states if least == 0 else set())
        elif op in {sre.AT, sre.ASSERT, sre.ASSERT_NOT}:
            if op is sre.ASSERT:
                _expand(value[1], {("", True)}, in_row)
            is_end = op is sre.AT or value[0] < 0
            for state in states if is_end else ():
                _flush(state, in_row, ends=True)
            states = {("", True)} if is_end else states
        else:
            raise AssertionError(op)
    return states


def _extend(op, value, states, in_row):
    matches = _pattern(op, value)
    few = sorted({sign.lower() for sign in LETTERS + LETTERS.upper() if matches(sign)})
    is_between = any(map(matches, SIGNS))
    if not is_between and 0 < len(few) <= _FEW:
        return {(text + sign, begins) for (text, begins), sign in product(states, few)}
    if not is_between and not few and any(map(matches, WITHIN[2:])):
        return {("", None)}  # words with a hyphen or an apostrophe are kept
    behind = {_flush(state, in_row, ends=is_between and not few) for state in states}
    return {("", True)} if is_between else behind


def sees(pattern, sign):
    """Return whether any part of a pattern matches a character."""
    return any(_pattern(op, value)(sign) for op, value in _characters(tree(pattern)))


def _characters(nodes):
    """Yield the nodes of one character."""
    for op, value in nodes:
        if op in {sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN}:
            yield op, value
        elif op is sre.BRANCH:
            for branch in value[1]:
                yield from _characters(branch)
        elif op is not sre.AT:
            yield from _characters(value if op is sre.ATOMIC_GROUP else value[-1])
