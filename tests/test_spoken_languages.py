"""A small talk in each language: quotes found, ids corrected, titles in the language asked for, no other."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from llm.choose import choose
from llm.quotes import letters, place_of
from pipeline.records import Choice, Wish
from tests.choosing import options, parts_of, sentence, talk
from tests.fake_llm import FakeLlm, Question, Script, clip, says


@dataclass(frozen=True)
class Talk:
    """`quote`: the second sentence's opening as a model might copy it. `title`: one that the talk bears."""

    language: str
    name: str
    said: tuple[str, ...]
    quote: str
    title: str


TALKS = (
    Talk(
        "en",
        "English",
        (
            "Good evening to all of you.",
            "Um, why does bread need a whole night?",
            "Most people think it is the yeast.",
            "It is not, it is the flour that needs 12 hours.",
            "My grandmother in Lyon knew that.",
            "So patience is an ingredient.",
            "Thank you very much.",
        ),
        "Why does bread need",
        "What a grandmother in Lyon knew of bread",
    ),
    Talk(
        "id",
        "Indonesian",
        (
            "Selamat malam semuanya.",
            "Mengapa roti perlu waktu semalaman?",
            "Kebanyakan orang mengira karena ragi.",
            "Bukan, tepungnya yang perlu 12 jam.",
            "Nenek saya di Bandung tahu itu.",
            "Jadi kesabaran adalah bahan.",
            "Terima kasih banyak.",
        ),
        "mengapa roti perlu waktu",
        "Rahasia roti dari nenek di Bandung",
    ),
    Talk(
        "es",
        "Spanish",
        (
            "Buenas noches a todos.",
            "¿Por qué el pan necesita toda una noche?",
            "La mayoría cree que es la levadura.",
            "No, es la harina la que necesita 12 horas.",
            "Mi abuela en Sevilla lo sabía.",
            "Así que la paciencia es un ingrediente.",
            "Muchas gracias.",
        ),
        "Por que el pan necesita",
        "Lo que mi abuela sabía en Sevilla",
    ),
    Talk(
        "de",
        "German",
        (
            "Guten Abend zusammen.",
            "Warum braucht ein Brot die ganze Nacht?",
            "Die meisten glauben, es sei die Hefe.",
            "Nein, das Mehl braucht 12 Stunden.",
            "Meine Großmutter in Köln wusste das.",
            "Also ist Geduld eine Zutat.",
            "Vielen Dank.",
        ),
        "WARUM BRAUCHT EIN BROT",
        "Was die Grossmutter in Köln über Brot wusste",
    ),
    Talk(
        "fr",
        "French",
        (
            "Bonsoir à toutes et à tous.",
            "Pourquoi le pain a-t-il besoin d’une nuit entière ?",
            "La plupart pensent que c’est la levure.",
            "Non, c’est la farine qui veut 12 heures.",
            "Ma grand-mère à Lyon le savait.",
            "Donc la patience est un ingrédient.",
            "Merci beaucoup.",
        ),
        "Pourquoi le pain a t il besoin d'une",
        "Pourquoi le pain dort une nuit à Lyon",
    ),
    Talk(
        "pt",
        "Portuguese",
        (
            "Boa noite a todos.",
            "Por que o pão precisa de uma noite inteira?",
            "A maioria acha que é o fermento.",
            "Não, é a farinha que precisa de 12 horas.",
            "A minha avó em Lisboa sabia disso.",
            "Então a paciência é um ingrediente.",
            "Muito obrigada.",
        ),
        "por que o pao precisa de uma",
        "O segredo do pão de Lisboa",
    ),
    Talk(
        "ja",
        "Japanese",
        (
            "皆さん、こんばんは。",
            "なぜパンには一晩が必要なのでしょうか?",
            "多くの人はイーストのためだと思っています。",
            "違います、12時間必要なのは小麦粉です。",
            "リヨンの祖母はそれを知っていました。",
            "つまり忍耐も材料なのです。",
            "ありがとうございました。",
        ),
        "なぜ パン には 一晩が",
        "パンに一晩が必要な理由",
    ),
    Talk(
        "ar",
        "Arabic",
        (
            "مساء الخير جميعا.",
            "لِماذا يَحتاجُ الخُبزُ إلى ليلةٍ كاملة؟",
            "يظن أكثر الناس أن السبب هو الخميرة.",
            "لا، الطحين هو الذي يحتاج إلى 12 ساعة.",
            "كانت جدتي في دمشق تعرف ذلك.",
            "إذن الصبر من المكونات.",
            "شكرا جزيلا.",
        ),
        "لماذا يحتاج الخبز الى",
        "سر الخبز في دمشق",
    ),
)
WISH = Wish("talk.mp4", count=1, min_ms=20_000, max_ms=40_000)


def names(title: str) -> Script:
    return lambda q: says({f"clip_{s.number}": {"title": title, "hook": title} for s in q.shown})


