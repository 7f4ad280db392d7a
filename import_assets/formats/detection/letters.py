"""How often the letters of languages occur, and which of them stand next to each other.

Only what single-byte encodings disagree about is of use: of languages in Latin letters, the
letters beyond ASCII. Figures are rough shares among those; a thousandth more or less decides
nothing, since an encoding is judged by many letters or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from import_assets.spec.formats import Encoding


@dataclass(frozen=True)
class Language:
    """A language and the encodings its texts are written in.

    `letters`: each letter with its share, `ä40 ö8`; `pairs`: letters often seen side by side.
    `extra`: signs beyond letters that are usual in it.
    """

    name: str
    encodings: tuple[Encoding, ...]
    letters: str
    pairs: str
    extra: str = ""

    @property
    def shares(self) -> dict[str, float]:
        """The share of each letter, of all together 1."""
        counts = {word[0]: float(word[1:]) for word in self.letters.split()}
        total = sum(counts.values())
        return {letter: count / total for letter, count in counts.items()}


_WEST: tuple[Encoding, ...] = ("cp1252", "latin1")
_CENTRAL: tuple[Encoding, ...] = ("cp1250", "iso-8859-2")
_CYRILLIC: tuple[Encoding, ...] = ("cp1251",)
_BALTIC: tuple[Encoding, ...] = ("cp1257",)

LANGUAGES = (
    Language(
        "German",
        (*_WEST, *_CENTRAL, "cp1254", "cp1257"),
        "ü32 ä28 ö18 ß16 é2 è0.5 à0.4 ç0.2",
        "fü ür mü ül rü üc üh ün üs üb tü üd nä ät äu än äc lä är hä sä mä äl äß kä gä wä ä"
        " ö kö ön mö ög lö ös hö öh öß rö öl öt öf öd tö aß eß ße iß uß üß ßs ßt ß",
        "„“",
    ),
    Language(
        "French",
        _WEST,
        "é62 è11 à10 ê6 ç4 ô2.5 î1.5 û1.2 ù1 â1.6 ï0.8 ë1 œ0.6 ü0.3",
        "ré té dé pé mé sé vé né lé gé cé és ée ét él én ér éc éd ém ég iè èr èv èg èm èt ès"
        " ça ço çu nç rç êt êm êc rê tê hê fê ôt ôn pô cô hô îl îc lî aî ît oû ût où là çà voilà"
        " hâ tâ ât âc âl oï aï oë ïs œu éb éa",
        "«»’",
    ),
    Language(
        "Spanish",
        _WEST,
        "ó28 í24 á20 é14 ñ10 ú6 ü0.5",
        "ió ón ía rí ín tí mí gí ño ña ñe añ eñ iñ uñ ár án ál tá rá má gá bá és én té lé mé"
        " pé ér rú ús mú pú só ló ów íg íc ís ád át áv óp ór ól óm éc ón úl íd íl cí",
        "¿¡ºª",
    ),
    Language(
        "Italian",
        _WEST,
        "à34 è24 ù10 ò14 ì9 é8 î0.1",
        "tà ià lò rò iù iò nò sì rì dì hé hè fè nè tè cò là sà rà pò ò ù età ità quì così",
        "«»’º",
    ),
    Language(
        "Portuguese",
        _WEST,
        "ã24 ç16 á14 é13 í9 ó8 ê5 õ5 ú4 â3 à2 ô2 ü0.2",
        "ão çã ço ça çõ õe ãe iã nç aç oã uç ár ál át áv ás éd ém és éc él té ên êm êu ír ím"
        " íc ín ív ól ór óp ói úl úb ún ús úm ân âm ôn ôm àsã sã mã nã hã pã rã lã ã irã mâ",
        "ºª",
    ),
    Language(
        "Dutch",
        _WEST,
        "é40 ë28 ï10 ö6 ü5 è6 ê2 ó2 á1 ç1",
        "ië eë oë ën ër ëe ël aï eï ïn ïs éé cé oö eö öp ré ée én hè és",
    ),
    Language(
        "Swedish",
        _WEST,
        "ä37 ö32 å28 é2 ü0.5",
        "fö ör mö öt ön rö öm lö ös öd bö sö hö ö jö äl är än ät äs äg äm äc lä sä nä vä hä tä"
        " jä rä på rå gå få nå så åt ån år ål ås åd åg må bå åk",
    ),
    Language(
        "Danish or Norwegian",
        _WEST,
        "ø35 å32 æ27 é3 ö0.6 ä0.6 ü0.6 ò0.2 ó0.1",
        "fø ør sø øn dø ød nø øg kø øb mø øj øl lø øs rø tø gø hø jø bø øk øv på få gå så må nå rå"
        " ål åd år ås åt ån åb læ ær æs ræ æn æl væ næ sæ mæ hæ bæ kæ æg æt",
    ),
    Language(
        "Finnish",
        _WEST,
        "ä78 ö15 å4 é1 š0.3",
        "ää öö yö tä ä sä än ys äi öi nä är vä kä hä jä"
        " mä pä lä äm äk äs äl ät yö tö kö lö ön ös ly äy",
    ),
    Language(
        "Icelandic",
        _WEST,
        "á18 ð22 í15 þ8 ö11 é6 ó11 ú7 æ9 ý4",
        "ið að ðu ði ður ða rð jó só þó ór ón óð ís ín íu úr ún þe þa þú má ár ál án ás ætt ær"
        " æt ör ög öl öm jö ðr ðm ðj eð ýr ýs ét ég lý tú rú mí sí óh áð íð úð",
    ),
    Language(
        "English",
        _WEST,
        "é36 ö7 ü9 ä5 ñ9 á7 í7 ó7 è5 ç4 ï4 ø2 å2 ê2 ô2 ë3",
        "fé é né ré té sé aï oë oï ña ço",
        "£’“”",
    ),
    Language(
        "Slovak",
        _CENTRAL,
        "á18 í12 ý9 č11 ž9 é9 š9 ť5 ľ4 ú6 ô2 ň2 ä1.2 ó1.4 ď1.4 ŕ0.3 ĺ0.2",
        "ov vá áč ač čo ič ek ná ár ál án áv ás áz át ák ká há rá tá lá má dá čn čk ča če či uč eč"
        " ší šk št aš iš še ši šť eš uš áš ši ži že žn ža až už ož ýž ží žd íž ľa ľu ľk eľ oľ"
        " uľ iť ať šť sť ťa ný ký rý vý tý ých ým ým ýc ýn né ké ré vé ého ém és ét éh lé ín ím íc"
        " ír ík íl ív íz is ku kú ňa ňo eň aň oň ôž ôs ôl kô bô ať iť úť ém tô dô pä mä vä ďa eď"
        " aď úr úc út ús úz ľú jú ňu ĺb ŕb ŕň vŕ dĺ stĺ",
        "„“",
    ),
    Language(
        "Czech",
        _CENTRAL,
        "í24 á17 ě12 é10 ř9 č7 š6 ž7 ý7 ů5 ú1 ň0.7 ť0.5 ó0.5 ď0.4 ö0.1 ü0.1",
        "ov vá áč ač ič ná ár ál án áv ás áz át ák ká há rá tá lá má dá čk čn ča če či uč eč ře ři"
        " ří řa oř eř tř př kř ář bř dř hř íř řo řs řen ší šk št aš iš še ši eš uš áš šť ži že žn"
        " ža až už ož ží žd íž ný ký rý vý tý ých ým ýc ýn né ké ré vé ého ém ém ín ím íc ír ík íl"
        " ív íz ní dí tí čí lí vě ně mě tě dě bě pě ěk ěj ěl ěn ět ěs ěh ěm ěr ěž ův ům ůj dů ků"
        " ůl ůs ůz lů rů tů mů ňk ňs eň aň áň ťa šť úr",
        "„“",
    ),
    Language(
        "Polish",
        _CENTRAL,
        "ł24 ę15 ą14 ó13 ż11 ś9 ć6 ń4 ź1.2",
        "ał ła ło ły ół eł ił łu łę sł ił zł mł pł dł łk łn łó ów ór óż ód óz mó ró óg ój ął ęd"
        " ęp ęz ęt ęs ęk ęc ąc ąd ąż ąt ąz ąg ką wą ną rą bą śc śl śn śr śm iś aś oś eś ść ić ać eć"
        " ńs ńc ńk eń ań oń iń żn że ży ża żo aż oż uż eż ież źn ździ eź ąb ęb ęg ów",
        "„”",
    ),
    Language(
        "Hungarian",
        _CENTRAL,
        "á27 é26 ö8 ő8 ó8 í5 ü5 ú3.5 ű2 ä0.1",
        "ás ár án ál át ág rá lá ná zá há já má sá tá vá és ér én él ét ég ék eé ré lé né té sé ké"
        " bé zé mé sző ző ő nő lő rő ől őr ős ót ól ór ós ók ón ló tó jó só ró ö ör öz ös öl öt ök"
        " tö kö gö ül üg ün üz ür üt ír ív ít ín új út úr ús ún fű gy ű űr űz műűs űv",
        "„”",
    ),
    Language(
        "Slovene",
        _CENTRAL,
        "č34 š32 ž28 ć3 đ1",
        "ča če či čn ič ač eč uč oč čk čr šk še št šč iš aš eš ši ša šn ža že ži žn až už iž ož"
        " ež žu čo ešč ž",
        "„“»«",
    ),
    Language(
        "Croatian",
        _CENTRAL,
        "č24 š24 ž18 ć23 đ11",
        "ić ća će ći ać oć eć uć ča če či čn ič ač čk šk še št šć iš aš eš ši ša ža že ži žn až"
        " už iž ož ež đe đa đu đi ađ eđ uđ ođ šo ov",
        "„“»«",
    ),
    Language(
        "Romanian",
        _CENTRAL,
        "ă40 ş20 ţ19 î12 â9",
        "ăr ăt ăm ăl ăc ăz ăs ăn ăd ău uă nă ră tă lă să că dă pă vă mă şi şt eş oş aş iş uş ş"
        " ţi ţe ţă aţ iţ nţ oţ eţ uţ în îm îş îl îi ân âr ât ând câ mâ vâ",
        "„”",
    ),
    Language(
        "Russian",
        _CYRILLIC,
        "о109 е85 а80 и74 н67 т63 с55 р47 в45 л44 к35 м32 д30 п28 у26 я20 ы19 ь17 г17 з16 б16 ч14"
        " й12 х9.7 ж9.4 ш7 ю6.4 ц4.8 щ3.6 э3.2 ф2.6 ъ0.4 ё1",
        "ст но ен то на ов ни ра во ко ро ал ер ор ел ре ан ин ос пр ли от ла ом ол ва ка ив ле ие"
        " ть ны ск нн ая ой ий ик ев ви ал ил ар ет ма мо ми ки кс др ва вн ич ич ру се та ти тр",
        "№«»–",
    ),
    Language(
        "Ukrainian",
        _CYRILLIC,
        "о94 а83 и61 н67 в54 і57 е50 т55 р45 с41 к35 л38 д34 у34 м31 п29 я22 з23 ь18 г14 б17 ч14"
        " й12 х11 ц8 ю9 ж7 ї8 ш7 є6 щ4 ф3 ґ0.3",
        "на ст ко ра ро ен ов ні ан ва ла ін ів ри ти та ка за ал ар до ол ор ви ли ки ий ко ук"
        " ла ся ськ ьк сь ич ць ія ії ює ве пе де мі лі рі ві ді кі",
        "№«»’",
    ),
    Language(
        "Bulgarian",
        _CYRILLIC,
        "а118 о89 и90 е86 н73 т78 р51 с49 в43 л33 д36 к33 п30 м26 з21 я17 ъ19 г16 у15 б14 ч13 ц7"
        " ж8 щ6 х6 ш4 й7 ф3 ю1.5 ь0.3",
        "на то та ст ра но те ен ни ка ва ов ре ро ан ин пр ла ко ия за ит ат ър ъл ът ъв ли ри"
        " ти ев ки ск щи иц ца ем",
        "№„“",
    ),
    Language(
        "Serbian",
        _CYRILLIC,
        "а115 о91 е89 и98 н55 р48 с52 т44 у45 в37 к37 д36 л30 м36 п28 ј42 з18 г17 б15 ш10 ч11 ц8"
        " ж6 ћ7 ђ2 њ7 љ5 х5 ф2 џ0.4",
        "је на ра ст ан ко ни ој ав ов ић ио ва ка да ја ри ма за по ро ен но ти ци њи ље",
        "„“",
    ),
    Language(
        "Greek",
        ("cp1253",),
        "α100 ά22 ο82 ό16 ι66 ί27 ε64 έ20 τ79 σ50 ς38 ν66 η40 ή16 υ42 ύ10 ρ43 π41 κ42 λ32 μ34 ω18"
        " ώ8 δ17 γ19 χ12 θ12 φ9 β8 ξ5 ζ4 ψ1.5 ϊ0.5 ϋ0.1 ΐ0.3",
        "το ου αι να κα τη ση ος τα στ ια τι ει νο πο ης ης ας με ία ρο ων απ ερ αν ον ολ ού ιο"
        " ικ λο πα ρι εί λα αρ θε δη οι ις άκ ης",
        "«»",
    ),
    Language(
        "Turkish",
        ("cp1254",),
        "ı50 ü19 ş18 ç12 ğ12 ö9 İ3 â0.3 î0.1",
        "ın ır ım ıl ık ıs ız ıy ıc lı rı nı sı dı tı kı mı yı şı ış aş eş iş şi şe şa şt uş şk üş"
        " ğı ğl ğı oğ ağ uğ eğ ğu ğr ğa ğd iğ ği ün ür ül üz üy üc lü sü tü dü gü kü mü yü bü öz ör"
        " ön öl kö gö çö ço çe ça çi aç iç üç uç çı ıç çü ğü ış şe",
    ),
    Language(
        "Hebrew",
        ("cp1255",),
        "י110 ו105 ה90 ל70 א65 ר56 ת50 ב48 ש46 מ46 ם26 נ30 ן13 ע33 ח25 ד25 ק21 פ17 ף1.5 ך8 כ22"
        " צ12 ץ2 ט14 ז12 ג13 ס15",
        "ים ות של ית הי את לא יו ול אל ון לי רי הו הא וי ור די מי בי בר מש שר הש",
        "₪",
    ),
    Language(
        "Arabic",
        ("cp1256",),
        "ا125 ل112 ي70 م65 و60 ن62 ر50 ت45 ب42 ة34 ع37 د36 س28 ف29 ه39 ح22 أ22 ك23 ق24 ش13 ى11"
        " ج14 ص11 خ9 ط11 إ9 ض7 ز7 ء5 ث7 غ5 ذ6 ئ4 ظ2 آ3 ؤ1",
        "ال لم في ان من ية ها ات لا اء لل ين ون را ار ري لي مح حم عل عب بد ير لع لح لس لت مد اد",
        "،؛؟",
    ),
    Language(
        "Lithuanian",
        _BALTIC,
        "ė24 š17 ų17 ž13 į11 ū9 č6 ą9 ę4",
        "nė ės ėj lė tė dė rė ėl ėn ėt kė vė ių ų šk iš aš ši še ša šv ži že žu ža už až įm įs ną"
        " ią ūr ūn ūs jū bū ūk lū čia či ič ač ęs",
        "„“",
    ),
    Language(
        "Latvian",
        _BALTIC,
        "ā34 ī19 ē16 š10 ū6 ņ5 ļ5 ž3 ķ1.6 č1 ģ1",
        "ār ās āj āl ān āk āt tā nā rā kā mā dā vā lā ī īb īg īt īn īj īd tī rī nī bī dī ēr ēt ēj"
        " ēs ēl tē lē mē pē vē ša šk iš aš ši šu šē ņa ņu iņ šņ ņš ļa ļu ļo eļ ūr ūt ūd ķi ģi žu",
    ),
    Language(
        "Estonian",
        _BALTIC,
        "ä40 õ31 ü22 ö8 š0.6 ž0.4",
        "õi õu mõ võ nõ kõ õn õr õp õl õh õd lõ põ tõ hõ jõ ää äe än är äi äh äm vä kä pä tä nä mä"
        " rä jä lä sä hä üh ül ür üü ük üt üs kü sü tü lü pü mü rü öö öö tö kö nö",
    ),
    Language(
        "Vietnamese",
        ("cp1258",),
        "đ11 ư12 ơ7 ă6 â10 ê9 ô11 à7 á9 ó3 é0.5 è0.3 ú2 ù1.5 í2 "
        "\u030014 \u030116 \u032315 \u03098 \u03036",
        "ng ươ iê uy ân ôn ên ưn ăn âm ôi ơi ưu đi đư đô đă đa â\u0301 â\u0300 â\u0323 ê\u0323"
        " ê\u0303 ê\u0301 ô\u0323 ô\u0301 ô\u0300 ơ\u0300 ơ\u0301 ư\u0301 ư\u0300 ă\u0301 ă\u0323"
        " a\u0323 i\u0323 o\u0323 u\u0323 e\u0309 o\u0309 i\u0300 i\u0303 u\u0303 a\u0309 ê\u0309",
    ),
)
"""The languages that texts in the encodings of M082 are written in."""

SIGNS = {
    "\xa0": 10, "–": 5, "—": 3, "’": 8, "‘": 2, "“": 4, "”": 4, "„": 4, "«": 2, "»": 2, "…": 4,
    "€": 8, "£": 3, "§": 2, "°": 5, "©": 5, "®": 8, "™": 6, "•": 2, "×": 2, "²": 2, "³": 1,
    "½": 1, "¼": 0.5, "¾": 0.3, "±": 0.5, "·": 0.5, "‰": 0.3, "´": 1, "№": 1, "º": 0.5, "ª": 0.2,
    "µ": 2, "¿": 0.1, "¡": 0.1, "₪": 0.1, "،": 0.5,
}  # fmt: skip
"""Signs that occur in any text, in thousandths of what is not ASCII."""
