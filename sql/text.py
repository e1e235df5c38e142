"""Text as search compares it: the Python twin of fold() in the engines' SQL.

Letters are one where Unicode's collation says so at its first level (UTS 10, as ICU 72 does in its
root locale): what NFKD and stripped marks leave is in the tables below.
"""

import re
import unicodedata

# fmt: off
_FROM = (
    "ÐØðøĐđĦħŁł٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹߀߁߂߃߄߅߆߇߈߉०१२३४५६७८९০১২৩৪৫৬৭৮৯੦੧੨੩੪੫੬੭੮੯૦૧૨૩૪૫"
    "૬૭૮૯୦୧୨୩୪୫୬୭୮୯௦௧௨௩௪௫௬௭௮௯౦౧౨౩౪౫౬౭౮౯೦೧೨೩೪೫೬೭೮೯൦൧൨൩൪൫൬൭൮൯෦෧෨෩෪෫෬෭෮෯๐๑๒๓๔๕๖๗๘๙໐໑"
    "໒໓໔໕໖໗໘໙༠༡༢༣༤༥༦༧༨༩၀၁၂၃၄၅၆၇၈၉႐႑႒႓႔႕႖႗႘႙០១២៣៤៥៦៧៨៩᠐᠑᠒᠓᠔᠕᠖᠗᠘᠙᥆᥇᥈᥉᥊᥋᥌᥍᥎᥏᧐᧑᧒᧓᧔᧕᧖᧗"
    "᧘᧙᪀᪁᪂᪃᪄᪅᪆᪇᪈᪉᪐᪑᪒᪓᪔᪕᪖᪗᪘᪙᭐᭑᭒᭓᭔᭕᭖᭗᭘᭙᮰᮱᮲᮳᮴᮵᮶᮷᮸᮹᱀᱁᱂᱃᱄᱅᱆᱇᱈᱉᱐᱑᱒᱓᱔᱕᱖᱗᱘᱙ᵹ꘠꘡꘢꘣꘤꘥꘦꘧꘨꘩ꝚꝛꝹ"
    "ꝺꝻꝼꝽꞂꞃꞄꞅꞆꞇꞚꞛꞜꞝꞞꞟꞠꞡꞢꞣꞤꞥꞦꞧꞨꞩꟀꟁꟂꟃꟘꟙ꣐꣑꣒꣓꣔꣕꣖꣗꣘꣙꤀꤁꤂꤃꤄꤅꤆꤇꤈꤉꧐꧑꧒꧓꧔꧕꧖꧗꧘꧙꧰꧱꧲꧳꧴꧵꧶꧷꧸꧹꩐꩑꩒꩓"
    "꩔꩕꩖꩗꩘꩙꯰꯱꯲꯳꯴꯵꯶꯷꯸꯹ǮʒςᲀҐґᲁꙨꙪꙬꚘꚚᲂꙩꙫꙭꙮꚙꚛᲃᲄᲅᲆᲇךםןףץꙋぁァアぃィイぅゥウぇェエぉォオゕカヵキクㇰゖケヶコサシㇱスㇲ"
    "セソタチっッツテトㇳナニヌㇴネノハㇵヒㇶフㇷヘㇸホㇹマミムㇺメモゃャヤゅュユょョヨラㇻリㇼルㇽレㇾロㇿゎヮワヰヱヲンı"
)
_TO = (
    "DOdoDdHhLl012345678901234567890123456789012345678901234567890123456789012345"
    "6789012345678901234567890123456789012345678901234567890123456789012345678901"
    "2345678901234567890123456789012345678901234567890123456789012345678901234567"
    "89012345678901234567890123456789012345678901234567890123456789g0123456789RrD"
    "dFfGRrSsTtAaOoUuGgKkNnRrSsAaWwSs01234567890123456789012345678901234567890123"
    "4567890123456789ƷǯσвГгдОООООооооооосттъѣכמנפצᲈあああいいいうううえええおおおかかかきくくけけけこさししすす"
    "せそたちつつつてととなにぬぬねのははひひふふへへほほまみむむめもやややゆゆゆよよよららりりるるれれろろわわわゐゑをんi"
)
# fmt: on
_LETTERS = str.maketrans(
    dict(zip(_FROM, _TO, strict=True))
    | {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "TH"}
)
_SIGNS = str.maketrans({"™": " ", "℠": " "})
_FRACTION = re.compile("([¼-¾⅐-⅞])")
_MARKS = re.compile(
    "([A-Za-zÆØæø\u0370-\u03ff\u0400-\u0417\u0419-\u0437\u0439-\u052f\u1f00-\u1fff])"
    "[\u0300-\u036f]+|([Ии])[\u0300-\u0305\u0307-\u036f]+|[\u0591-\u05bd\u05bf\u05c1"
    "\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u0652\u0670\u3099\u309a]"
)


def fold(text: str) -> str:
    """Plain letters, case kept: ``Amélie`` is ``Amelie``, ``Søren`` is ``Soren``."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", _FRACTION.sub(r" \1", text.translate(_SIGNS)))
    bare = _MARKS.sub(lambda found: (found[1] or "") + (found[2] or ""), apart)
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)
