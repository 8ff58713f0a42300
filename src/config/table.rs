//! Every key there is.

use super::value::Kind;

/// The section that stands for all sections `[Listener NAME]`.
pub(super) const LISTENER: &str = "Listener";
/// The section that stands for all sections `[Domain NAME]`.
pub(super) const DOMAIN: &str = "Domain";
/// The section that stands for all sections `[Mask NAME]`.
pub(super) const MASK: &str = "Mask";
/// The section whose keys are addresses.
pub(super) const ROUTER: &str = "Router";

/// When another value of a key is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    AtReload,
    AtStart,
}

const RELOAD: Applies = Applies::AtReload;
const START: Applies = Applies::AtStart;

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    pub section: &'static str,
    pub name: &'static str,
    pub applies: Applies,
    pub kind: Kind,
    /// As it would be written; empty for a key that has none.
    pub default: &'static str,
    pub meaning: &'static str,
}

const fn key(
    section: &'static str,
    name: &'static str,
    applies: Applies,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key { section, name, applies, kind, default, meaning }
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const K: u64 = 1 << 10;
const M: u64 = 1 << 20;
const G: u64 = 1 << 30;

/// Section by section.
pub const KEYS: &[Key] = &[
    key("Server", "Data Directory", START, Kind::Path, "/var/lib/gatepost", "Where mail is kept."),
    key(
        "Server",
        "Run Directory",
        START,
        Kind::Path,
        "/run/gatepost",
        "Where the control socket and the pid file are.",
    ),
    key("Server", "User", START, Kind::Word, "gatepost", "Whom the daemon becomes when it is started as root."),
    key("Server", "Host Name", RELOAD, Kind::Host, "localhost", "The name that the daemon greets with."),
    key(
        "Server",
        "Administrator Contact",
        RELOAD,
        Kind::Text,
        "",
        "A URI by which users reach the administrator, as mailto:postmaster@example.com; clients may ask for it.",
    ),
    key(
        "Server",
        "Language",
        RELOAD,
        Kind::Choice(&["i-default", "en", "de"]),
        "i-default",
        "The language that a client gets which asks for the default one; who asks for none gets i-default, English.",
    ),
    key(
        "Server",
        "Log To",
        RELOAD,
        Kind::PathOr("syslog"),
        "syslog",
        "syslog, or the path of a file; with -f the log goes to standard error.",
    ),
    key(
        "IMAP",
        "Maximum Channels",
        RELOAD,
        Kind::Number(0, 1_000_000),
        "1000",
        "Connections at a time, each with its worker thread; a further one is refused. 0 turns IMAP off.",
    ),
    key(
        "IMAP",
        "Maximum Channels per Address",
        RELOAD,
        Kind::Number(1, 1_000_000),
        "100",
        "Connections at a time from one address, so that one client cannot take all.",
    ),
    key(
        "IMAP",
        "Send Running Every",
        RELOAD,
        Kind::DurationOrNever(1, HOUR),
        "15s",
        "How often a client hears that its long operation goes on; Never for not at all.",
    ),
    key("IMAP", "Log Level", RELOAD, Kind::Level, "Problems", "What of the sessions is logged."),
    key(
        "IMAP",
        "Sync",
        START,
        Kind::Choice(&["optimized", "always"]),
        "optimized",
        "always makes every acknowledged change durable; optimized all but changes of flags, which a power cut within a second may take back.",
    ),
    key(
        "IMAP",
        "Idle Timeout",
        RELOAD,
        Kind::Duration(1, 30 * DAY),
        "30m",
        "A client that says nothing for so long is logged out; RFC 9051 asks for 30 minutes at least.",
    ),
    key(
        "IMAP",
        "Login Timeout",
        RELOAD,
        Kind::Duration(1, HOUR),
        "1m",
        "A client that has not logged in by then is closed.",
    ),
    key(
        "IMAP",
        "Write Timeout",
        START,
        Kind::Duration(1, HOUR),
        "1m",
        "A client that takes none of its answer for so long is closed.",
    ),
    key(
        "IMAP",
        "Maximum Message Size",
        START,
        Kind::Size(K, 4 * G - K),
        "256M",
        "The largest message that APPEND takes.",
    ),
    key(
        "IMAP",
        "Maximum Line Length",
        RELOAD,
        Kind::Size(K, 64 * M),
        "64K",
        "The longest command line, literals aside: long sets of messages need it.",
    ),
    key(
        "IMAP",
        "Literal Memory",
        RELOAD,
        Kind::Size(K, G),
        "256K",
        "A literal that is larger goes to a spool file instead of memory.",
    ),
    key("IMAP", "Maximum Literals", RELOAD, Kind::Number(1, 10_000), "100", "Literals in one command."),
    key(
        "IMAP",
        "Non-Synchronizing Literals",
        RELOAD,
        Kind::Choice(&["any", "small"]),
        "any",
        "any offers LITERAL+; small offers LITERAL-: one above 4096 octets has to wait for the server.",
    ),
    key(
        "IMAP",
        "Tell URL Mechanisms",
        RELOAD,
        Kind::Choice(&["encrypted", "always"]),
        "encrypted",
        "encrypted says URLMECH, of URLAUTH, over TLS only; always without as well.",
    ),
    key(
        "IMAP",
        "UTF-8",
        RELOAD,
        Kind::Choice(&["accept", "strict", "only", "off"]),
        "accept",
        "accept offers UTF8=ACCEPT; strict has ASCII headers for who does not enable it; only demands that it is enabled; off knows nothing of it.",
    ),
    key(
        "IMAP",
        "Maximum Bad Commands",
        RELOAD,
        Kind::Number(1, 10_000),
        "20",
        "Commands in a row that cannot be understood, after which the client is closed.",
    ),
    key(
        "IMAP",
        "Maximum Commands before Login",
        RELOAD,
        Kind::Number(1, 1_000_000),
        "100",
        "Commands that a client may give without logging in, after which it is closed; honest ones need about ten.",
    ),
    key(
        "IMAP",
        "Maximum Mailboxes",
        START,
        Kind::Number(1, 10_000_000),
        "10000",
        "Mailboxes, and subscriptions, of one account.",
    ),
    key(
        "IMAP",
        "Maximum Keywords",
        START,
        Kind::Number(1, 65_000),
        "10000",
        "Keywords of one mailbox; each client that has it open is told of all of them.",
    ),
    key(
        "IMAP",
        "Message Limit",
        RELOAD,
        Kind::Number(0, 2_000_000_000),
        "0",
        "Messages that one command deals with (MESSAGELIMIT); 0 for any number. Clients that do not know it see no older ones: not below 1000.",
    ),
    key(
        "IMAP",
        "Save Limit",
        RELOAD,
        Kind::Number(0, 2_000_000_000),
        "0",
        "Messages that one COPY or APPEND takes (SAVELIMIT), where there is no Message Limit; 0 for any number.",
    ),
    key(
        "IMAP",
        "Maximum Watched Mailboxes",
        RELOAD,
        Kind::Number(1, 10_000_000),
        "20000",
        "Mailboxes that one session may watch by NOTIFY; each costs some hundred octets.",
    ),
    key(
        "IMAP",
        "Maximum Search Contexts",
        RELOAD,
        Kind::Number(1, 1000),
        "16",
        "Searches of one session whose results are kept up to date; each is looked at with every change, and takes up to 8 octets a message.",
    ),
    key(
        "IMAP",
        "Maximum Searched Mailboxes",
        RELOAD,
        Kind::Number(1, 10_000_000),
        "10000",
        "Mailboxes that one ESEARCH looks into; all that are searched stay in memory for a while.",
    ),
    key(
        "IMAP",
        "Show Non-Mail Mailboxes",
        RELOAD,
        Kind::Bool,
        "no",
        "Whether LIST shows mailboxes of contacts, appointments, tasks and notes, which most clients take for mail.",
    ),
    key(
        "Metadata",
        "Maximum Value Size",
        START,
        Kind::Size(K, 16 * M),
        "64K",
        "The largest value of an annotation: a picture of a mailbox, not mail. Of messages too.",
    ),
    key(
        "Metadata",
        "Maximum Entries",
        START,
        Kind::Number(10, 100_000),
        "200",
        "Annotations of one mailbox, of one message, or of the server, that are shared, and again of each user; clients make about ten.",
    ),
    key(
        "Metadata",
        "Maximum Total Size",
        START,
        Kind::Size(16 * K, 1024 * G),
        "16M",
        "Octets of all shared annotations of an account's mailboxes, and of the messages of one mailbox, and again of each user's, so that nobody fills the disk with them.",
    ),
    key(
        "Quota",
        "Storage",
        RELOAD,
        Kind::Size(0, 1 << 62),
        "0",
        "Octets of mail that an account may have; 0 for as much as it likes.",
    ),
    key(
        "Quota",
        "Messages",
        RELOAD,
        Kind::Number(0, 1 << 62),
        "0",
        "Messages that an account may have; 0 for any number.",
    ),
    key(
        "Quota",
        "Mailboxes",
        RELOAD,
        Kind::Number(0, 1 << 62),
        "0",
        "Mailboxes that an account may have; 0 for any number.",
    ),
    key(
        "Quota",
        "Count Expunged",
        RELOAD,
        Kind::Bool,
        "no",
        "Whether messages count that were expunged and can still be brought back.",
    ),
    key(
        "Domain",
        "Storage Quota",
        RELOAD,
        Kind::Size(0, 1 << 62),
        "",
        "Octets of mail that an account of the domain may have; without it [Quota] says.",
    ),
    key(
        "Domain",
        "Show Non-Mail Mailboxes",
        RELOAD,
        Kind::Bool,
        "",
        "The same as in [IMAP], for the accounts of the domain; without it [IMAP] says.",
    ),
    key("Domain", "Message Quota", RELOAD, Kind::Number(0, 1 << 62), "", "The same for messages."),
    key("Domain", "Mailbox Quota", RELOAD, Kind::Number(0, 1 << 62), "", "The same for mailboxes."),
    key(
        "Domain",
        "Address",
        RELOAD,
        Kind::Hosts,
        "",
        "Addresses of this machine, with commas between, that are this domain's: who comes there is its user.",
    ),
    key(
        "Domain",
        "Certificate",
        RELOAD,
        Kind::Path,
        "",
        "The domain's certificate and its chain, for clients that name the domain in TLS or come to its Address.",
    ),
    key("Domain", "Private Key", RELOAD, Kind::Path, "", "The key of the domain's certificate."),
    key(
        "Domain",
        "Cleartext Login",
        RELOAD,
        Kind::Bool,
        "",
        "Whether passwords of the domain are taken over connections without TLS; without it [Auth] says.",
    ),
    key(
        "Mask",
        "Client",
        RELOAD,
        Kind::Text,
        "",
        "Clients, with commas between, by the name that they give with ID; * stands for any text. Without it all.",
    ),
    key(
        "Mask",
        "Account",
        RELOAD,
        Kind::Text,
        "",
        "Accounts, with commas between; * stands for any text. Without it all, those not logged in included.",
    ),
    key(
        "Mask",
        "Capabilities",
        RELOAD,
        Kind::Text,
        "",
        "Capabilities, with commas between, that are neither listed nor enabled; * stands for any text.",
    ),
    key("Store", "Cache Size", START, Kind::Size(M, 1024 * G), "128M", "Memory for what is read from the disk."),
    key(
        "Store",
        "Summary Cache Size",
        START,
        Kind::Size(M, 1024 * G),
        "256M",
        "Memory for the parsed structure of messages, by which FETCH and SEARCH are answered.",
    ),
    key(
        "Store",
        "Minimum Free Space",
        START,
        Kind::Size(0, 1024 * G),
        "64M",
        "With less left on the disk no message is taken; with less than a quarter of it nothing is changed; 0 for never.",
    ),
    key(
        "Store",
        "Compression",
        START,
        Kind::Choice(&["none", "lz4"]),
        "none",
        "Whether a new store compresses messages: lz4 takes little more than half the disk and reads somewhat slower.",
    ),
    key(
        "Store",
        "Keep Expunged",
        START,
        Kind::DurationOrNever(1, 3650 * DAY),
        "7d",
        "How long expunged messages and deleted mailboxes can be brought back; Never for not at all.",
    ),
    key("Store", "Log Level", RELOAD, Kind::Level, "Problems", "What of the store is logged."),
    key(
        "Listener",
        "Address",
        START,
        Kind::Addresses,
        "",
        "Addresses to listen on, HOST:PORT or [HOST]:PORT, with commas between.",
    ),
    key(
        "Listener",
        "TLS",
        START,
        Kind::Choice(&["starttls", "implicit", "never"]),
        "starttls",
        "When connections speak TLS: when the client asks, from the beginning, or never.",
    ),
    key("TLS", "Certificate", RELOAD, Kind::Path, "", "The certificate and its chain, in PEM form."),
    key("TLS", "Private Key", RELOAD, Kind::Path, "", "The certificate's key, in PEM form."),
    key(
        "TLS",
        "Minimum Version",
        RELOAD,
        Kind::Choice(&["1.2", "1.3"]),
        "1.2",
        "The oldest version of TLS that is spoken; some old phones have no 1.3.",
    ),
    key(
        "TLS",
        "Handshake Timeout",
        RELOAD,
        Kind::Duration(1, HOUR),
        "30s",
        "A client whose handshake takes longer is closed.",
    ),
    key(
        "Auth",
        "Passwd File",
        START,
        Kind::Path,
        "/etc/gatepost/passwd",
        "The accounts: name:{SCHEME}hash, a line each.",
    ),
    key(
        "Auth",
        "Groups File",
        RELOAD,
        Kind::Path,
        "",
        "Groups for access control lists: group: account, account, a line each.",
    ),
    key(
        "Auth",
        "Administrators",
        RELOAD,
        Kind::Accounts,
        "",
        "Accounts, with commas between, that may see and set the quotas of others, and set the server's shared annotations, over IMAP.",
    ),
    key(
        "Auth",
        "Submission Servers",
        RELOAD,
        Kind::Accounts,
        "",
        "Accounts, with commas between, that fetch messages to be sent by URLs for submit+.",
    ),
    key(
        "Auth",
        "Cleartext Login",
        RELOAD,
        Kind::Bool,
        "no",
        "Whether passwords are taken over connections without TLS.",
    ),
    key(
        "Auth",
        "Maximum Failed Logins",
        RELOAD,
        Kind::Number(1, 10_000),
        "10",
        "Failed logins of one address or to one account within Failed Login Window, after which they are refused unheard.",
    ),
    key(
        "Auth",
        "Failed Login Window",
        RELOAD,
        Kind::Duration(1, 30 * DAY),
        "10m",
        "How long failed logins are remembered.",
    ),
    key(
        "Auth",
        "Failed Login Delay",
        RELOAD,
        Kind::DurationOrNever(1, 60),
        "2s",
        "How long the answer to a failed login is held back; Never for not at all.",
    ),
    key(
        "Auth",
        "Cache Time",
        RELOAD,
        Kind::DurationOrNever(1, 30 * DAY),
        "10m",
        "How long a password that was right is taken again without the costly check; Never for not at all.",
    ),
    key("Auth", "Log Level", RELOAD, Kind::Level, "Problems", "What of logins is logged."),
    key("Net", "Log Level", RELOAD, Kind::Level, "Problems", "What of listeners and connections is logged."),
    key(
        "Admin",
        "Log Level",
        RELOAD,
        Kind::Level,
        "Problems",
        "What of the daemon itself and its control socket is logged.",
    ),
];

/// The key of a section by its name in any case.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section.eq_ignore_ascii_case(section) && key.name.eq_ignore_ascii_case(name))
}

