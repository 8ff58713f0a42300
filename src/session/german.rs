//! What the server says, in German.                 RFC 5255 3
//!
//! Each row has a text as the code has it, with `{}` for what is filled in, and its translation with the same in the same
//! order. Not here, and in English for all: the sentences on syntax, which are for those who write clients, and what the
//! administrators write themselves.

pub(super) const TEXTS: &[(&str, &str)] = &[
    // How commands end.
    ("{} completed", "{} ausgeführt"),
    ("Completed", "Ausgeführt"),
    ("Logged in", "Angemeldet"),
    ("Logging out", "Abgemeldet"),
    ("Moved", "Verschoben"),
    ("Replacement message ready", "Die Nachricht ist ersetzt"),
    // Logging in.
    ("The name or the password is wrong", "Name oder Passwort ist falsch"),
    ("Too many failed logins; try again in a while", "Zu viele Fehlversuche; bitte später noch einmal versuchen"),
    ("{} needs TLS here; use STARTTLS first", "{} ist hier nur mit TLS möglich; bitte zuerst STARTTLS"),
    ("AUTHENTICATE cancelled", "AUTHENTICATE abgebrochen"),
    ("The response is not as PLAIN has it", "Die Antwort entspricht nicht PLAIN"),
    ("PLAIN is the only mechanism here", "Hier gibt es nur das Verfahren PLAIN"),
    ("Nobody may act as somebody else here", "Niemand darf hier für einen anderen handeln"),
    ("Log in first", "Bitte zuerst anmelden"),
    ("{} is not possible before login", "{} ist vor der Anmeldung nicht möglich"),
    ("{} is not possible after login", "{} ist nach der Anmeldung nicht möglich"),
    ("TLS is active already", "TLS ist bereits aktiv"),
    ("There is no TLS on this port", "An diesem Port gibt es kein TLS"),
    ("account has been moved to a remote system", "Das Konto ist auf einen anderen Server umgezogen"),
    ("mailbox is on a remote system", "Das Postfach liegt auf einem anderen Server"),
    // Mailboxes.
    ("No mailbox is selected", "Es ist kein Postfach ausgewählt"),
    ("The mailbox is selected read-only", "Das Postfach ist nur zum Lesen ausgewählt"),
    ("The mailbox before is closed", "Das vorige Postfach ist geschlossen"),
    ("No such mailbox", "Dieses Postfach gibt es nicht"),
    ("No such mailbox; CREATE it first", "Dieses Postfach gibt es nicht; bitte zuerst anlegen"),
    ("This name only holds other mailboxes", "Dieser Name enthält nur andere Postfächer"),
    ("A mailbox of this name exists already", "Ein Postfach dieses Namens gibt es schon"),
    ("INBOX cannot be deleted", "INBOX kann nicht gelöscht werden"),
    (
        "This name holds other mailboxes; delete them first",
        "Dieser Name enthält andere Postfächer; bitte zuerst diese löschen",
    ),
    ("A mailbox cannot be moved below itself", "Ein Postfach kann nicht in sich selbst verschoben werden"),
    (
        "A mailbox stays in its account; copy its messages",
        "Ein Postfach bleibt in seinem Konto; bitte die Nachrichten kopieren",
    ),
    ("This account can take no more mailboxes", "Dieses Konto kann keine weiteren Postfächer aufnehmen"),
    (
        "Another mailbox has this special use, or no mailbox can have it",
        "Diese Verwendung hat schon ein anderes Postfach, oder keines kann sie haben",
    ),
    (
        "A name that only holds others has no special use",
        "Ein Name, der nur andere enthält, hat keine besondere Verwendung",
    ),
    ("a mailbox name cannot be empty", "Der Name eines Postfachs darf nicht leer sein"),
    (
        "a mailbox name has at most {} octets and {} levels",
        "Der Name eines Postfachs hat höchstens {} Oktette und {} Ebenen",
    ),
    ("a level of a mailbox name cannot be empty", "Eine Ebene im Namen eines Postfachs darf nicht leer sein"),
    ("a mailbox name cannot contain {}", "Der Name eines Postfachs darf {} nicht enthalten"),
    (
        "A class is printable ASCII of at most 255 octets, and INBOX and holders are mail",
        "Eine Klasse ist druckbares ASCII mit höchstens 255 Oktetten; INBOX und reine Behälter sind Mail",
    ),
    (
        "An alias has a mailbox name, and stands for one",
        "Ein Alias hat den Namen eines Postfachs und steht für eines",
    ),
    ("First message without \\Seen", "Die erste Nachricht ohne \\Seen"),
    ("UIDs are valid", "Die UIDs gelten"),
    ("The next UID", "Die nächste UID"),
    ("The mailbox itself, whatever its name", "Das Postfach selbst, gleich unter welchem Namen"),
    ("How URLs are authorised", "Wie URLs beglaubigt werden"),
    ("The highest mod-sequence", "Die höchste Änderungsnummer"),
    ("Flags that are kept", "Markierungen, die bleiben"),
    // Rights, quotas, annotations.
    ("The access control list does not permit this", "Die Zugriffsliste erlaubt das nicht"),
    (
        "This access control list can take no more entries",
        "Diese Zugriffsliste kann keine weiteren Einträge aufnehmen",
    ),
    (
        "An identifier is an account, #group, anyone, anyone@ or anyone@domain, - before it or not",
        "Eine Kennung ist ein Konto, #group, anyone, anyone@ oder anyone@domain, mit oder ohne - davor",
    ),
    (
        "The account has used up its quota; delete some messages",
        "Der Speicherplatz des Kontos ist verbraucht; bitte Nachrichten löschen",
    ),
    ("Quotas are set by the administrators", "Den Speicherplatz legen die Administratoren fest"),
    ("The resources are STORAGE, MESSAGE and MAILBOX", "Es gibt die Ressourcen STORAGE, MESSAGE und MAILBOX"),
    ("No such quota root", "Diese Quota-Wurzel gibt es nicht"),
    (
        "Shared annotations of the server are set by the administrators",
        "Gemeinsame Anmerkungen des Servers setzen die Administratoren",
    ),
    ("An annotation has at most {} octets", "Eine Anmerkung hat höchstens {} Oktette"),
    (
        "There are as many annotations as there may be; remove some",
        "Mehr Anmerkungen kann es nicht geben; bitte einige löschen",
    ),
    (
        "The messages have as many annotations as they may have; remove some",
        "Mehr Anmerkungen können die Nachrichten nicht haben; bitte einige löschen",
    ),
    ("Octets of an annotation", "Oktette einer Anmerkung"),
    ("This entry is that of the mailbox's owner", "Dieser Eintrag gehört dem Eigentümer des Postfachs"),
    ("This entry is set by the server", "Diesen Eintrag setzt der Server"),
    (
        "More annotations have changed than could be remembered; ask for them anew",
        "Es haben sich mehr Anmerkungen geändert, als gemerkt werden konnten; bitte neu abfragen",
    ),
    // Messages.
    ("The message would be larger than this server takes", "Die Nachricht würde größer, als dieser Server annimmt"),
    ("The message is larger than this server takes", "Die Nachricht ist größer, als dieser Server annimmt"),
    ("An empty message cancels APPEND", "Eine leere Nachricht bricht APPEND ab"),
    ("Some of the messages have been expunged", "Einige der Nachrichten sind gelöscht worden"),
    (
        "Some of the messages have been expunged by another session",
        "Einige der Nachrichten hat eine andere Sitzung gelöscht",
    ),
    ("There is no message of this number", "Eine Nachricht dieser Nummer gibt es nicht"),
    ("There is no message of this UID", "Eine Nachricht dieser UID gibt es nicht"),
    (
        "A sequence number is beyond the mailbox, which has {} messages",
        "Eine Nummer liegt außerhalb des Postfachs, das {} Nachrichten hat",
    ),
    ("This mailbox can take no more keywords", "Dieses Postfach kann keine weiteren Schlüsselwörter aufnehmen"),
    (
        "This mailbox has used up its UIDs; move its messages to a new one",
        "Dieses Postfach hat seine UIDs verbraucht; bitte die Nachrichten in ein neues verschieben",
    ),
    ("The part's transfer encoding is not known here", "Die Transportkodierung dieses Teils ist hier nicht bekannt"),
    (
        "The account has no S/MIME certificate; the administrator can set one",
        "Das Konto hat kein S/MIME-Zertifikat; der Administrator kann eines setzen",
    ),
    // Searches.
    ("The charset is not known here", "Dieser Zeichensatz ist hier nicht bekannt"),
    (
        "After ENABLE UTF8=ACCEPT the charset is UTF-8: all strings are",
        "Nach ENABLE UTF8=ACCEPT ist der Zeichensatz UTF-8: alle Zeichenketten sind es",
    ),
    ("FILTER stands beside UTF-8 and US-ASCII alone", "FILTER steht nur neben UTF-8 und US-ASCII"),
    (
        "No such filter, or one that is no search, too long or nested too deep",
        "Diesen Filter gibt es nicht, oder er ist keine Suche, zu lang oder zu tief verschachtelt",
    ),
    (
        "The name of a filter has characters that none can have",
        "Der Name des Filters enthält Zeichen, die keiner haben kann",
    ),
    ("The value is no search: {}", "Der Wert ist keine Suche: {}"),
    ("The search is nested too deep", "Die Suche ist zu tief verschachtelt"),
    ("RELEVANCY needs a FUZZY search key", "RELEVANCY gibt es nur mit FUZZY"),
    (
        "SAVE is for a search of the selected mailbox alone",
        "SAVE gibt es nur bei einer Suche im ausgewählten Postfach allein",
    ),
    (
        "One search looks into {} mailboxes at most; name fewer",
        "Eine Suche durchsucht höchstens {} Postfächer; bitte weniger nennen",
    ),
    (
        "A search of this tag is being kept up to date; use another tag",
        "Eine Suche dieses Namens wird schon fortgeschrieben; bitte einen anderen Namen nehmen",
    ),
    ("No search of this tag is kept up to date", "Keine Suche dieses Namens wird fortgeschrieben"),
    (
        "Too many searches are kept up to date; CANCELUPDATE one",
        "Zu viele Suchen werden fortgeschrieben; bitte eine mit CANCELUPDATE beenden",
    ),
    (
        "What is YOUNGER or OLDER changes without news of it",
        "Was YOUNGER oder OLDER ist, ändert sich ohne Nachricht davon",
    ),
    ("An order by RELEVANCY is not kept", "Eine Ordnung nach RELEVANCY wird nicht fortgeschrieben"),
    (
        "No such comparator; i;unicode-casemap, i;ascii-casemap and i;octet are known",
        "Diese Vergleichsregel gibt es nicht; bekannt sind i;unicode-casemap, i;ascii-casemap und i;octet",
    ),
    (
        "No such language; en, de and i-default are known",
        "Diese Sprache gibt es nicht; bekannt sind en, de und i-default",
    ),
    ("A batch has {} messages at least", "Eine Portion hat mindestens {} Nachrichten"),
    (
        "The batches span more than {} messages; ask for fewer",
        "Die Portionen umfassen mehr als {} Nachrichten; bitte weniger verlangen",
    ),
    ("The range of batches begins with the lower number", "Der Bereich der Portionen beginnt mit der kleineren Zahl"),
    // The connection.
    ("DEFLATE is the only mechanism", "Es gibt nur das Verfahren DEFLATE"),
    ("DEFLATE is active already", "DEFLATE ist bereits aktiv"),
    (
        "Nothing may be sent behind COMPRESS before its answer",
        "Hinter COMPRESS darf vor der Antwort nichts gesendet werden",
    ),
    ("IDLE ends with DONE", "IDLE endet mit DONE"),
    ("ENABLE QRESYNC first", "Bitte zuerst ENABLE QRESYNC"),
    (
        "UIDONLY is enabled: messages are named by UID, as in UID FETCH or in the search key UID",
        "UIDONLY ist eingeschaltet: Nachrichten werden mit ihrer UID genannt, wie in UID FETCH oder im Suchschlüssel UID",
    ),
    ("The command is not possible now", "Dieser Befehl ist jetzt nicht möglich"),
    ("A command begins with a tag", "Ein Befehl beginnt mit einer Kennung"),
    ("Unknown command {}", "Unbekannter Befehl {}"),
    ("The command line is too long", "Die Befehlszeile ist zu lang"),
    ("The literal is larger than this server takes", "Das Literal ist größer, als dieser Server annimmt"),
    ("The command has too many literals", "Der Befehl hat zu viele Literale"),
    ("The server has no room for the literal now", "Der Server hat jetzt keinen Platz für das Literal"),
    ("The server has no room for the message now", "Der Server hat jetzt keinen Platz für die Nachricht"),
    ("The server ends this session", "Der Server beendet diese Sitzung"),
    ("Autologout: nothing heard for too long", "Automatische Abmeldung: zu lange nichts gehört"),
    ("Too many commands without a login", "Zu viele Befehle ohne Anmeldung"),
    ("Too many commands that cannot be understood", "Zu viele Befehle, die nicht zu verstehen sind"),
    ("What follows cannot be understood", "Was folgt, ist nicht zu verstehen"),
    (
        "This port does not begin with TLS; use STARTTLS, or the port for TLS",
        "An diesem Port beginnt TLS nicht sofort; bitte STARTTLS oder den Port für TLS verwenden",
    ),
    (
        "The server cannot do this now; its log explains fault {}",
        "Der Server kann das jetzt nicht; sein Protokoll erklärt Fehler {}",
    ),
    (
        "The server's disk is full, mail can be read; its log explains fault {}",
        "Die Platte des Servers ist voll, Mail kann gelesen werden; sein Protokoll erklärt Fehler {}",
    ),
];