def chosen(
    spoken: Talk, quote: str, named: int, title: str, wish: Wish = WISH
) -> tuple[Choice, list[Question]]:
    """The choice of a model that names that sentence with that quote, and what it was asked."""
    film = talk(len(spoken.said), said=dict(enumerate(spoken.said)), language=spoken.language)
    find: Script = lambda question: says([clip(named, 5, 90, key=3, quote=quote)])  # noqa: E731
    with FakeLlm(find, name=names(title)) as server:
        choice = choose(film, parts_of(film), wish, options(server))
    assert server.complaints == []
    return choice, server.questions


@pytest.mark.parametrize("spoken", TALKS, ids=lambda spoken: spoken.language)
@pytest.mark.parametrize("named", [1, 0, 2, 3])
def test_the_quote_finds_its_sentence(spoken: Talk, named: int) -> None:
    choice, asked = chosen(spoken, spoken.quote, named, spoken.title)
    assert (choice.picks[0].first, choice.picks[0].last) == (1, 5)
    assert (choice.picks[0].title, choice.picks[0].hook) == (spoken.title, spoken.title)
    assert not choice.made_by.fallback and choice.picks[0].score == 90
    assert all(line in asked[0].user for line in spoken.said)
    assert f"{spoken.name} (code {spoken.language})" in asked[-1].text


@pytest.mark.parametrize("spoken", TALKS, ids=lambda spoken: spoken.language)
@pytest.mark.parametrize(
    "wrong", ["a sentence nobody said here", "誰も言わなかった文です", "", "?!", "لم يقل أحد هذا"]
)
def test_words_that_nobody_said_are_refused(spoken: Talk, wrong: str) -> None:
    choice, asked = chosen(spoken, wrong, 1, spoken.title)
    assert choice.made_by.name == "heuristic"
    assert "sentence 1 does not begin with the quoted words" in choice.made_by.fallback
    assert [question.is_repair for question in asked] == [False, True]


@pytest.mark.parametrize("spoken", TALKS, ids=lambda spoken: spoken.language)
def test_an_id_too_far_off_is_refused(spoken: Talk) -> None:
    choice, _ = chosen(spoken, spoken.quote, 4, spoken.title)
    assert "sentence 4 does not begin with the quoted words" in choice.made_by.fallback


@pytest.mark.parametrize("spoken", TALKS, ids=lambda spoken: spoken.language)
@pytest.mark.parametrize("wanted", TALKS, ids=lambda wanted: f"to {wanted.language}")
def test_titles_come_in_the_language_asked_for(spoken: Talk, wanted: Talk) -> None:
    wish = Wish("talk.mp4", count=1, min_ms=20_000, max_ms=40_000, output_language=wanted.language)
    choice, asked = chosen(spoken, spoken.quote, 1, wanted.title, wish)
    assert choice.picks[0].title == wanted.title
    assert f"{wanted.name} (code {wanted.language})" in asked[-1].text
    numbered, _ = chosen(spoken, spoken.quote, 1, f"{wanted.title} 13", wish)
    assert "13" not in numbered.picks[0].title and "own words" in numbered.made_by.settings
    told, _ = chosen(spoken, spoken.quote, 1, f"{wanted.title} 12", wish)
    assert told.picks[0].title == f"{wanted.title} 12"


@pytest.mark.parametrize("language", ["ja", "ar"])
def test_an_english_title_is_no_japanese_or_arabic_one(language: str) -> None:
    (spoken,) = (each for each in TALKS if each.language == language)
    choice, _ = chosen(spoken, spoken.quote, 1, "The secret of bread")
    assert choice.picks[0].title != "The secret of bread"
    assert "not in the language asked for" in choice.made_by.settings


def test_letters_are_what_is_left_of_a_text() -> None:
    assert letters("L’été — GROẞE Straße, 3½!") == "letegrossestraße31⁄2".replace("ß", "ss").replace("⁄", "")
    assert letters("مُحَمَّــد") == letters("محمد") and letters("が　ぎ、") == letters("がぎ")
    assert letters(" …?!") == ""


SENTENCES = [
    sentence(n, text) for n, text in enumerate(("Yes.", "And so it went on.", "Yes.", "And so we left."))
]


@pytest.mark.parametrize(
    ("quote", "first", "place"),
    [
        ("Yes", 0, 0),
        ("Yes", 1, None),  # too short to move an id
        ("yes and so it went", 0, 0),  # runs on into the next sentence
        ("and so it went on yes", 0, 1),
        ("And so we", 1, 3),  # also the beginning of sentence 1, almost: the exact place is taken
        ("so we left", 3, 3),
        ("And so wee left", 3, 3),
        ("Ye", 0, None),
        ("left", 3, None),
    ],
)
def test_where_a_quote_begins(quote: str, first: int, place: int | None) -> None:
    assert place_of(quote, first, SENTENCES, 0, 3) == place


def test_a_quote_is_not_found_outside_its_part() -> None:
    assert place_of("And so we left", 2, SENTENCES, 0, 2) is None
