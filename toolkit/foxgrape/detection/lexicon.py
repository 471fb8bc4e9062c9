"""The words by which a name is told to be a place's, or not to be; all folded."""

from __future__ import annotations

__all__ = [
    "AROUND",
    "AT",
    "FIRST_NAMES",
    "IN",
    "LANDS",
    "MAYOR",
    "NUCLEAR",
    "ORDINARY",
    "REGION",
    "REGIONS",
    "SETTLEMENT",
    "STREET",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Before a place in which something is or happens; before much else too.
IN = _words("в у во in at inside outside into")
#: Before a place, and before little else that has a capital.
AT = _words(
    "під біля коло поблизу неподалік довкола навколо над под возле около вблизи near around"
)
#: What a place is called; also shortened, with a full stop.
SETTLEMENT = _words(
    "місто міста місті місту містом міст містах с смт м г п пгт село села селі селу селом селище "
    "селища селищі селищу город города городе городу городом посёлок поселок поселке поселка "
    "деревня деревне деревни деревню станица хутір хутора хуторі сёла селах city town village "
    "settlement cities towns villages міському міської міська міський"
)
#: Before *of* and a place, beside what a place is called: the outskirts of Izium.
AROUND = _words("area areas vicinity outskirts suburb suburbs")
#: Before a place and the name of the person in its office: мера Мелітополя Івана Федорова.
MAYOR = _words("мер мера меру мером мері мэр мэра мэру мэром мэре mayor")
#: After a name that is a region's or a district's, a would-be state's or a sea's.
REGION = _words(
    "obl republic peoples sector sectors море моря морю морем морі sea "
    "область області областю областей обл области областью район району районі районом района "
    "районе районы райони районів громада громади громаді громаду напрямок напрямку напрямі "
    "напрямком направление направлении направления шосе шоссе край края краю region regions "
    "oblast oblasts district districts province raion community direction front highway peninsula "
    "регіон регіону регіоні регіони регіонів регион регионе региона регионов напрямках "
    "направлениях регіонах районах"
)
#: After a name that may be a plant's, called after its region: the Zaporizhzhia NPP.
NUCLEAR = _words("nuclear npp аес аэс")
#: After several names that are regions' or directions'.
REGIONS = _words(
    "republics sectors морях морями морям seas "
    "області областей областях областями области райони районах районів районы напрямки напрямках "
    "направлениях направления громади громадах регіони регіонах regions oblasts districts "
    "provinces communities directions fronts"
)
#: Lands abroad of which some village bears the name: one is told by *village* alone.
LANDS = _words("китай кавказ чечня chechnya придністров'я молдова moldova")
#: Before a name that is a street's, or a square's.
STREET = _words(
    "вулиця вулиці вулицю вулицею вул улица улице улицу улицы ул проспект проспекті проспекту "
    "просп площа площі площу площадь площади бульвар бульварі провулок street avenue square "
    "boulevard станція станції метро"
)
#: How first names begin, in any case: what stands beside one is a person's name.
FIRST_NAMES = (
    "володимир", "владимир", "олександр", "александр", "богдан", "тарас", "іван", "иван", "петр",
    "павл", "микол", "никола", "олег", "андрі", "андре", "юрі", "юри", "сергі", "серге", "віктор",
    "виктор", "дмитр", "михайл", "михаил", "анатолі", "анатоли", "василь", "василя", "василю",
    "олексі", "алексе", "євген", "евген", "роман", "ольг", "олен", "елен", "наталі", "натали",
    "тетян", "татьян", "ірин", "ирин", "volodymyr", "vladimir", "oleksandr", "alexander", "bohdan",
    "taras", "ivan", "petro", "pavlo", "mykola", "nikolai", "oleh", "andrii", "andriy", "yurii",
    "serhii", "viktor", "dmytro", "mykhailo", "oleksii", "yevhen", "roman",
)  # fmt: skip
#: Names of places that are also words or first names, in the form in which the place bears them.
ORDINARY = _words(
    "перемога победа мир мирне мирний мирное слава надія надежда воля свобода віра вера любов зоря "
    "заря центральне центральное українка украинка україна украина богдан богданівка станіслав "
    "станислав володимир владимир олександр роман тарас іван петро павло микола миколай олег "
    "ольга софія марія мария катерина ганна анна олена наталія юрій андрій щастя счастье південне "
    "южное північне східне західне дружба зелене червоне біле красне нове нова новий новое перше "
    "перший світанок світле світлий добре добрий руська руське городок хутір степ степове лісове "
    "польове річка озеро гора ліс лес поле луг берег сад рай дар бар суд рада праця труд єдність "
    "едність згода громада січ козацьке козаче вільне вільний вільна героїв гвардійське молодіжне "
    "дніпровське ukrainka peremoha peremoga pobeda myr mir myrne slava nadiia nadia volia svoboda "
    "vira zoria stanislav volodymyr oleksandr roman taras ivan petro pavlo mykola oleh olha "
    "sofiia mariia bar buda horodok sad rai dar nova nove shchastia druzhba tsentralne pivdenne "
    "mena most kut dim rada sich north south east west vladimir шевченко шевченкове шевченки "
    "шевченка shevchenko хмельницький хмельницкий khmelnytskyi женів мена мени саки сак українськ "
    "украинск чечня chechnya порт port"
) | {"нью йорк", "new york"}
