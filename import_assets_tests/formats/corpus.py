"""Files to detect the writing of, each with what is true of it.

The people, places and sentences were made up for this, without a look at what detection knows
about the languages. Everything is worked out from a file's number, so all runs see the same files.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from import_assets.spec.formats import Delimiter, Encoding, Quote


@dataclass(frozen=True)
class Case:
    """A file and how it was written; `quirk` says what is special about it."""

    name: str
    language: str
    quirk: str
    data: bytes
    encoding: Encoding
    delimiter: Delimiter
    quote: Quote = '"'
    header: bool = True
    skip_lines: int = 0


@dataclass(frozen=True)
class Tongue:
    """What people write in a language: headings, names, towns and remarks."""

    headings: str
    names: str
    towns: str
    notes: str


TONGUES = {
    "German": Tongue(
        "Nummer|Kundin|Wohnort|Bemerkung|Angelegt|Umsatz",
        "Jürgen Schäfer|Björn Großkopf|Käthe Möller|Günther Weiß|Sören Lüders|Bärbel Höhne|"
        "Anna Vogt",
        "Düsseldorf|Köln|Gießen|Würzburg|Lübeck|Bad Tölz",
        "Bitte an der Haustür läuten|Zahlt mit Überweisung|Möchte ungestört bleiben|"
        "Größe vergessen",
    ),
    "French": Tongue(
        "numéro|cliente|commune|remarque|créé|montant",
        "Hélène Lefèvre|François Bérard|Gaëlle Prévost|Benoît Crépin|Zoé Delaître|"
        "Côme Thébault|Luc Roux",
        "Besançon|Orléans|Nîmes|Béziers|Évry|Mâcon",
        "Préfère être livrée à l'étage|A déjà été remboursé|Très fidèle|Où sont passés les colis",
    ),
    "Spanish": Tongue(
        "número|clienta|población|observación|creación|importe",
        "Íñigo Ibáñez|María Núñez|Ángel Peña|José Muñoz|Verónica Gómez|Sofía Jiménez|Raúl Cortés",
        "Córdoba|León|Cádiz|Logroño|Málaga|A Coruña",
        "Llamará mañana después de comer|No quiere publicidad|Recogerá él mismo|"
        "Envío rápido según acuerdo",
    ),
    "Italian": Tongue(
        "numero|cliente|località|nota|attività|importo",
        "Niccolò Bertè|Noè Salò|Carlotta Pagà|Andrea Cefalù|Mosè Forlì|Teresa Caffù|Paolo Neri",
        "Forlì|Cefalù|Città di Castello|Cantù|Patti|Mondovì",
        "Non è più interessata|Tornerà lunedì perché già servito|Così può ritirare|"
        "La qualità è buona",
    ),
    "Portuguese": Tongue(
        "número|cliente|região|observação|criação|preço",
        "João Conceição|Inês Simões|Antônio Guimarães|Cecília Assunção|Sebastião Leitão|"
        "Luís Magalhães",
        "São Paulo|Brasília|Maceió|Goiânia|Guimarães|Évora",
        "Não quer receber promoções|Atenção ao portão|Já pediu a devolução|É cliente há três anos",
    ),
    "Dutch": Tongue(
        "nummer|klant|woonplaats|opmerking|aangemaakt|bedrag",
        "Daniëlle Coëlho|René Oudijk|Chloë van Veen|Loïs de Boer|Zoë Hendriks|Anaïs Kuipers",
        "IJlst|Reeuwijk|Coevorden|Tiël|Venlo|Knokke",
        "Belgische cliënte|Twee reünies per jaar|Geïnteresseerd in categorieën|Eén doos café",
    ),
    "Swedish": Tongue(
        "nummer|köpare|ort|anmärkning|skapad|belopp",
        "Håkan Sjögren|Åsa Nyström|Jörgen Söderlund|Märta Lindström|Göran Åkesson|Pär Öberg",
        "Malmö|Gävle|Åre|Örebro|Växjö|Umeå",
        "Vill ha påminnelse före jul|Två på översta våningen|Får gärna ringa|Kör själv",
    ),
    "Danish": Tongue(
        "løbenummer|køber|bopæl|bemærkning|oprettet|beløb",
        "Søren Kjær|Mette Bæk|Jørgen Østergård|Åse Lindbæk|Rasmus Højgaard|Bjørg Nørskov",
        "Århus|København|Tønder|Ærøskøbing|Køge|Næstved",
        "Ønsker ingen påmindelser|Må gerne stå på trappen|Kører selv på mandag|Får altid æbler",
    ),
    "Finnish": Tongue(
        "numero|ostaja|kotipaikka|lisätieto|päiväys|määrä",
        "Väinö Mäkelä|Päivi Hämäläinen|Sälli Yläjärvi|Jyrki Lähdesmäki|Töyry Kärki|Eetu Salo",
        "Jyväskylä|Hämeenlinna|Riihimäki|Ylöjärvi|Äänekoski|Lahti",
        "Käy iltapäivällä|Ei tänään työpaikalla|Älä soita yöllä|Sähköposti riittää",
    ),
    "Slovak": Tongue(
        "číslo|zákazníčka|obec|poznámka|založené|čiastka",
        "Ľubomír Hruška|Zdenka Ďurišová|Žofia Šťastná|Matúš Kováčik|Oľga Vŕbová|Štefan Bača|"
        "Ján Grék",
        "Žilina|Košice|Nové Zámky|Banská Štiavnica|Trenčín|Bojnice",
        "Prosí zavolať pred doručením|Už štvrtýkrát vrátila tovar|Býva na konci ulice|"
        "Veľmi spokojná",
    ),
    "Czech": Tongue(
        "pořadí|zákaznice|obec|poznámka|založeno|částka",
        "Jiří Hřebíček|Růžena Kadeřábková|Zdeněk Šťovíček|Květa Vaňková|Ondřej Žižka|"
        "Bořek Stavitel",
        "Plzeň|Třebíč|Děčín|Hradec Králové|Přerov|České Budějovice",
        "Přeje si dárkové balení|Nechat u souseda ve třetím patře|Má rád věrnostní body|"
        "Zítra nevolejte",
    ),
    "Polish": Tongue(
        "numer|nabywczyni|miejscowość|uwaga|założono|należność",
        "Łukasz Gęsicki|Małgorzata Żółć|Zbigniew Wójcik|Agnieszka Dąbrowska|Paweł Śliwiński|"
        "Róża Ćwik",
        "Łódź|Gdańsk|Poznań|Rzeszów|Częstochowa|Świdnica",
        "Proszę dzwonić po południu|Zapłaciła już wcześniej|Chce zwrócić książkę|Piętro szóste",
    ),
    "Hungarian": Tongue(
        "sorszám|vevő|település|megjegyzés|létrehozva|végösszeg",
        "Győző Fűzfás|Ágnes Szűcs|Ödön Kőműves|Réka Bíró|Zoltán Vörös|Éva Halász",
        "Győr|Székesfehérvár|Hódmezővásárhely|Érd|Gyöngyös|Kőszeg",
        "Kérem csöngessen kétszer|Előző rendelését törölte|Hűséges vásárló|Hétfőn jön érte",
    ),
    "Slovene": Tongue(
        "številka|naročnica|občina|opomba|začetek|vrednost",
        "Matjaž Kovačič|Nežka Žnidaršič|Urška Hočevar|Aleš Škof|Tomaž Zupančič|Darja Černe",
        "Škofja Loka|Kočevje|Žalec|Črnomelj|Šoštanj|Brežice",
        "Želi račun po pošti|Pokličite še enkrat|Plača ob prevzemu na močvirju|Ključ je pri sosedu",
    ),
    "Croatian": Tongue(
        "broj|naručiteljica|općina|bilješka|rođenje|plaća",
        "Đurđica Šarić|Željko Đaković|Tončica Blažević|Krešimir Šušnjić|Iva Ćosić|Mladen Žuljević",
        "Šibenik|Čakovec|Poreč|Križevci|Đakovo|Karlovac",
        "Molim vas nazovite poslije ručka|Sljedeći tjedan dođe osobno|Još čeka pošiljku|"
        "Ključevi kod kuće",
    ),
    "Romanian": Tongue(
        "număr|clientă|localitate|observaţie|înfiinţat|sumă",
        "Ştefan Brânză|Ioniţă Pârvu|Măriuca Ţăranu|Dănuţ Căldăraru|Anişoara Râpeanu|Florin Moţoc",
        "Braşov|Târgu Mureş|Constanţa|Iaşi|Piteşti|Bacău",
        "Doreşte să fie sunată după masă|Plăteşte în numerar|Vă rugăm să lăsaţi coletul|"
        "Încă aşteaptă",
    ),
    "Russian": Tongue(
        "номер|покупатель|населённый пункт|примечание|создано|сумма заказа",
        "Евгений Шульгин|Юлия Цветкова|Дмитрий Щербаков|Жанна Чехова|Павел Мышкин|Эльвира Зуева",
        "Челябинск|Хабаровск|Грозный|Петропавловск|Южный|Тверь",
        "Звонить только вечером|Предпочитает самовывоз|Уже вернула два раза|Этаж пятый, лифта нет",
    ),
    "Ukrainian": Tongue(
        "номер|покупець|населений пункт|примітка|створено|вартість",
        "Віталій Гнатюк|Євгенія Щербина|Юрій Їжакевич|Ганна Цимбалюк|Микола Перебийніс|"
        "Жанна Кличко",
        "Київ|Чернівці|Запоріжжя|Вінниця|Ужгород|Бердичів",
        "Прохання дзвонити ввечері|Вже двічі повертала|Під'їзд третій|Бажає знижку",
    ),
    "Bulgarian": Tongue(
        "номер|купувач|населено място|бележка|създаден|стойност",
        "Стоян Гърдев|Цветелина Желязкова|Любомир Йорданов|Радостина Въчева|Щерю Кънчев|Яна Попова",
        "Търговище|Пазарджик|Велинград|Кърджали|Ямбол|Бургас",
        "Да се обади преди доставката|Връща често поръчки|Плаща с карта|Живее на третия етаж",
    ),
    "Serbian": Tongue(
        "број|купац|насеље|напомена|креирано|износ",
        "Љубица Ђокић|Његош Живковић|Ђорђе Чолић|Драгана Џинић|Милош Шћепановић|Јелена Тодоровић",
        "Краљево|Зрењанин|Чачак|Ужице|Ваљево|Шабац",
        "Молимо позовите пре доставе|Већ је вратила пакет|Кључ код комшије|Плаћа картицом",
    ),
    "Greek": Tongue(
        "αριθμός|αγοραστής|οικισμός|σχόλιο|δημιουργία|ποσό",
        "Δημήτρης Χατζής|Ευγενία Ψαρρά|Ξένια Ζαχαρίου|Αλέξανδρος Φωτίου|Ιωάννα Μπέη|Θανάσης Γκίκας",
        "Θεσσαλονίκη|Ηράκλειο|Βόλος|Χανιά|Ξάνθη|Κέρκυρα",
        "Παρακαλώ τηλεφωνήστε το απόγευμα|Θέλει έκπτωση|Μένει στον τέταρτο όροφο|Πληρώνει με κάρτα",
    ),
    "Turkish": Tongue(
        "sıra|müşteri|ilçe|açıklama|oluşturma|tutarı",
        "Gülşen Çağlar|Işıl Doğan|Oğuzhan Şimşek|İbrahim Yıldız|Ümit Kılıç|Ayşegül Öztürk",
        "Diyarbakır|Muğla|Şişli|Çankırı|Iğdır|Eskişehir",
        "Lütfen akşam arayın|Kapıcıya bırakılsın|Değişim istiyor|Üçüncü kat, sağdaki kapı",
    ),
    "Hebrew": Tongue(
        "מספר|לקוחה|יישוב|הערה|נוצר|סכום",
        "נועם פרידמן|שירה אברהמי|יעל גולדשטיין|אורי בן דוד|תמר קפלן|עידו צור",
        "חיפה|באר שבע|רמת גן|נתניה|אשקלון|צפת",
        "נא להתקשר לפני המשלוח|כבר החזירה פעמיים|קומה שלישית בלי מעלית|משלם במזומן",
    ),
    "Arabic": Tongue(
        "الرقم|الزبون|المدينة|ملاحظة|الإنشاء|المبلغ",
        "خالد الشريف|فاطمة الزهراني|يوسف حداد|نورة القحطاني|طارق منصور|هدى بركات",
        "الإسكندرية|طرابلس|الدار البيضاء|بغداد|صنعاء|مكة",
        "يرجى الاتصال قبل التوصيل|تدفع نقدا عند الاستلام|الطابق الثالث بدون مصعد|زبون قديم",
    ),
    "Lithuanian": Tongue(
        "eilė|pirkėjas|gyvenvietė|pastaba|įrašyta|kaina",
        "Jurgita Žukauskaitė|Vytautas Šimkūnas|Eglė Čepaitė|Rūta Jankūnienė|Mindaugas Ąžuolas|"
        "Ugnė Lukšienė",
        "Šiauliai|Panevėžys|Mažeikiai|Kėdainiai|Tauragė|Utena",
        "Prašo skambinti po pietų|Jau grąžino prekę|Mėgsta dėžutes|Įėjimas iš kiemo pusės",
    ),
    "Latvian": Tongue(
        "kārta|pircējs|apdzīvotā vieta|piezīme|izveidots|vērtība",
        "Jānis Kalniņš|Līga Šķēle|Mārtiņš Ozoliņš|Zane Bērziņa|Ģirts Ķēniņš|Kristīne Āboltiņa",
        "Rēzekne|Jūrmala|Liepāja|Ogre|Cēsis|Krāslava",
        "Lūdzu zvanīt pēcpusdienā|Jau atgrieza sūtījumu|Trešais stāvs bez lifta|Maksā ar karti",
    ),
    "Estonian": Tongue(
        "järjekord|ostja|elukoht|märkus|lisatud|väärtus",
        "Tõnu Põder|Külli Mägi|Jüri Lõhmus|Õie Kärner|Märt Tšurin|Üllar Rõõm",
        "Võru|Põlva|Jõhvi|Häädemeeste|Türi|Põltsamaa",
        "Palun helistada pärast lõunat|Tagastas juba ühe|Maksab püsikorraldusega|"
        "Kõrge trepp, öösel mitte",
    ),
    "Vietnamese": Tongue(
        "số|khách hàng|địa phương|ghi chú|ngày tạo|thành tiền",
        "Nguyễn Thị Hằng|Trần Quốc Đạt|Phạm Văn Lượng|Lê Thu Hường|Đặng Minh Tuấn|Vũ Ngọc Ánh",
        "Đà Nẵng|Hải Phòng|Cần Thơ|Vũng Tàu|Huế|Nha Trang",
        "Vui lòng gọi trước khi giao|Đã trả hàng hai lần|Khách quen của cửa hàng|Ở tầng thứ năm",
    ),
}

WRITTEN: tuple[tuple[str, Encoding], ...] = (
    ("German", "cp1252"), ("French", "cp1252"), ("Spanish", "cp1252"), ("Italian", "cp1252"),
    ("Portuguese", "cp1252"), ("Dutch", "cp1252"), ("Swedish", "latin1"), ("Danish", "cp1252"),
    ("Finnish", "latin1"), ("French", "latin1"), ("Slovak", "cp1250"), ("Czech", "cp1250"),
    ("Polish", "cp1250"), ("Hungarian", "cp1250"), ("Slovene", "cp1250"), ("Croatian", "cp1250"),
    ("Romanian", "cp1250"), ("Slovak", "iso-8859-2"), ("Czech", "iso-8859-2"),
    ("Polish", "iso-8859-2"), ("Hungarian", "iso-8859-2"), ("Russian", "cp1251"),
    ("Ukrainian", "cp1251"), ("Bulgarian", "cp1251"), ("Serbian", "cp1251"), ("Greek", "cp1253"),
    ("Turkish", "cp1254"), ("Hebrew", "cp1255"), ("Arabic", "cp1256"), ("Lithuanian", "cp1257"),
    ("Latvian", "cp1257"), ("Estonian", "cp1257"), ("Vietnamese", "cp1258"), ("Czech", "utf-8"),
    ("Arabic", "utf-8"), ("Greek", "utf-16"), ("French", "utf-8"), ("Vietnamese", "utf-8"),
)  # fmt: skip
"""Which languages are written in which encodings."""

QUIRKS = (
    "plain", "CR LF", "quoted", "apostrophes", "preamble", "padded title", "sep=", "no header",
    "ragged", "decimal commas", "one column", "few rows", "other delimiters", "empty column",
    "one row", "byte order mark", "capitals",
)  # fmt: skip

_DELIMITERS: tuple[Delimiter, ...] = (",", ";", "\t", "|")


def corpus() -> Iterator[Case]:
    """Yield the files: each language in each of its encodings with half of the quirks."""
    for number, (language, encoding) in enumerate(WRITTEN):
        for at, quirk in enumerate(QUIRKS):
            if (number + at) % 2 and at > 1:
                continue
            delimiter = _DELIMITERS[(number + at // 2 + at) % 4]
            yield _case(language, encoding, quirk, delimiter)


def single_values() -> Iterator[tuple[str, Encoding, bytes]]:
    """Yield files of one value with letters beyond ASCII: language, encoding, bytes."""
    for language, encoding in WRITTEN:
        tongue = TONGUES[language]
        for texts in (tongue.names, tongue.towns, tongue.notes):
            for value in texts.split("|"):
                if not (value.isascii() or encoding.startswith("utf")):
                    yield language, encoding, encoded(f"id;name\n1;{value}\n", encoding)


def encoded(text: str, encoding: Encoding) -> bytes:
    """Return a text in an encoding; in cp1258, the tones that it has no letters for are parted."""
    if encoding == "cp1258":
        text = "".join(map(_with_tone_apart, text))
    return text.encode(encoding)


def _with_tone_apart(char: str) -> str:
    try:
        char.encode("cp1258")
    except UnicodeEncodeError:
        tones = "\u0300\u0301\u0303\u0309\u0323"
        parts = unicodedata.normalize("NFD", char)
        base = "".join(part for part in parts if part not in tones)
        tone = "".join(part for part in parts if part in tones)
        return unicodedata.normalize("NFC", base) + tone
    return char


def _rows(language: str, count: int) -> list[list[str]]:
    tongue = TONGUES[language]
    names, towns, notes = (words.split("|") for words in (tongue.names, tongue.towns, tongue.notes))
    return [
        [
            str(1001 + row),
            names[row % len(names)],
            towns[row * 5 % len(towns)],
            notes[row * 3 % len(notes)].replace(",", ""),
            f"{1 + row % 28:02}.{1 + row % 12:02}.2026",
            str(40 + row * 37),
        ]
        for row in range(count)
    ]


def _case(language: str, encoding: Encoding, quirk: str, delimiter: Delimiter) -> Case:
    if quirk == "decimal commas" and delimiter == ",":
        delimiter = ";"
    if quirk == "one column":
        delimiter = ","
    count = {"few rows": 3, "one row": 1}.get(quirk, 9)
    headings, rows = TONGUES[language].headings.split("|"), _rows(language, count)
    skip, header, quote = 0, True, '"'
    lines: list[str] = []
    if quirk == "other delimiters":
        for at, row in enumerate(rows):
            others = [one for one in _DELIMITERS if one != delimiter]
            row[3] += f"{others[at % 3]} {row[2]}"
    elif quirk == "decimal commas":
        for row in rows:
            row[5] += ",90"
    elif quirk == "empty column":
        for row in rows:
            row[3] = ""
    elif quirk == "one column":
        headings, rows = headings[1:2], [row[1:2] for row in rows]
    elif quirk == "capitals":
        headings, rows = [one.upper() for one in headings], [[c.upper() for c in r] for r in rows]
    elif quirk == "quoted":
        for row in rows:
            row[3] = f'{row[3]}{delimiter}\n"{row[2]}"'
    elif quirk == "ragged":
        rows[2], rows[6] = rows[2][:4], [*rows[6], "x"]
    elif quirk == "no header":
        header = False
    elif quirk == "preamble":
        lines, skip = [TONGUES[language].notes.split("|")[1], "2026-03-01", ""], 3
    elif quirk == "padded title":
        lines, skip = [TONGUES[language].towns.split("|")[0] + delimiter * 5, delimiter * 5], 2
    elif quirk == "sep=":
        lines, skip = [f"sep={delimiter}"], 1
    if quirk == "apostrophes":
        quote = "'"
    cells = [headings, *rows] if header else rows
    wrapped = quirk in ("quoted", "apostrophes")
    lines += [delimiter.join(_cell(cell, quote, wrapped=wrapped) for cell in row) for row in cells]
    end = "\r\n" if quirk in ("CR LF", "sep=", "padded title") else "\n"
    text = end.join(lines) + end
    data = encoded(text, encoding)
    if quirk == "byte order mark" and encoding != "utf-16":
        data, encoding = text.encode("utf-8-sig"), "utf-8"
    return Case(
        name=f"{language}, {encoding}, {delimiter!r}, {quirk}",
        language=language,
        quirk=quirk,
        data=data,
        encoding=encoding,
        delimiter=delimiter,
        quote="'" if quote == "'" else '"',
        header=header,
        skip_lines=skip,
    )


def _cell(cell: str, quote: str, *, wrapped: bool) -> str:
    return f"{quote}{cell.replace(quote, 2 * quote)}{quote}" if wrapped else cell
