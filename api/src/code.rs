//! The closed list of error codes. A code never changes its meaning; each has a page in `docs/errors/` that says what to
//! do, and the build fails when a page is missing. The pages are served at `/api/v1/errors/{code}`.

use axum::http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:ident, $title:literal;)*) => {
        /// What went wrong, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// `CO####`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status it comes with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// One sentence for people, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// The help page, Markdown.
            pub const fn page(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("../../docs/errors/", $code, ".md")),)*
                }
            }
        }
    };
}

codes! {
    /// Unknown name or wrong password; which of both is not told.
    WrongCredentials = "CO1001", UNAUTHORIZED, "Name or password is wrong";
    /// No access token, or one that is not ours, has expired or belongs to an ended session.
    NotSignedIn = "CO1002", UNAUTHORIZED, "You are not signed in";
    /// The refresh token is unknown, expired, or was used before.
    SessionEnded = "CO1003", UNAUTHORIZED, "The session has ended";
    /// A write with a session cookie that another site could have caused.
    CrossSite = "CO1004", FORBIDDEN, "The request could come from another site";
    /// Too many failed attempts from this address.
    TooManyAttempts = "CO1005", TOO_MANY_REQUESTS, "Too many attempts";
    /// Accounts are made by an administrator here.
    RegistrationClosed = "CO1006", FORBIDDEN, "Registration is closed";
    /// The first account needs the token that was printed in the terminal.
    SetupToken = "CO1007", FORBIDDEN, "The set-up token is missing or wrong";
    /// Changing the password needs the current one.
    WrongPassword = "CO1008", FORBIDDEN, "The current password is wrong";
    /// No API key, an unknown one, or one that is revoked or expired.
    ApiKey = "CO1009", UNAUTHORIZED, "The API key is missing or not valid";

    /// A personal API token asked for what only a person with a session may do.
    InPersonOnly = "CO1010", FORBIDDEN, "An API token may not do this";
    /// The code of the second factor is wrong, or was used before.
    WrongCode = "CO1011", FORBIDDEN, "The code is wrong";
    /// The ticket of a sign-in in several steps is unknown, used, too old, or was tried too often.
    StartAgain = "CO1012", UNAUTHORIZED, "The sign-in has to be started again";
    /// A second factor is on already.
    SecondFactorOn = "CO1013", CONFLICT, "The second factor is on already";
    /// No second factor was begun, or none is on.
    NoSecondFactor = "CO1014", CONFLICT, "There is no second factor";
    /// The account has no password, so nothing can be confirmed with it.
    NoPassword = "CO1015", CONFLICT, "The account has no password";
    /// The server has no key to keep second factors with.
    NoVaultKey = "CO1016", SERVICE_UNAVAILABLE, "Second factors are not set up on this server";
    /// The server is reached by an address, and a passkey belongs to a domain name.
    NoPasskeysHere = "CO1017", CONFLICT, "Passkeys need a domain name";
    /// The passkey is not known, was made for another site, or did not sign what it was asked to.
    PasskeyRefused = "CO1018", FORBIDDEN, "The passkey was not accepted";
    /// There is no identity provider.
    NoProvider = "CO1019", NOT_FOUND, "No identity provider is set up";
    /// The identity provider said no, or what it said is not to be believed.
    ProviderRefused = "CO1020", FORBIDDEN, "The identity provider did not vouch for you";
    /// The person's groups give no role here.
    NoRole = "CO1021", FORBIDDEN, "Your groups give you no role here";
    /// The identity provider cannot be reached.
    ProviderDown = "CO1022", SERVICE_UNAVAILABLE, "The identity provider does not answer";

    /// What the provider vouches for is linked to another account already.
    IdentityTaken = "CO1023", CONFLICT, "This account elsewhere is linked to somebody else";
    /// Without it the person could not sign in any more.
    LastWay = "CO1024", CONFLICT, "There would be no way left to sign in";

    /// A field has a value that is not allowed; `errors` names it.
    InvalidField = "CO1101", UNPROCESSABLE_ENTITY, "A field is not valid";
    /// The body is not what its content type says.
    Malformed = "CO1102", BAD_REQUEST, "The request cannot be read";
    /// The body is longer than the limit.
    TooLarge = "CO1103", PAYLOAD_TOO_LARGE, "The request is too large";
    /// The body has a content type that this route does not read.
    MediaType = "CO1104", UNSUPPORTED_MEDIA_TYPE, "The content type is not supported";
    /// No such route.
    NoRoute = "CO1105", NOT_FOUND, "There is nothing at this address";
    /// The route exists but not with this method.
    Method = "CO1106", METHOD_NOT_ALLOWED, "This method is not supported here";

    /// No such server, or none that you may know of.
    NoServer = "CO1201", NOT_FOUND, "There is no such server";
    /// No such API key, or none that you may know of.
    NoKey = "CO1202", NOT_FOUND, "There is no such API key";
    /// The server has not sent a sample yet.
    NoMetrics = "CO1203", NOT_FOUND, "There are no metrics yet";
    /// You may see it but not do this with it.
    Forbidden = "CO1204", FORBIDDEN, "You may not do this";
    /// Another account has this name or address.
    NameTaken = "CO1205", CONFLICT, "The name is taken";
    /// Somebody else changed it at the same time.
    Conflict = "CO1206", CONFLICT, "Somebody else changed this at the same time";

    /// No such session of this person, or it has ended.
    NoSession = "CO1221", NOT_FOUND, "There is no such session";
    /// No such API token of this person, or it was revoked.
    NoToken = "CO1222", NOT_FOUND, "There is no such API token";
    /// No such entry in the audit trail.
    NoAuditEntry = "CO1230", NOT_FOUND, "There is no such audit entry";
    /// No such line of a log, or none that you may know of.
    NoLogLine = "CO1231", NOT_FOUND, "There is no such line";
    /// No such account.
    NoUser = "CO1240", NOT_FOUND, "There is no such account";
    /// No such team, or none that you may know of.
    NoTeam = "CO1241", NOT_FOUND, "There is no such team";
    /// No such grant, or none that you may know of.
    NoGrant = "CO1242", NOT_FOUND, "There is no such grant";
    /// No such invitation, or its link does not work: it was used, taken back, or is too old.
    NoInvitation = "CO1243", NOT_FOUND, "There is no such invitation";
    /// Somebody has to be able to do everything.
    LastOwner = "CO1244", CONFLICT, "This is the last owner";
    /// The account is switched off.
    Deactivated = "CO1245", FORBIDDEN, "The account is switched off";
    /// Accounts are made with an invitation here.
    InvitationNeeded = "CO1246", FORBIDDEN, "An invitation is needed";
    /// The invitation is for an address that the identity provider does not vouch for.
    InvitedAddress = "CO1247", FORBIDDEN, "The invitation is for another address";
    /// No such passkey of this person, or it was removed.
    NoPasskey = "CO1223", NOT_FOUND, "There is no such passkey";
    /// No such linked account of this person.
    NoIdentity = "CO1224", NOT_FOUND, "There is no such linked account";

    /// The key was revoked, has expired, or has a successor already.
    KeyEnded = "CO1301", CONFLICT, "The API key has ended or is being replaced";
    /// No such code, or it was used or is over, or its server is gone.
    EnrolmentCode = "CO1302", UNAUTHORIZED, "The enrolment code is not valid";

    /// The host's agent is not connected: nothing was asked.
    HostOffline = "CO1401", SERVICE_UNAVAILABLE, "The host cannot be reached";
    /// The host has not answered. What was asked may have happened.
    HostSilent = "CO1402", GATEWAY_TIMEOUT, "The host did not answer in time";
    /// The host's own settings do not allow it, or it does not know the key that signed.
    HostRefused = "CO1403", FORBIDDEN, "The host does not allow this";
    /// The host's agent is too old, or answers what this server does not understand.
    HostUnsupported = "CO1404", CONFLICT, "The host cannot do this";
    /// No container engine on the host, or one that does not answer.
    NoEngine = "CO1405", CONFLICT, "There is no container engine on the host";
    /// The container, process, unit or session is not there (any more).
    NotOnHost = "CO1406", NOT_FOUND, "The host has no such thing";
    /// The host does as much as it may already.
    HostBusy = "CO1407", SERVICE_UNAVAILABLE, "The host is busy";
    /// It was tried and did not work; the detail holds the host's words.
    HostFailed = "CO1408", CONFLICT, "It did not work on the host";
    /// The clocks of host and server are too far apart, or the order took too long.
    HostTooLate = "CO1409", CONFLICT, "The host found this to be too late";
    /// No such command, or none that you may know of.
    NoCommand = "CO1410", NOT_FOUND, "There is no such command";
    /// It has ended already.
    CommandOver = "CO1411", CONFLICT, "The command is over";
    /// It was given values that are not kept.
    NotRepeatable = "CO1412", CONFLICT, "The command cannot be run again as it was";

    /// No such terminal, or somebody else's.
    NoTerminal = "CO1421", NOT_FOUND, "There is no such terminal";
    /// The terminal was not recorded, or it is not kept any more.
    NoRecording = "CO1422", NOT_FOUND, "There is no recording";
    /// One person may have so many terminals open.
    TooManyTerminals = "CO1423", CONFLICT, "Too many terminals are open";
    /// A recording is deleted when its terminal is over.
    TerminalOpen = "CO1424", CONFLICT, "The terminal is still open";
    /// No such job, or none that you may know of.
    NoJob = "CO1601", NOT_FOUND, "There is no such job";
    /// No such script, or it was deleted.
    NoScript = "CO1602", NOT_FOUND, "There is no such script";
    /// No such schedule, or none that you may know of.
    NoSchedule = "CO1603", NOT_FOUND, "There is no such schedule";
    /// It has ended, or its state does not allow this.
    NotNow = "CO1604", CONFLICT, "It is not so far, or over";
    /// Two persons have to want it.
    OwnRequest = "CO1605", FORBIDDEN, "Somebody else has to approve this";

    /// No such alert, or none that you may know of.
    NoAlert = "CO1701", NOT_FOUND, "There is no such alert";
    /// No such alert rule, or none that you may know of.
    NoRule = "CO1702", NOT_FOUND, "There is no such alert rule";
    /// No such silence, or none that you may know of.
    NoSilence = "CO1703", NOT_FOUND, "There is no such silence";
    /// It is over, so there is nothing to handle any more.
    AlertOver = "CO1704", CONFLICT, "The alert is over";
    /// Somebody else takes care of it.
    AlertTaken = "CO1705", CONFLICT, "Somebody else has acknowledged the alert";
    /// No such channel for alerts, or none that you may know of.
    NoChannel = "CO1706", NOT_FOUND, "There is no such channel";
    /// A chat's request is not signed, wrongly, too old, or came before.
    ChatSignature = "CO1707", UNAUTHORIZED, "The message is not signed as it has to be";

    /// Agents' edge: no API key, or one that does not work.
    AgentKey = "CO2001", UNAUTHORIZED, "API key refused";
    /// Agents' edge: the key speaks for another server.
    AgentServer = "CO2002", FORBIDDEN, "Another server's metrics";
    /// Agents' edge: the body is no sample.
    AgentUnreadable = "CO2003", BAD_REQUEST, "Unreadable sample";
    /// Agents' edge: a sample with impossible values.
    AgentImpossible = "CO2004", UNPROCESSABLE_ENTITY, "Impossible sample";
    /// Agents' edge: more bytes than a sample may have.
    AgentTooLarge = "CO2005", PAYLOAD_TOO_LARGE, "Sample too large";
    /// Agents' edge: a key sends too often.
    AgentTooMany = "CO2006", TOO_MANY_REQUESTS, "Too many samples";
    /// Agents' edge: something behind it is away, or it is full.
    AgentBusy = "CO2007", SERVICE_UNAVAILABLE, "Try again later";
    /// Agents' edge: neither JSON nor MessagePack.
    AgentMediaType = "CO2008", UNSUPPORTED_MEDIA_TYPE, "Unsupported content type";
    /// Agents' edge: a plain request where a WebSocket is expected.
    AgentNoSocket = "CO2009", BAD_REQUEST, "Not a WebSocket handshake";
    /// Agents' edge: too many failures from this address or with this key.
    AgentTooManyAttempts = "CO2010", TOO_MANY_REQUESTS, "Too many attempts";

    /// A bug of ours; the log has the details under the request id.
    Internal = "CO1901", INTERNAL_SERVER_ERROR, "Something broke on our side";
    /// The event streams cannot be reached.
    StreamsDown = "CO1902", SERVICE_UNAVAILABLE, "The event streams cannot be reached";
    /// The database cannot be reached.
    DatabaseDown = "CO1903", SERVICE_UNAVAILABLE, "The database cannot be reached";
    /// The request took too long.
    Timeout = "CO1904", SERVICE_UNAVAILABLE, "The request took too long";
    /// Too much work is waiting already.
    Busy = "CO1905", SERVICE_UNAVAILABLE, "The server is busy";
}

impl Code {
    /// From its text form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_its_page_names_it_and_says_what_to_do() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(
                seen.insert(code.as_str()),
                "{} is used twice",
                code.as_str()
            );
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            let page = code.page();
            assert!(
                page.starts_with(&format!("# {}: {}\n", code.as_str(), code.title())),
                "{}",
                code.as_str()
            );
            assert!(
                page.contains("## What to do\n"),
                "{} does not say what to do",
                code.as_str()
            );
        }
    }
}
