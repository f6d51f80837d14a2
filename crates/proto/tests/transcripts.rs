//! Every transcript under `tests/transcripts/smtp` and `tests/transcripts/pop3`.

mod support;

#[test]
fn smtp_server() {
    support::folder("smtp", "S: ", support::smtp::make);
}

#[test]
fn smtp_client() {
    support::folder("smtp/client", "C: ", support::smtp_client::make);
}

#[test]
fn pop3_server() {
    support::folder("pop3", "S: ", support::pop3::make);
}
