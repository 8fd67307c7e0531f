"""Words as the correlator compares them: folded, without endings, in any script.

Russian and Kazakh put endings on names ("Саина", "Саинда", "Сайынның"), Kazakh is typed with and
without its own letters, and both are typed in Latin script. All of these end at one stem.
"""

from __future__ import annotations

import re
from functools import lru_cache

from core.spelling import fold, tokens

_DIGITS = re.compile(r"\d+")
_ENDINGS = """
ами иами ого его ому ему ими иах ах ов ев ом ем ам иам ои еи их ому аиа уиу ие ат ит ет ут а е и
о у иа иу иут ав ив са ша ие ниа ние ниу на нои нои лар лер дар дер тар тер лари лери дари дери
тари тери нин дин тин га ге ка ке не ди ти да де та те дан ден тан тен нан нен мен бен пен даги
деги таги теги им ин си инда инде ина ине инан инен ган ген кан кен пти адан еден
"""
_SUFFIXES = frozenset(_ENDINGS.split())
_LENGTHS = sorted({len(ending) for ending in _SUFFIXES}, reverse=True)
_MIN_STEM = 4

_COMMON = """
и в во на не с со что как а то все она так его но да ты к у же вы за бы по ее мне было вот от
меня еще нет о из ему теперь когда даже ну ли если или ни быть был него до вас опять уж вам
сказал ведь там потом себя ничего ей может они тут где есть надо ней для мы тебя их чем была сам
чтоб без будто чего раз тоже себе под будет тогда кто этот того потому этого какой совсем ним
здесь этом один почти мой тем чтобы нее кажется сейчас были куда зачем всех никогда можно при об
про это эта эти уже только просто очень вроде кто нибудь люди блин короче через после перед мен
сен ол бiз бiр бир осы мына ана сол да де та те ма ме ба бе па пе мен бен пен ушин гои гана
жатир жур тур отир болип бар жок емес деп деиди деп екен керек еди едик енди али казир казирги
кеше бугин кайда калаи неге ким не бул оны он соны жакта жак жаин
"""
_STOP = frozenset(_COMMON.split())


@lru_cache(maxsize=262_144)
def stem(folded: str) -> str:
    """A folded word without Russian and Kazakh endings, at least four letters."""
    word = folded
    while True:  # to the end, so that forms with one ending more meet those with one less
        for length in _LENGTHS:
            if len(word) - length >= _MIN_STEM and word[-length:] in _SUFFIXES:
                word = word[:-length]
                break
        else:
            return word


@lru_cache(maxsize=262_144)
def key_of(token: str) -> str | None:
    """The stem that a token is compared by; ``None`` for numbers, single letters, stop words."""
    if token.isdigit():
        return None
    folded = fold(token)
    if len(folded) < 2 or folded in _STOP:
        return None
    return stem(folded)


def stems(text: str) -> frozenset[str]:
    """The stems of a text without stop words and plain numbers."""
    return frozenset(key for key in map(key_of, tokens(text)) if key)


def numbers(text: str) -> list[str]:
    """Runs of digits in a text."""
    return _DIGITS.findall(text)
