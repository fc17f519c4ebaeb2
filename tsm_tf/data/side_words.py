"""Words for the two sides in class names, in several languages, and the names that mirror them."""

import collections
import re
import unicodedata

SIDES = (
    # Patterns of one side and of the other, in lower case. Without \b they also match inside a
    # word: swipeleft, leftwards, linksherum. The rest of the word must be the same on both sides.
    (r"left", r"right"),
    (r"(?:counter|anti)[- ]?clockwise", r"clockwise"),
    (r"\b(?:a?ccw|acw)\b", r"\bcw\b"),
    (r"\bl\b", r"\br\b"),
    (r"\bl(?=[ht]\b|hs\b|ft\b)", r"\br(?=[ht]\b|hs\b|ft\b)"),  # lh, lt, lhs, lft
    (r"links", r"rechts"),  # German, Dutch
    (r"\blink(?=e[nmrs]?\b)", r"\brecht(?=e[nmrs]?\b)"),
    (r"gegen (?:den )?uhrzeigersinn", r"(?:im )?uhrzeigersinn"),
    (r"gauche", r"droite?"),  # French
    (r"anti[- ]?horaire", r"horaire"),
    (r"izquierd", r"derech"),  # Spanish
    (r"anti[- ]?horario", r"horario"),
    (r"esquerd", r"direit"),  # Portuguese
    (r"\bsinistr(?=[aeio]\b)", r"\bdestr(?=[aeio]\b)"),  # Italian
    (r"vänster", r"höger"),  # Swedish
    (r"venstre", r"h(?:øy|øj)re"),  # Norwegian, Danish
    (r"vase(?:n|mma)", r"oikea"),  # Finnish
    (r"\blew(?=[aeoyą])", r"\bpraw(?=[aeoyą])"),  # Polish
    (r"\bv?lev(?=[aoýé]\b)", r"\bv?prav(?=[aoýé]\b)"),  # Czech, Slovak
    (r"лев", r"прав"),  # Russian, Ukrainian
    (r"\bsol(?=a?\b)", r"\bsağ(?=a?\b)"),  # Turkish
    (r"\bkiri\b", r"\bkanan\b"),  # Indonesian
    (r"\btrái\b", r"\bphải\b"),  # Vietnamese
    (r"αριστερ", r"δεξι"),  # Greek
    (r"左", r"右"),  # Chinese, Japanese
    (r"왼", r"오른"),  # Korean
    (r"שמאל", r"ימין"),  # Hebrew
    (r"يسار", r"يمين"),  # Arabic
    (r"बाएं|बाएँ", r"दाएं|दाएँ"),  # Hindi
)

_HARMLESS = re.compile(
    r"\b(?:(?:copy|up|out|down|birth|all ?)right|bright\w*|fright\w*|righteous\w*|\w*wrights?"
    r"|leftovers?|cleft|[bc]links)\b"
)
"""Words that hold a side's letters by chance. They count as sides only if they make a pair."""

_COMPASS = re.compile(r"\b(?:north|south)?(?:east|west)(?:wards?|ern)?\b")
_DIRECTION_LETTERS = set("lrudfbc")  # left, right, up, down, forward, back, centre

_SIDE = re.compile("|".join(f"({one})|({other})" for one, other in SIDES))
_FIRST_MARK = 0xE000  # private use in Unicode: no class name has these characters
_SWAPPED = {_FIRST_MARK + i: _FIRST_MARK + (i ^ 1) for i in range(2 * len(SIDES))}


def mirrored_names(labels: tuple[str, ...]) -> tuple[int | None, ...]:
    """Returns for each class name the index of its mirrored name.

    Capitals inside a word, digits, spaces, hyphens and underscores separate words; upper and lower
    case are the same. A name without a side is its own mirror image. None: the mirrored name is
    not among the labels or is there twice, or the name is unclear.
    """
    texts = [_normalise(label) for label in labels]
    letters = _letters_by_place(texts)

    marked = [_SIDE.sub(_mark, text) for text in texts]
    index = {name: i for i, name in enumerate(marked)}
    count = collections.Counter(marked)
    found: list[int | None] = []

    for i, (text, name) in enumerate(zip(texts, marked, strict=True)):
        mirrored = name.translate(_SWAPPED)
        if mirrored == name:
            is_unclear = _COMPASS.search(text) or _ends_in_letter(text, letters)
            found.append(None if is_unclear else i)
        elif count[name] == count[mirrored] == 1 and not _has_letter_of_many(text, letters):
            found.append(index[mirrored])
        else:
            found.append(None if _SIDE.search(_HARMLESS.sub("", text)) else i)

    return tuple(found)


def _mark(match):
    """Returns the character that stands for a side: the same in all of its forms."""
    return chr(_FIRST_MARK + match.lastindex - 1)


def _normalise(label):
    """Returns a name in lower case, with one space between words, numbers and signs."""
    text = unicodedata.normalize("NFKC", label)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text).lower()
    return " ".join(re.findall(r"[^\W\d_]+|\d+|[^\w\s-]", text))


def _places(text):
    """Yields each letter that stands alone in a name, with the text around it."""
    for match in re.finditer(r"\b[a-z]\b", text):
        yield match[0], (text[: match.start()], text[match.end() :])


def _letters_by_place(texts):
    letters = collections.defaultdict(set)
    for text in texts:
        for letter, place in _places(text):
            letters[place].add(letter)
    return letters


def _has_letter_of_many(text, letters):
    """Returns whether an L or R in a name is one letter of an alphabet, rather than a side."""
    return any(
        letter in "lr" and not letters[place] <= _DIRECTION_LETTERS
        for letter, place in _places(text)
    )


def _ends_in_letter(text, letters):
    """Returns whether a name ends in a letter that is not a direction, unlike `swipe_U`.

    A mirrored `letter S` is not a letter.
    """
    return any(
        not rest and letter != "a" and not {"l", "r"} <= letters[before, rest] <= _DIRECTION_LETTERS
        for letter, (before, rest) in _places(text)
    )
