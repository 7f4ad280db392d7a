"""The words that the sample shop is made of."""

from __future__ import annotations

FIRST_NAMES = (
    "Ján", "Jozef", "Peter", "Ľubomír", "Štefan", "Tomáš", "Matúš", "Ondřej", "Jiří", "Luboš",
    "Mária", "Zuzana", "Ľudmila", "Žofia", "Božena", "Eliška", "Tereza", "Katarína", "Renáta",
    "Soňa",
)  # fmt: skip
LAST_NAMES = (
    "Novák", "Horváth", "Kováč", "Tóth", "Szabó", "Ďurica", "Šťastný", "Žák", "Hruška", "Dvořák",
    "Černý", "Procházka", "Kučera", "Křížek", "Růžička", "Ľupták", "Hôrka", "Mäsiar", "Vŕba",
    "Ťapák", "Polák", "Baláž", "Gregor", "Oravec", "Sýkora",
)  # fmt: skip
CITIES = (
    "Bratislava", "Košice", "Prešov", "Žilina", "Banská Bystrica", "Nitra", "Trnava", "Trenčín",
    "Poprad", "Liptovský Mikuláš", "Praha", "Brno", "Ostrava", "Plzeň", "Olomouc", "Hradec Králové",
    "České Budějovice", "Ústí nad Labem", "Spišská Nová Ves", "Ružomberok",
)  # fmt: skip
NOTES = (
    "volať po 17:00",
    "reklamácia 2025; vyriešená",
    'chce faktúru na firmu "Dvořák a syn"',
    "VIP",
    "adresa overená\r\nzvonček nefunguje",
)
BRANDS = ("Kuchta", "Tatra Outdoor", "Domov", "Čajovňa", "Lesná", "Hračkovo", "Svetlo & Tieň")
PRODUCTS: tuple[tuple[str, str, str], ...] = (
    ("Panvica", "Kuchyňa", "Panvice"),
    ("Hrniec s pokrievkou", "Kuchyňa", "Hrnce"),
    ("Nôž kuchársky", "Kuchyňa", "Nože"),
    ("Čajník", "Kuchyňa", "Čaj a káva"),
    ("Hrnček", "Kuchyňa", "Čaj a káva"),
    ("Spacák", "Outdoor", "Kempovanie"),
    ("Stan pre dvoch", "Outdoor", "Kempovanie"),
    ("Turistické palice", "Outdoor", "Turistika"),
    ("Ruksak", "Outdoor", "Turistika"),
    ("Deka", "Domácnosť", "Spálňa"),
    ("Vankúš", "Domácnosť", "Spálňa"),
    ("Lampa stolová", "Domácnosť", "Svetlá"),
    ("Sviečka", "Domácnosť", "Vône"),
    ("Stavebnica", "Hračky", "Skladačky"),
    ("Drevený vláčik", "Hračky", "Pre najmenších"),
    ("Plyšový medveď", "Hračky", "Plyš"),
)
TITLE_TAILS = (
    " klasik",
    ' "Granit"',
    ", veľkosť XL",
    ' 12" limitovaná edícia',
    ", sada 3 ks, darčekové balenie",
    " – jesenná kolekcia",
    "",
    " (ručná práca)",
    '\n"Najlepšej mame"',
)
COLOURS: tuple[tuple[str, str], ...] = (("BLU", "modrá"), ("RED", "červená"), ("GRN", "zelená"))
SENTENCES = (
    "Vyrobené na Slovensku.",
    'Materiál: nehrdzavejúca oceľ, hrúbka 1,2 mm; záruka "na celý život".',
    "Vhodné do umývačky.",
    "Dodávame v krabici.\nObsahuje návod.",
    "Ocenené zákazníkmi v roku 2025.",
)
LABELS = ("novinka", "výpredaj", "eko", "darček", "ručná výroba")
