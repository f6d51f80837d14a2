//! How mail programs find their settings: Thunderbird's autoconfig, Outlook's autodiscover, Apple's profile.
//!
//! Whoever asks hears the same for every address: none of it tells whether an account exists.

use axum::extract::{Query as Params, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use sekisho_message::{Address, Language};
use serde::Deserialize;

use crate::gate::Member;
use crate::service::Console;
use crate::words::t;

/// Longest request of autodiscover that is looked at.
const LONGEST: usize = 16 * 1024;

/// A door of the server as mail programs want it.
struct Door {
    protocol: &'static str,
    port: u16,
    tls: bool,
}

/// The doors, the best of each kind first.
fn doors(console: &Console) -> Vec<Door> {
    let ports = &console.settings().ports;
    [
        ("imaps", "imap", true),
        ("imap", "imap", false),
        ("pop3s", "pop3", true),
        ("pop3", "pop3", false),
        ("submissions", "smtp", true),
        ("submission", "smtp", false),
    ]
    .into_iter()
    .filter_map(|(service, protocol, tls)| Some(Door { protocol, port: *ports.get(service)?, tls }))
    .collect()
}

/// Whose settings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Whose {
    emailaddress: String,
}

/// `GET /mail/config-v1.1.xml` and `GET /.well-known/autoconfig/mail/config-v1.1.xml`.
pub async fn autoconfig(State(console): State<Console>, Params(whose): Params<Whose>) -> Response {
    let host = &console.settings().hostname;
    let domain = Address::parse(&whose.emailaddress).map_or_else(|_| host.clone(), |a| a.domain().ascii().to_owned());
    let (host, domain) = (xml(host), xml(&domain));
    let servers: String = doors(&console)
        .iter()
        .map(|door| {
            let element = if door.protocol == "smtp" { "outgoingServer" } else { "incomingServer" };
            let socket = if door.tls { "SSL" } else { "STARTTLS" };
            format!(
                "<{element} type=\"{}\"><hostname>{host}</hostname><port>{}</port><socketType>{socket}</socketType>\
                 <authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></{element}>",
                door.protocol, door.port
            )
        })
        .collect();
    document(&format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\"><emailProvider id=\"{domain}\">\
         <domain>{domain}</domain><displayName>{host}</displayName><displayShortName>{host}</displayShortName>{servers}\
         </emailProvider></clientConfig>\n"
    ))
}

/// `POST /autodiscover/autodiscover.xml`.
pub async fn autodiscover(State(console): State<Console>, body: String) -> Response {
    let asked = body.get(..body.floor_char_boundary(LONGEST)).unwrap_or_default();
    let named = asked.split_once("<EMailAddress>").and_then(|(_, rest)| rest.split_once("</EMailAddress>"));
    let address = named.and_then(|(address, _)| Address::parse(address.trim()).ok());
    let login = xml(&address.map(|address| address.to_string()).unwrap_or_default());
    let host = xml(&console.settings().hostname);
    let protocols: String = doors(&console)
        .iter()
        .filter(|door| door.tls || door.protocol == "smtp")
        .map(|door| {
            let kind = door.protocol.to_uppercase();
            let encryption = if door.tls { "SSL" } else { "TLS" };
            let ssl = if door.tls { "on" } else { "off" };
            format!(
                "<Protocol><Type>{kind}</Type><Server>{host}</Server><Port>{}</Port><LoginName>{login}</LoginName>\
                 <SPA>off</SPA><SSL>{ssl}</SSL><Encryption>{encryption}</Encryption><AuthRequired>on</AuthRequired></Protocol>",
                door.port
            )
        })
        .collect();
    document(&format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\
         <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\"><Account>\
         <AccountType>email</AccountType><Action>settings</Action>{protocols}</Account></Response></Autodiscover>\n"
    ))
}

