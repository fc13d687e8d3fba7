"""What forms and systems call the fields of an activity, in the languages of those who make them.

Words are written as they are compared: without accents, blanks and capitals (`words_of`). Where a
name is the beginning of many (`name`, `number`), what stands around it decides.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_LETTERS: Final = re.compile(r"[\W_]+")
# Numbers of questions, such as `q3` or `input_12`, and digits after a name.
_NUMBERED: Final = re.compile(r"q?[0-9]+")

FIRST_NAME: Final = "first name"
LAST_NAME: Final = "last name"

_SYNONYMS: Final[dict[str, str]] = {
    "caller_number": (
        "phone phonenumber phoneno phonenum phones tel telephone telephonenumber telno mobile"
        " mobilephone mobilenumber mobileno cell cellphone cellnumber cellular phonemobile"
        " phonehome homephone workphone phonework daytimephone dayphone contactnumber contactphone"
        " callbacknumber callback whatsapp whatsappnumber msisdn callernumber callerid ani"
        " customernumber numbertocall phone1 landline from fromnumber"
        " personalphone businessphone phonenumbers"
        " telefon telefonnummer telefonnr telnr rufnummer handy handynummer mobil mobilnummer"
        " mobiltelefon festnetz ruckrufnummer"
        " telephonemobile portable numero numerodetelephone numerotelephone"
        " telefono telefonocelular celular movil numerodetelefono telefonomovil cellulare"
        " telefonofisso numeroditelefono recapitotelefonico"
        " telefone telemovel fone numerodetelefone"
        " telefoonnummer telefoon mobielnummer mobiel gsm"
        " telefonkomorkowy numertelefonu komorka mobiltelefonnummer telefonnumer mobilnr puhelin"
        " puhelinnumero ceptelefonu telefonnumarasi"
        " телефон номертелефона мобильныи 電話番号 電話 携帯電話 手机 手机号 电话 전화번호"
    ),
    "email": (
        "email emailaddress mail emails eaddress mailaddress useremail contactemail workemail"
        " emailadresse mailadresse epost epostadresse epostadress"
        " courriel adresseemail adressemail adressecourriel adresseelectronique"
        " correo correoelectronico direcciondecorreo indirizzoemail postaelettronica"
        " enderecodeemail emailadres adresemail eposta sahkoposti"
        " почта электроннаяпочта メール メールアドレス 邮箱 电子邮件 이메일"
    ),
    "name": (
        "name fullname contactname callername customername leadname yourname clientname personname"
        " visitorname inviteename displayname realname patientname"
        " vollername vollstandigername vorundnachname namevorname vornamenachname"
        " kundenname ansprechpartner"
        " nomcomplet nometprenom prenometnom nomprenom"
        " nombrecompleto nombreyapellido nombreyapellidos nomecompleto nomeecognome nomecognome"
        " volledigenaam naam imieinazwisko navn namn fulltnavn nimi adsoyad isim"
        " имя фио полноеимя 氏名 お名前 名前 姓名 이름"
    ),
    FIRST_NAME: (
        "firstname givenname forename fname first namefirst namegiven vorname prenom nombre nombres"
        " primernombre nome primeironome voornaam imie fornavn fornamn etunimi"
    ),
    LAST_NAME: (
        "lastname surname familyname lname last namelast namefamily nachname familienname zuname"
        " nom nomdefamille apellido apellidos cognome sobrenome apelido achternaam nazwisko"
        " etternavn efternavn efternamn sukunimi soyad фамилия"
    ),
    "street": (
        "street address address1 addressline addressline1 streetaddress street1 addr mailingaddress"
        " strasse strassehausnummer strasseundhausnummer anschrift adresse rue adressepostale"
        " calle direccion domicilio indirizzo via endereco rua morada straat straatnaam adres ulica"
        " gata gateadresse adress osoite адрес 住所"
    ),
    "city": (
        "city town locality addresscity stadt ort wohnort ville commune ciudad localidad poblacion"
        " citta comune cidade localidade stad plaats woonplaats miasto miejscowosc by sted"
        " kaupunki sehir город 市区町村"
    ),
    "state": (
        "state province region stateprovince addressstate statecode provincecode administrativearea"
        " bundesland departement provincia estado regione wojewodztwo provincie 都道府県"
    ),
    "postal_code": (
        "zip zipcode postcode postalcode zippostalcode addresszip addresspostalcode plz"
        " postleitzahl codepostal codigopostal cp cap cep codigopostale kodpocztowy postnummer"
        " postnr postinumero pincode индекс 郵便番号"
    ),
    "country": (
        "country countrycode countryiso addresscountry addresscountrycode land pays pais paese"
        " nazione kraj maa ulke страна 国"
    ),
    "notes": (
        "message messages comment comments notes note description inquiry enquiry question details"
        " body additionalinformation howcanwehelp howcanwehelpyou yourmessage"
        " nachricht kommentar anmerkung anmerkungen bemerkung bemerkungen anliegen ihrenachricht"
        " commentaire commentaires votremessage demande mensaje comentario comentarios consulta"
        " messaggio commento richiesta note mensagem bericht opmerking opmerkingen vraag wiadomosc"
        " uwagi melding meddelande viesti mesaj сообщение комментарии お問い合わせ内容"
    ),
    "source": (
        "leadsource utmsource source trafficsource originalsource howdidyouhearaboutus quelle"
    ),
    "medium": "utmmedium medium",
    "campaign": "utmcampaign campaign campaignname kampagne",
    "keyword": "utmterm keyword keywords",
    "paid.ad_content": "utmcontent adname adcontent",
    "ga.gclid": "gclid googleclickid gclkey",
    "location": (
        "pageurl page url landingpage landingpageurl landingurl formurl submissionurl"
        " sourceurl location currenturl"
    ),
    "referrer": "referrer referer referrerurl refererurl httpreferer httpreferrer",
    "visitor_ip": "ip ipaddress userip remoteip clientip submissionip visitorip",
    "visitor_sid": "visitorsid visitorid ctmvisitorsid",
    "form.form_name": "formname formtitle formulario formularname",
    "tag_list": "tags taglist labels etiquetas schlagworte",
    "tracking_number": (
        "trackingnumber trackingphonenumber trackingphone"
        " to called callednumber dnis dialednumber destinationnumber tonumber"
    ),
    "business_number": "businessnumber businessphonenumber companynumber storenumber",
    "duration": "duration callduration durationseconds durations",
    "talk_time": "talktime talkduration conversationtime",
    "audio": "recording recordingurl audiourl callrecording recordinglink",
    "transcription_text": "transcript transcription transcriptiontext",
    "unix_time": (
        "starttime startedat calledat calltime"
        " createdat createdtime created datecreated submittedat submissiondate submissiontime"
        " submitted timestamp submittime entrydate unixtime eventtime occurredat createdon"
        " datumzeit erstelltam eingegangenam"
    ),
    "sale.value": (
        "salevalue totalprice ordertotal total amount dealvalue dealamount opportunityvalue"
        " grandtotal revenue estimatedvalue betrag gesamtbetrag montant importe importo"
    ),
    "message_body": "smsbody",
    "custom_company": (
        "company companyname business businessname organization organisation organizationname"
        " employer firma unternehmen firmenname entreprise societe nomdelentreprise empresa azienda"
        " ragionesociale bedrijf bedrijfsnaam nazwafirmy foretag bedrift yritys sirket компания"
        " 会社名"
    ),
}

# In the language of many, the last name stands alone under these when there is a first name too.
LAST_WHERE_FIRST: Final = frozenset({"name", "naam", "namn", "navn"})
# Words that say whose it is, not what it is.
_NOISE: Final = (
    "your my the a an of contact customer client lead caller user visitor person applicant"
    " patient guest buyer attendee invitee primary main preferred best default form field"
    " input data payload answer answers submission entry event fields value values properties"
    " property attributes response responses results result body record object items item"
    " wpforms cf7 elementor raw request details detail info information please enter what is"
    " cf custom text textfield ihr ihre ihren dein deine bitte kunde kunden votre vos ton"
    " notre le la du de des su tu sus il tuo suo seu sua uw je jouw twoj pan din ditt dit"
    " number nummer no nr required optional pflichtfeld answervalue q fielddata column params"
    " query profile"
)
# Names that say nothing of a value: what stands around them does.
_GENERIC: Final = (
    "value values answer text content raw val data string response full fullvalue formatted"
    " e164 international national input number display plain stringvalue userdata columnvalue"
    " prettyformat"
)
# Around a value of anybody: what it says is not of the caller.
_OTHERS: Final = (
    "product products variant lineitems lineitem line items store shop agent owner rep assignee"
    " assigned salesrep employee staff host hosts organizer workspace vendor shippinglines"
    " attachments device integration sender team creator author"
)
# Around a name: it is the name of that.
_NAMED: Final = (
    "item company organization school hotel venue property location locations site page"
    " campaign adset ad app account file browser event subject status type"
)

NOISE: Final = frozenset(_NOISE.split())
GENERIC: Final = frozenset(_GENERIC.split())
OTHERS: Final = frozenset(_OTHERS.split())
NAMED: Final = frozenset(_NAMED.split())
# Letters that have no accent to lose.
_PLAIN: Final = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "ł": "l", "\u0131": "i"})


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name as they are compared: `Téléphone_mobile` is telephone, mobile."""
    plain = unicodedata.normalize("NFKD", _BOUNDARY.sub(" ", name)).casefold()
    plain = "".join(each for each in plain if not unicodedata.combining(each)).translate(_PLAIN)
    words = _NOT_LETTERS.sub(" ", plain).split()
    return tuple(word for word in words if not _NUMBERED.fullmatch(word))


# Where two fields have a name in common, the one that stands first above has it.
TARGETS: Final[dict[str, str]] = {
    "".join(words_of(word)): target
    for target, words in reversed(_SYNONYMS.items())
    for word in words.split()
}