/// What the sample has of [Router], whose keys are addresses.
const ROUTES: &str = "\n\
; Names that lead elsewhere, the first row that fits: a moved account, aliases, whole domains.\n\
[Router]\n\
;<j.smith> = John@server.example\n\
;<sales-*> = sales\n\
;@example.net = @example.com\n";

/// The sample file: every key at its default, behind a comment that explains it.
pub fn sample() -> String {
    let mut out =
        String::from("; Configuration of gatepostd(8); see gatepost.ini(5). Every key is shown at its default.\n");
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            out.push_str(&match section {
                LISTENER => {
                    "\n; As many listeners as wanted, each with a name of its own.\n[Listener imap]\n".to_string()
                }
                DOMAIN => "\n; As many domains as wanted.\n[Domain example.com]\n".to_string(),
                MASK => "\n; As many masks as wanted, each with a name of its own.\n;[Mask outlook]\n".to_string(),
                section => format!("\n[{section}]\n"),
            });
        }
        let example = match (key.section, key.name) {
            (LISTENER, "Address") => "127.0.0.1:143, [::1]:143",
            _ => key.default,
        };
        let mark = if example.is_empty() { ";" } else { "" };
        let applies = match key.applies {
            Applies::AtReload => "",
            Applies::AtStart => "; Taken over at the next start.\n",
        };
        out.push_str(&format!("; {}\n{applies}{mark}{} = {example}\n", key.meaning, key.name));
    }
    out.push_str(ROUTES);
    out
}