/// `GET /me/sekisho.mobileconfig`: a profile for Apple's mail programs, without the password.
pub async fn profile(State(console): State<Console>, member: Member) -> Response {
    let host = &console.settings().hostname;
    let account = &member.session.account;
    let port = |service: &str| console.settings().ports.get(service).copied();
    let (incoming, outgoing) = (port("imaps").unwrap_or(993), port("submissions").unwrap_or(465));
    let (host, address, name) = (xml(host), xml(&account.address), xml(&account.full_name));
    let id = xml(&format!("{}.{}", host, account.id.0));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\"><dict><key>PayloadContent</key><array><dict>\
         <key>EmailAccountType</key><string>EmailTypeIMAP</string>\
         <key>EmailAccountName</key><string>{name}</string><key>EmailAddress</key><string>{address}</string>\
         <key>IncomingMailServerAuthentication</key><string>EmailAuthPassword</string>\
         <key>IncomingMailServerHostName</key><string>{host}</string>\
         <key>IncomingMailServerPortNumber</key><integer>{incoming}</integer>\
         <key>IncomingMailServerUseSSL</key><true/><key>IncomingMailServerUsername</key><string>{address}</string>\
         <key>OutgoingMailServerAuthentication</key><string>EmailAuthPassword</string>\
         <key>OutgoingMailServerHostName</key><string>{host}</string>\
         <key>OutgoingMailServerPortNumber</key><integer>{outgoing}</integer>\
         <key>OutgoingMailServerUseSSL</key><true/><key>OutgoingMailServerUsername</key><string>{address}</string>\
         <key>OutgoingPasswordSameAsIncomingPassword</key><true/>\
         <key>PayloadType</key><string>com.apple.mail.managed</string><key>PayloadVersion</key><integer>1</integer>\
         <key>PayloadIdentifier</key><string>sekisho.mail.{id}</string><key>PayloadUUID</key><string>{}</string>\
         <key>PayloadDisplayName</key><string>{address}</string></dict></array>\
         <key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>\
         <key>PayloadIdentifier</key><string>sekisho.{id}</string><key>PayloadUUID</key><string>{}</string>\
         <key>PayloadDisplayName</key><string>{address}</string></dict></plist>\n",
        uuid(&format!("mail {id}")),
        uuid(&format!("profile {id}")),
    );
    let headers = [
        (header::CONTENT_TYPE, "application/x-apple-aspen-config"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"sekisho.mobileconfig\""),
    ];
    (headers, body).into_response()
}

/// The settings for whoever types them.
pub(crate) fn shown(console: &Console, address: &str, lang: Language) -> Markup {
    let host = &console.settings().hostname;
    html! {
        section {
            h2 { (t!(lang, ja: "メールソフトの設定", en: "Setting up a mail program")) }
            p { (t!(lang, ja: "ユーザ名: {address}、サーバ: {host}", en: "User name: {address}, server: {host}")) }
            ul { @for door in doors(console) {
                li { (door.protocol.to_uppercase()) " " (door.port) " " (if door.tls { "SSL/TLS" } else { "STARTTLS" }) }
            } }
            p { (t!(lang, ja: "Thunderbird と Outlook は自動で設定できます。", en: "Thunderbird and Outlook find this by themselves.")) }
            p { a.button href="/me/sekisho.mobileconfig" download { (t!(lang, ja: "iPhone・Mac 用のプロファイル", en: "Profile for iPhone and Mac")) } }
        }
    }
}

fn document(text: &str) -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], text.to_owned()).into_response()
}

/// Text as it may stand in XML.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// The same UUID for the same name (RFC 9562 §5.8: a format of our own).
fn uuid(name: &str) -> String {
    let hash = crate::secret::hash(name);
    let hex: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_xml() {
        assert_eq!(xml("<a href=\"x\">&\u{7}</a>"), "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;");
        let one = uuid("x");
        assert_eq!(one.len(), 36);
        assert_eq!(one, uuid("x"));
        assert_ne!(one, uuid("y"));
    }
}
