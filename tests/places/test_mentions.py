"""Mentions: inflected names in three languages, only where they refer to a place."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.places import Gazetteer
from foxgrape.places.mention_context import CONTEXT, word_before
from foxgrape.places.mentions import find_mentions

DEFAULT = Gazetteer.default()


def spelling_and_place(text, gazetteer=DEFAULT):
    return [
        (text[mention.start : mention.end], mention.places[0].name)
        for mention in find_mentions(text, gazetteer)
    ]


def ids(text):
    return [{place.id for place in mention.places} for mention in find_mentions(text, DEFAULT)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Наші в Ізюмі", [("Ізюмі", "Izium")]),
        ("під Лисичанськом тихо", [("Лисичанськом", "Lysychansk")]),
        ("Бои за Изюм и Лисичанск", [("Изюм", "Izium"), ("Лисичанск", "Lysychansk")]),
        ("обстріли Херсона", [("Херсона", "Kherson")]),
        ("у Кривому Розі", [("Кривому Розі", "Kryvyi Rih")]),
        ("Біла Церква, Київ", [("Біла Церква", "Bila Tserkva"), ("Київ", "Kyiv")]),
        ("Izium’s liberation", [("Izium’s", "Izium")]),
        ("КУПЯНСЬК НАШ", [("КУПЯНСЬК", "Kupiansk")]),
        ("**Харків**!", [("Харків", "Kharkiv")]),
        ("\U0001f347 Харків", [("Харків", "Kharkiv")]),
        # Locatives of neuter names, whose phonetic keys equal those of the names.
        ("У Дніпрі пролунали вибухи", [("Дніпрі", "Dnipro")]),
        ("бої в Гуляйполі", [("Гуляйполі", "Huliaipole")]),
        ("у Курахові", [("Курахові", "Kurakhove")]),
        ("у Селидові", [("Селидові", "Selydove")]),
        ("у Шевченкові", [("Шевченкові", "Shevchenkove")]),
        # Russian forms of names that the gazetteer has in another spelling.
        ("Великая Новосёлка", [("Великая Новосёлка", "Velyka Novosilka")]),
        ("в Великой Новосёлке", [("Великой Новосёлке", "Velyka Novosilka")]),
        # A possessive adjective before a noun.
        ("до Часового Яру", [("Часового Яру", "Chasiv Yar")]),
        ("под Часовым Яром", [("Часовым Яром", "Chasiv Yar")]),
        ("Зміїний наш", [("Зміїний", "Snake Island")]),
        ("на Зміїному", [("Зміїному", "Snake Island")]),
        ("траса Харків-Ізюм", [("Харків", "Kharkiv"), ("Ізюм", "Izium")]),
        ("Куп'янськ-Вузловий", [("Куп'янськ-Вузловий", "Kupiansk-Vuzlovyi")]),
        ("Chornobyl", [("Chornobyl", "Chornobyl")]),
        # Hashtags of several words.
        ("#Ізюм", [("Ізюм", "Izium")]),
        ("#Ізюм_наш", [("Ізюм", "Izium")]),
        ("#ЛисичанськЦеУкраїна", [("Лисичанськ", "Lysychansk")]),
        ("#КривийРіг2022", [("КривийРіг", "Kryvyi Rih")]),
    ],
)
def test_names_are_found_in_any_inflected_form(text, expected):
    assert spelling_and_place(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "ізюм і родзинки",
        "Українці! Українки!",
        "Перемога буде за нами",
        "День Перемоги",
        "Станіслав сказав",
        "Володимир Зеленський",
        "Vladimir Putin",
        "Мені сказали",
        "орден Богдана Хмельницького",
        "Kharkiv region",
        "the Kherson Regional Council",
        "Сумська та Чернігівська області",
        "на Київському та Чернігівському напрямках",
        "вулиця Полтава",
        "Duchess of Cambridge",
        "ЗСУ і США",
        "Мирний, гордий, сильний",
        "the Donetsk People's Republic",
        "Lugansk republic",
        "Donetsk Obl",
        "the Luhansk sector",
        "загрози в Чорному морі",
        "the Zaporizhzhia Nuclear Power Plant",
        "нет в Чечне",
        "one of Pisky",
        # Rivers.
        "форсували Дніпро",
        "переправа через Дніпро",
        "вийшли на берег Дніпра",
        "на лівому березі Дніпра",
        "на Дніпрі тихо",
        "за Дніпром",
        "форсировали Днепр",
        "across the Dnipro",
        "the Dnipro River",
        "річка Оскіл",
        "на річці Ірпінь",
        # Cities abroad.
        "в Нью-Йорку",
        "в Берлине",
        "в Женеве",
        "в Грозном",
        "in Paris",
        "у Ростові",
        # Adjectives in other names, and people.
        "у Центральному банку",
        "в Красную книгу",
        "в Білій залі",
        "в Белом доме",
        "пам’ятник Леніну",
        "Северный поток",
        "в Советском Союзе",
        "Октябрьский суд",
        "Київський тролейбус",
        "Сіверський Донець",
        "на Донці",
        # Units, ships, clubs, books.
        "батальйон «Айдар»",
        "группировка Днепр",
        "полк «Азов»",
        "крейсер «Москва»",
        "роман «Місто»",
        "готель Дніпро",
        "",
    ],
)
def test_words_first_names_regions_and_streets_are_not_mentions(text):
    assert spelling_and_place(text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("бій під Станіславом", "Stanislav"),
        ("село Перемога", "Peremoha"),
        ("біля Гракового", "Hrakove"),
        ("near Lobkove", "Lobkove"),
        ("в Ізюмі, Балаклії та Граковому", "Hrakove"),
        ("Гракове, Ізюм", "Hrakove"),
        ("the village of Hrakove", "Hrakove"),
        ("on the outskirts of Hrakove", "Hrakove"),
        ("Hrakove village", "Hrakove"),
        ("at Hrakove", "Hrakove"),
        ("Гракове, Чугуївський район", "Hrakove"),
        ("Hrakove (Kharkiv region)", "Hrakove"),
        ("село Чечня", "Chechnya"),
    ],
)
def test_a_weak_name_counts_where_the_words_around_refer_to_a_place(text, name):
    confidence = {
        place.name: mention.confidence
        for mention in find_mentions(text, DEFAULT)
        for place in mention.places
    }
    assert confidence[name] == "C"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("полон мера Мелітополя Івана Федорова", [("Мелітополя", "Melitopol")]),
        # A plant named after a town mentions the town; one named after a region does not.
        ("the Enerhodar nuclear power plant", [("Enerhodar", "Enerhodar")]),
    ],
)
def test_a_town_is_mentioned_by_its_mayor_and_by_its_plant(text, expected):
    assert spelling_and_place(text) == expected


def test_the_region_behind_a_shared_name_decides_which_place_is_meant():
    def regions(text):
        (first, *_) = find_mentions(text, DEFAULT)
        return {place.admin1 for place in first.places}

    assert len(regions("the village of Pisky")) > 1
    assert regions("the village of Pisky, Donetsk region") == {"Donetsk Oblast"}
    assert regions("the village of Pisky (Yasynuvata district, Donetsk Obl)") == {"Donetsk Oblast"}
    # A region far behind the name does not decide, one before it in the same line does.
    assert len(regions("the village of Pisky" + " and so on" * 9 + " in Donetsk region")) > 1
    before = "In Donetsk region" + " and so on" * 9
    assert regions(f"{before} in the village of Pisky") == {"Donetsk Oblast"}
    assert len(regions(f"{before}\nin the village of Pisky")) > 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("удар по Дніпру", "Dnipro"),
        ("ракета на Дніпро", "Dnipro"),
        ("бої за Дніпро", "Dnipro"),
        ("у місті Дніпро", "Dnipro"),
        ("через Ізюм", "Izium"),
        ("через Стрий", "Stryi"),
        ("селище Нью-Йорк", "Niu-York"),
        ("Нью-Йорк (Донецька область)", "Niu-York"),
        ("Торецьк, потім Нью-Йорк", "Niu-York"),
        ("у Ростові, Сумська область", "Rostov"),
    ],
)
def test_a_town_that_shares_its_name_with_a_river_or_a_city_abroad_is_found(text, name):
    assert name in [place for _, place in spelling_and_place(text)]


@pytest.mark.parametrize("sign", [*"'’ʼ‘`´′ʹʻ＇*\"”", ""])
def test_every_sign_that_is_typed_for_an_apostrophe_is_one(sign):
    text = f"Бої під Слов{sign}янськом"
    assert spelling_and_place(text) == [(f"Слов{sign}янськом", "Sloviansk")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Iзюм", [("Iзюм", "Izium")]),  # Latin I
        ("наш Xеpсон", [("Xеpсон", "Kherson")]),  # Latin X and p
        ("near Кharkiv", [("Кharkiv", "Kharkiv")]),  # Cyrillic К
        ("Zзюм", []),  # no look-alike
        ("Ізю\u0301м", [("Ізю\u0301м", "Izium")]),
        ("І\u200bзюм\u200b", [("І\u200bзюм", "Izium")]),
        ("в Ізю\u00adмі", [("Ізю\u00adмі", "Izium")]),
        ("Зміи\u0306", []),  # Змій, a dragon
    ],
)
def test_look_alikes_stress_and_invisible_characters_hide_no_name(text, expected):
    assert spelling_and_place(text) == expected


HIDDEN = "Наші в Ізюмі, Чугуєві та Куп'янську; далі Зміїв, Київ і Кривий Ріг."


def test_a_decomposed_text_gives_the_places_of_the_composed_one():
    composed, decomposed = (unicodedata.normalize(form, HIDDEN) for form in ("NFC", "NFD"))
    expected = spelling_and_place(composed)
    assert len(expected) == 6
    assert len(decomposed) > len(composed)
    assert [
        (unicodedata.normalize("NFC", spelling), name)
        for spelling, name in spelling_and_place(decomposed)
    ] == expected


@given(st.lists(st.tuples(st.integers(0, len(HIDDEN)), st.sampled_from("\u00ad\u200b\ufeff"))))
def test_spans_are_right_in_a_text_with_invisible_characters(insertions):
    text = HIDDEN
    for at, sign in insertions:
        text = text[:at] + sign + text[at:]
    mentions = spelling_and_place(text)
    visible = [(re.sub("[\u00ad\u200b\ufeff]", "", part), name) for part, name in mentions]
    assert visible == spelling_and_place(HIDDEN)
    for part, _ in mentions:
        assert part[0].isalpha()
        assert part[-1].isalpha()


def test_a_region_behind_an_ambiguous_name_comes_before_population():
    (kyiv,) = ids("села Андріївки в Київській області")
    assert {DEFAULT[place].admin1 for place in kyiv} == {"Kyiv Oblast"}
    # A region that is named much later is that of another place.
    (_, polohy, *_) = ids(
        "Конотопа, Пологів, Токмака, Гостомеля, Козаровичів та Микуличів у Київській області"
    )
    assert {DEFAULT[place].admin1 for place in polohy} == {"Zaporizhzhia Oblast"}


def test_a_hamlet_without_context_is_not_a_mention():
    assert spelling_and_place("Гракове") == []
    assert spelling_and_place("Гракове", Gazetteer([DEFAULT["geonames:707292"]])) == []


def test_in_a_small_gazetteer_no_place_is_too_small():
    hamlet = next(match.place for match in DEFAULT.find("Гракове"))
    assert spelling_and_place("Гракове", Gazetteer([hamlet])) == [("Гракове", "Hrakove")]


def test_a_shared_name_means_the_place_near_another_mention():
    (alone,) = ids("Лиман")
    assert len(alone) > 1
    (beside, _) = ids("Лиман і Слов'янськ")
    assert beside < alone
    assert "geonames:704204" in beside
    # Far more people live in one Mykolaiv than in all others.
    assert [len(places) for places in ids("Миколаїв")] == [1]


def test_spans_are_code_points_and_do_not_overlap():
    text = "🍇🇺🇦 Велика Олександрівка, Нова Каховка та Каховка 🦊"
    spans = find_mentions(f"у {text}", DEFAULT)
    assert [f"у {text}"[span.start : span.end] for span in spans] == [
        "Велика Олександрівка",
        "Нова Каховка",
        "Каховка",
    ]
    assert all(first.end <= second.start for first, second in pairwise(spans))


@given(st.text(alphabet="Іа9_'’-. \n\u00a0«\"(*,–", max_size=60))
def test_the_word_before_equals_a_regular_expression(text):
    pattern = re.compile(r"([\w'’ʼ]+)(\.?)[\s«„“\"*(]*$")
    match = pattern.search(text[-CONTEXT:])
    word = match[1] if match and not match[2] else ""
    assert word_before(text, len(text)) == word


def test_a_full_stop_is_allowed_only_after_an_abbreviation():
    assert word_before("у м. «", 6) == "м"
    assert word_before("на вул.\u00a0", 8) == "вул"
    assert word_before("у полі. ", 8) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Депутат Николаев внёс закон",
        "Певец О. Васильков и Глухов В. И. прибыли",
        "MP Olha Stryi spoke",
        "Dynamo Kyiv and Shakhtar Donetsk",
        "«Рух» Львів переміг",
        "«Ворскла» (Полтава)",
        "Kyiv Street and Kharkiv Square",
        "vessel Mariupol, альбом «Донецк»",
        "Ровно в полдень",
        "Гірник виграв у лотерею",
        "в Самаре и Саратове",
        "Рейс из Шереметьево",
        "Частково нам це вдається",
    ],
)
def test_surnames_clubs_and_words_are_not_mentions(text):
    assert spelling_and_place(text) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # A title before a genitive is that of a town's deputy; a person may follow a place.
        ("депутат Николаева сообщил", ["Mykolaiv"]),
        ("у Харкові Ігор Терехов", ["Kharkiv"]),
        ("Mayor of Kherson Ihor Kolykhaiev", ["Kherson"]),
        ("м. Київ", ["Kyiv"]),
        ("У Кременчуці хлопців назвали Лев і Мирон", ["Kremenchuk"]),
        # Small places near a place of the same text, with or without coordinates.
        ("Звільнили Роботине. Рухаємось далі на Токмак.", ["Robotyne", "Tokmak"]),
        ("Люблю Лобкове. Далі Тернопіль.", ["Ternopil"]),
        # What was taken, and a name that is a sentence.
        ("Звільнили Роботине. Далі Тернопіль.", ["Robotyne", "Ternopil"]),
        ("Роботине. Працюємо.", ["Robotyne"]),
        ("Кліщіївка наша!", ["Klishchiivka"]),
        # A name that is a word counts between two names of a list.
        ("Попасна, Золоте, Лисичанськ", ["Popasna", "Zolote", "Lysychansk"]),
        ("Київ. Золоте слово", ["Kyiv"]),
        # A Russian name of a village of which the gazetteer has the Ukrainian one only.
        ("населённый пункт Синьковка под Купянском", ["Synkivka", "Kupiansk"]),
        ("у Джанкої", ["Dzhankoi"]),
    ],
)
def test_places_next_to_persons_and_in_context_are_mentions(text, names):
    assert [place for _, place in spelling_and_place(text)] == names


def test_a_region_named_by_a_noun_decides_which_place_is_meant():
    (lviv,) = ids("у Золочеві на Львівщині")
    (kharkiv,) = ids("по Золочеву на Харківщині")
    assert [DEFAULT[next(iter(place))].admin1 for place in (lviv, kharkiv)] == [
        "Lviv Oblast",
        "Kharkiv Oblast",
    ]


def test_a_village_is_not_chosen_among_many_by_population():
    """Dozens of villages are called Водяне; the largest has 5,685 people."""
    (places,) = ids("під Водяним")
    assert len(places) > 20
    (water, _, _) = ids("Водяного, Широкиного, Маріуполя")
    assert {DEFAULT[place].admin2 for place in water} == {"Mariupolskyi Raion"}


def test_the_preposition_decides_between_town_and_village_in_russian():
    (town,) = ids("под Покровском")
    (village,) = ids("в Покровском")
    assert town == {"geonames:704422"}
    assert "Pokrovsk" not in {DEFAULT[place].name for place in village}


def test_a_list_after_in_is_in_every_place_of_it():
    assert spelling_and_place("у Рівному і Хмельницькому") == [
        ("Рівному", "Rivne"),
        ("Хмельницькому", "Khmelnytskyi"),
    ]
    assert spelling_and_place("у Рівному і Хмельницький") == [("Рівному", "Rivne")]


def test_a_hamlet_of_the_written_form_does_not_hide_a_town():
    """Глухова is a hamlet, and the genitive of Hlukhiv."""
    (hlukhiv,) = ids("поблизу Глухова")
    assert {DEFAULT[place].name for place in hlukhiv} == {"Hlukhiv"}


@pytest.mark.parametrize(
    "text",
    [
        # Quarters of a city, regions, and a river.
        "Влучання на Оболоні, уламки на Теремках",
        "обстріли на Запоріжжі",
        "На Харківщині, Сумщині та в Карпатах тихо",
        "in all regions of our country, including Luhansk and Donetsk",
        "Уровень воды в Днепре упал",
        # Ships, a camp, a medium, and words that begin a sentence.
        "Корабли «Новочеркасск» и «Керчь» потоплены",
        "Дети отдохнули в «Артеке»",
        "wrote the Kyiv Independent",
        "Ключове питання - зброя. Головне не здаватись.",
        # Cities abroad, also after a word for city.
        "у місті Порту та в городе Берлин",
        "met in Odessa, Texas",
        "в Геленджике и Подольске",
        "В Люблине разместят хабы",
        # The region behind is abroad.
        "Пожар в Клинцах Брянской области",
        "в Новомосковске Тульской области",
        # A sector whose noun was left out; names alone in quotation marks; titles.
        "На Лиманському – відбито дві атаки.",
        "«Рух» зіграв з «Інгульцем» і переміг «Олександрію»",
        "банк «Львів»",
        "Mr Shevchenko met Ms Lyman",
        # Persons, bands, buildings, rivers, and plants named after regions.
        "сержантка Марія Ковель",
        "Дарини Збараж",
        "Депутат Кива мёртв",
        "Донецька обласна військова адміністрація",
        "вул. Героїв Дніпра",
        "прибережної смуги Дніпра",
        "Днепр обмелел: видны косы",
        "закривають міст через Південний Буг",
        "На речке Хорол браконьеры",
        "Через підйом води в Пруті",
        "атаку над Северной стороной",
        "електрички до станции Лозовая",
        "ведмедиця на ім’я Ямпіль",
        "Суспільне Чернігів дізналося",
        "На кордоні з Придністров’ям стріляли",
        "gunboat Nikopol",
        "Kalush Orchestra on tour",
        "у Вознесенському храмі та в Маріїнському палаці",
        "Рівень води в Тисі та Боржаві знижується",
        "teams at the Khmelnytskyi, Rivne and South Ukraine nuclear power plants",
    ],
)
def test_what_shares_the_name_of_a_place_is_not_a_mention(text):
    assert spelling_and_place(text) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # Words for attacks, journeys and surroundings before the name of a village.
        ("били по Дудчанах", ["Dudchany"]),
        ("Обстріл Золотої Балки", ["Zolota Balka"]),
        ("бійці відбили Липці", ["Lyptsi"]),
        ("вивезли людей з Оріхово-Василівки", ["Orikhovo-Vasylivka"]),
        ("the victims of Robotyne", ["Robotyne"]),
        ("на околиці Роботиного", ["Robotyne"]),
        ("боїв у районах населених пунктів Роботине", ["Robotyne"]),
        ("Піски на Донеччині", ["Pisky"]),
        # Words in a list inside a sentence, but persons only between two places.
        ("пали Торецк и Дружба", ["Toretsk", "Druzhba"]),
        ("Приїхали Маріуполь і Надія", ["Mariupol"]),
        ("from Kherson to Khmelnytskyi", ["Kherson", "Khmelnytskyi"]),
        # A town named after a first name is no person.
        ("кадры из Артёмовска (Бахмута)", ["Bakhmut", "Bakhmut"]),
        # Places across the border, in Ukrainian; a town's former name that hamlets have too.
        ("У Шебекіному немає світла", ["Shebekino"]),
        ("у Красному Лимані", ["Lyman"]),
        # A small town that alone has its name.
        ("без світла Степногірськ", ["Stepnohirsk"]),
        # What is said of places only, also of the last of a list.
        ("Хотень під ударом.", ["Khotin"]),
        ("Опитне, Піски — під контролем РФ.", ["Opytne", "Pisky"]),
        ("Trypillia TPP is without power", ["Trypillia"]),
        # Another occurrence of an accepted name.
        ("Курдюмівка наша! Бої біля Курдюмівки.", ["Kurdiumivka", "Kurdiumivka"]),
        # Towns before a list of communities, and checkpoints in quotation marks.
        ("обстріляв Нікополь і Мирівську громади", ["Nikopol"]),
        ("черги у пункті пропуску «Шегині»", ["Shehyni"]),
        # A city of whose name many villages are.
        ("Костянтинівка чекає", ["Kostiantynivka"]),
        # Case forms.
        ("Мешканка Коломиї", ["Kolomyia"]),
        ("під Уманню", ["Uman"]),
        ("у Краківці", ["Krakovets"]),
        ("Пленный из Ровно", ["Rivne"]),
        # Russian names of villages, in any case, and romanized names with a hyphen.
        ("взятие Верхнекаменского", ["Verkhnokamianske"]),
        ("взятии Новоселовки Первой", ["Novoselivka Persha"]),
        ("in Kupyansk-Vuzlovyi", ["Kupiansk-Vuzlovyi"]),
        ("Во Львове дождь", ["Lviv"]),
        ("ветерани зі Стрия", ["Stryi"]),
        ("поблизу Подільська", ["Podilsk"]),
        # After a region, and lists of villages of one district.
        ("Сумська область – Шалигине", ["Shalyhyne"]),
        ("зокрема Колочава, Синевир і Негровець", ["Kolochava", "Synevyr", "Nehrovets"]),
        # Routes, villages next to persons, queues at checkpoints.
        ("Поезд Харьков — Ясиня", ["Kharkiv", "Yasinia"]),
        ("The Odesa–Reni highway", ["Odesa", "Reni"]),
        ("через Дніпро, П’ятихатки", ["Dnipro", "Piatykhatky"]),
        ("житель села Великі Копані Роман Дубно", ["Velyki Kopani"]),
        ("черги вантажівок на «Устилузі»", ["Ustyluh"]),
        ("об’їзд через Білобожницю", ["Bilobozhnytsia"]),
        ("вийшли пішки з Підлимана", ["Pidlyman"]),
        # After в and a word for direction, and after words for residents.
        ("атак в напрямку Ставків", ["Stavky"]),
        ("На Сіверському напрямку Сили оборони", []),
        ("жителі Колочави та Синевира", ["Kolochava", "Synevyr"]),
        ("житель Бара копал погреб", ["Bar"]),
        # Ordinary words in a case form, warnings, and the sea beside a town.
        ("дрони били по Межовій", ["Mezhova"]),
        ("Вилкове, уважно!", ["Vylkove"]),
        ("В Ялте море остыло", ["Yalta"]),
        ("Очередь на «Устилуг»", ["Ustyluh"]),
        # Case forms of names in -ище, -ища and -е.
        ("у Городищі на Черкащині", ["Horodyshche"]),
        ("у Великих Будищах", ["Velyki Budyshcha"]),
        ("привезли з-під Сколього", ["Skole"]),
        ("В соседней Рябине прилёты", ["Riabyna"]),
        ("The ports of Pivdennyi, Chornomorsk and Izmail", ["Pivdenne", "Chornomorsk", "Izmail"]),
    ],
)
def test_villages_are_mentions_after_words_for_what_happens_to_places(text, names):
    assert [place for _, place in spelling_and_place(text)] == names


@pytest.mark.parametrize(
    ("text", "admin1"),
    [
        ("На Куп’янському напрямку ворог атакував біля Петропавлівки", "Kharkiv Oblast"),
        ("На Запорожском направлении бои у Вербового", "Zaporizhzhia Oblast"),
        ("Про евакуацію на Сумщині, зокрема з Краснопілля", "Sumy Oblast"),
        ("attacks near Makiivka (Luhansk oblast)", "Luhansk Oblast"),
        ("На Лиманському напрямку атаки біля Греківки та Макіївки", "Luhansk Oblast"),
        ("атаки біля Макіївки", "Donetsk Oblast"),
        # The noun of the sector was left out; a region with a colon.
        ("На Лиманському – поблизу Тернів", "Donetsk Oblast"),
        ("Запорізький регіон: Оріхів, Кам'янське", "Zaporizhzhia Oblast"),
        # Right behind a town's name.
        ("у Миколаєві Львівської області", "Lviv Oblast"),
        ("В Донецке Ростовской области", "Rostov Oblast"),
        ("как живёт Голубовка на Днепропетровщине", "Dnipropetrovsk Oblast"),
        ("волонтери з Золочева, що на Львівщині", "Lviv Oblast"),
        ("Дніпро, Запорізька область без світла", "Dnipropetrovsk Oblast"),
        # The spelling is recorded for a namesake elsewhere only.
        ("У Новоандреевки Донецкой области и Лысовки", "Donetsk Oblast"),
        ("near Vuhledar, Prechystivka and in Vodyane", "Donetsk Oblast"),
    ],
)
def test_a_sector_or_region_decides_between_namesakes(text, admin1):
    *_, places = ids(text)
    assert {DEFAULT[place].admin1 for place in places} == {admin1}


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("у Харкові", "A"),
        ("Харків, Суми", "A"),
        ("КУПЯНСЬК НАШ", "B"),
        ("Бородянка", "B"),
        ("у Роботиному", "B"),
        ("у Лобковому", "C"),
        # Of namesakes, the one chosen for its population is a small town.
        ("у Гуляйполі", "C"),
        ("під Водяним", "C"),
    ],
)
def test_the_grade_states_how_sure_a_mention_is(text, grade):
    assert find_mentions(text, DEFAULT)[0].confidence == grade


def test_namesakes_share_their_russian_name():
    """GeoNames has no Russian name of these; its other places of the name have."""
    assert DEFAULT["katottg:UA14040010020056270"].names_in("ru") == ("Андреевка",)
    assert DEFAULT["geonames:687470"].names_in("ru") == ("Зайцево",)
    assert DEFAULT["geonames:495112"].names_in("uk") == ("Шебекіно",)
    (places,) = ids("под Андреевкой")
    assert "katottg:UA14040010020056270" in places


def test_a_town_is_preferred_to_a_nearer_hamlet():
    *_, lyman = ids("біля Курахового, Мирнограда і Лимана")
    assert lyman == {"geonames:704204"}


def test_after_a_word_for_near_a_name_is_read_as_a_case_form():
    """Новосілки is also the name of other villages, of which the genitive differs."""
    *_, novosilka = ids("біля Розливу та Новосілки")
    assert {DEFAULT[place].name for place in novosilka} == {"Novosilka"}


def test_a_town_and_a_namesake_among_villages_are_both_candidates():
    text = "near Kreminna and Svatove, and assaults near Makiivka, Ploshchanka"
    *_, makiivka, _ = ids(text)
    assert {DEFAULT[place].admin1 for place in makiivka} == {"Donetsk Oblast", "Luhansk Oblast"}


def test_a_small_town_far_from_all_other_places_is_not_meant_for_certain():
    *_, synelnykove = ids("fighting in Vovchansk and at Synelnykove")
    assert len(synelnykove) > 1


def test_a_russian_neuter_name_is_not_that_of_a_masculine():
    assert "RU" not in {DEFAULT[place].country for places in ids("у Северное") for place in places}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # What one village of some size alone is called, and nothing else.
        ("Скалат – за двадцять хвилин їзди", ["Skalat"]),
        ("Можна махнути до Меджибожа", ["Medzhybizh"]),
        ("объезд через Рогань", ["Rohan"]),
        ("Едуард Батурин прибув", []),
        ("Люту відсіч дали", []),
        # Numbers and words for drones before *на*.
        ("2 на Коблево", ["Kobleve"]),
        ("БпЛА на Затоку", ["Zatoka"]),
        ("Дрони повз Борзну", ["Borzna"]),
        ("Ми тримали Роботине", ["Robotyne"]),
        ("В Іванівці згорів ліцей", ["Ivanivka"]),
        # Russian spellings of names that have none in the gazetteer.
        ("в Зеленодольске и Сычавке", ["Zelenodolsk", "Sychavka"]),
        ("Мощный взрыв", []),
        ("зупинили під Мостиськами", ["Mostyska"]),
        ("Взято Горькое. Бои у Золотого Колодезя", ["Hirke", "Zolotyi Kolodiaz"]),
        ("Днепродзержинск помнит", ["Kamianske"]),
        ("Ивано-Франковский «Прикарпатье»", []),
        # Towns that were renamed, where a region before decides.
        ("ЛНР: Первомайск, Попасная", ["Sokolohirsk", "Popasna"]),
        ("Первомайск, Вознесенск", ["Pervomaisk", "Voznesensk"]),
        # An adverb and a city; a word and a village; verbs of what happens to places.
        ("Ровно: взрывы. Ровно в 9:00", ["Rivne"]),
        ("Приморське стирають КАБами", ["Prymorske"]),
        ("Город разрушен", []),
        ("на човні по Дніпру", []),
        # Natural features, straits, quarters, brands and titles.
        ("озеро Свитязь, мыс Тарханкут", []),
        ("на мосту через Чонгар", []),
        ("Одесса без света: Таирова, Черёмушки", ["Odesa"]),
        ("кліп KALUSH зняли в Калуші", ["Kalush"]),
        ("«Артемівськ Вайнері» переїхала", []),
        ("сыграл вничью с «Подольем»", []),
        ("Мер Бучі Анатолій Федорук; голова Бучі Анатолій Федорук", ["Bucha", "Bucha"]),
    ],
)
def test_kinds_of_news(text, names):
    mentions = find_mentions(text, DEFAULT)
    assert [mention.places[0].name for mention in mentions] == names


#: Sentences with a town in the nominative and in the genitive, in Ukrainian.
NOMINATIVE = ("{}: вибухи", "Потяг Київ – {} запізнюється", "{} під обстрілом", "📍{}: приліт")
GENITIVE = (
    "Виїхати з {} можна вранці",
    "мешканка {} Ольга Коваль розповіла",
    "лікарня {} переповнена",
    "біля {} дві рани",
)


def test_large_towns_are_found_whatever_words_follow():
    """Towns of 50,000 people whose names are no ordinary words, in several sentences."""
    missed = []
    for place in DEFAULT.populated_places():
        name = next(iter(place.names_in("uk")), "")
        if place.country != "UA" or (place.population or 0) < 50_000 or not place.admin2:
            continue
        if name.endswith(("ськ", "цьк", "град")) or name == "Хмельницький":
            forms = [(name, NOMINATIVE)]
            forms += [(f"{name}а", GENITIVE)] if name[-1] != "й" else []
            for form, sentences in forms:
                for sentence in sentences:
                    text, at = sentence.format(form), sentence.index("{}")
                    spans = [
                        (mention.start, mention.end) for mention in find_mentions(text, DEFAULT)
                    ]
                    if (at, at + len(form)) not in spans:
                        missed.append(text)
    assert missed == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Хмельницький: вибухи", ["Khmelnytskyi"]),
        ("Хмельницький: «Ми готові»", []),
        ("КАБ на Хмельницький. КАБ на Запоріжжя", ["Khmelnytskyi", "Zaporizhzhia"]),
        ("Ракета на Сарни", ["Sarny"]),
        ("Київ – Хмельницький", ["Kyiv", "Khmelnytskyi"]),
        ("Вулиці Конотопа, вулиця Полтавська", ["Konotop"]),
        ("під Вознесенськом", ["Voznesensk"]),
        # Surnames in the nominative are case forms of villages; words begin sentences.
        ("Терехов, увага!", []),
        ("Пожежа на Сумщині. Громади Сумщини: тиша", []),
        ("Тиньков, лидер", []),
        ("Виїхати з Краматорська можна", ["Kramatorsk"]),
        # Not institutions, rivers and parts of longer names: words in other cases, verbs, persons.
        ("У Брусилові судять водія", ["Brusyliv"]),
        ("біля Зеленодольська містяни", ["Zelenodolsk"]),
        ("У Дробишевому лікарня зачинена", ["Drobysheve"]),
        ("У Бритівці річка вийшла з берегів", ["Brytivka"]),
        ("У Брусилові Іван Коваль", ["Brusyliv"]),
        ("опроверг потерю Двуречной", ["Dvorichna"]),
        ("У Центральному парку", []),
        ("Донецька обласна прокуратура", []),
        ("Sumy OVA and Lviv Philharmonic", []),
    ],
)
def test_towns_that_are_like_other_words(text, names):
    assert [mention.places[0].name for mention in find_mentions(text, DEFAULT)] == names
