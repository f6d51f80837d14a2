//! A small agent for the SMTP client's session: sends what the settings say, then quits.

use sekisho_message::Time;
use sekisho_proto::sasl::Password;
use sekisho_proto::smtp::client::{
    ClientSession, Event, Failure, Login, Recipient, Reply, Report, Settings, Tls, Transaction,
};
use sekisho_proto::smtp::{Notify, Return};

use super::Agent;

/// Sends its messages one after another.
pub struct Sender {
    queue: Vec<Transaction>,
}

/// Settings: `@tls never|required`, `@login`, and `@message to,to BODY` with `@8bit`,
/// `@smtputf8`, `@dsn` for all messages.
pub fn make(settings: &super::Settings) -> (ClientSession, Sender) {
    let has = |name: &str| settings.iter().any(|(n, _)| n == name);
    let mut client = Settings::new("client.example");
    for (name, value) in settings {
        match (name.as_str(), value.as_str()) {
            ("tls", "never") => client.tls = Tls::Never,
            ("tls", "required") => client.tls = Tls::Required,
            ("login", how) => {
                let password = Password::new("himitsu");
                client.login = Some(Login { user: "taro".into(), password, without_tls: how == "clear" });
            }
            _ => {}
        }
    }
    let queue = settings.iter().filter(|(n, _)| n == "message").rev().map(|(_, value)| {
        let (to, body) = value.split_once(' ').unwrap();
        let recipients = to.split(',').map(|address| Recipient {
            address: address.into(),
            notify: Notify(if has("dsn") { Notify::FAILURE } else { 0 }),
            orcpt: has("dsn").then(|| format!("rfc822;{address}")),
        });
        Transaction {
            reverse_path: "sender@example.jp".into(),
            recipients: recipients.collect(),
            body: super::unescape(body).into(),
            eight_bit: has("8bit"),
            smtputf8: has("smtputf8"),
            ret: has("dsn").then_some(Return::Headers),
            envid: has("dsn").then(|| "id+2B1".into()),
        }
    });
    let queue = queue.collect();
    let secured = has("secured");
    (ClientSession::new(client, secured, Time::from_seconds(1_764_000_000)), Sender { queue })
}

impl Agent<ClientSession> for Sender {
    fn answer(&mut self, event: Event) -> (String, Reply) {
        match event {
            Event::Ready(offered) => {
                let reply = self.queue.pop().map_or(Reply::Quit, |t| Reply::Send(Box::new(t)));
                (format!("ready secured={} extended={}", offered.secured, offered.extended), reply)
            }
            Event::Done(report) => (done(&report), Reply::Ok),
            Event::Failed(failure) => (failed(&failure), Reply::Ok),
        }
    }
}

fn done(report: &Report) -> String {
    let outcomes: Vec<_> = report.outcomes.iter().map(|o| format!("{}: {}", o.stage.name(), o.response)).collect();
    format!("done dsn={} [{}]", report.dsn, outcomes.join("; "))
}

fn failed(failure: &Failure) -> String {
    let name = format!("{failure:?}");
    let name = name.split('(').next().unwrap().to_lowercase();
    format!("failed {name} {}", failure.response())
}
