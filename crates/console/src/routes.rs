//! Every address with who may go there. The router is made of this table, and so is the test of who gets where: a new address
//! without a row does not exist.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Request, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use sekisho_store::console::Stage;

use crate::gate::{Gate, Oops, Who, gate};
use crate::pages::{
    accounts, assets, audit, drill, entry, factor, health, incidents, lists, lockouts, logs, me, message, now, people,
    queue, reputation, rules, settings, tokens, transfer,
};
use crate::service::Console;
use crate::{act, api, setup};

/// Longest body of a request: rule texts and tables.
const LONGEST_BODY: usize = 4 << 20;

/// What runs at an address.
type Run = MethodRouter<Console>;

/// An address, its method, who may go there, and what runs there.
#[derive(Clone, Copy)]
pub struct Route {
    /// Path, with `{names}` for its parts.
    pub path: &'static str,
    /// Whether it is sent a form.
    pub post: bool,
    /// Who may go there.
    pub who: Who,
    /// What runs there.
    run: fn() -> Run,
}

const fn read(path: &'static str, who: Who, run: fn() -> Run) -> Route {
    Route { path, post: false, who, run }
}

const fn write(path: &'static str, who: Who, run: fn() -> Run) -> Route {
    Route { path, post: true, who, run }
}

/// The pages. What programs ask is in [`api::routes`].
pub const ROUTES: &[Route] = &[
    read("/assets/{name}", Who::Anyone, || get(assets::file)),
    read("/language", Who::Anyone, || get(entry::language)),
    read("/login", Who::Anyone, || get(entry::login)),
    write("/login", Who::Anyone, || post(entry::enter)),
    read("/mail/config-v1.1.xml", Who::Anyone, || get(setup::autoconfig)),
    read("/.well-known/autoconfig/mail/config-v1.1.xml", Who::Anyone, || get(setup::autoconfig)),
    write("/autodiscover/autodiscover.xml", Who::Anyone, || post(setup::autodiscover)),
    write("/Autodiscover/Autodiscover.xml", Who::Anyone, || post(setup::autodiscover)),
    read("/login/code", Who::Halfway(Stage::Code), || get(entry::code)),
    write("/login/code", Who::Halfway(Stage::Code), || post(entry::give_code)),
    read("/login/password", Who::Halfway(Stage::Change), || get(entry::first_password)),
    write("/login/password", Who::Halfway(Stage::Change), || post(entry::set_first_password)),
    read("/", Who::Person, || get(entry::home)),
    write("/logout", Who::Person, || post(entry::logout)),
    // What may be done is decided on the command.
    write("/act", Who::Person, || post(act::act)),
    read("/me", Who::Person, || get(me::page)),
    write("/me/not-me", Who::Person, || post(me::not_me)),
    write("/me/mine", Who::Person, || post(me::mine)),
    write("/me/password", Who::Person, || post(me::set_password)),
    write("/me/sessions", Who::Person, || post(me::end_sessions)),
    read("/me/factor", Who::Person, || get(factor::page)),
    write("/me/factor/begin", Who::Person, || post(factor::begin)),
    write("/me/factor/confirm", Who::Person, || post(factor::confirm)),
    write("/me/factor/remove", Who::Person, || post(factor::remove)),
    read("/me/tokens", Who::Person, || get(tokens::page)),
    write("/me/tokens", Who::Person, || post(tokens::make)),
    write("/me/tokens/remove", Who::Person, || post(tokens::remove)),
    read("/me/sekisho.mobileconfig", Who::Person, || get(setup::profile)),
    // Whose it is is decided on what is found.
    read("/messages/{id}", Who::Person, || get(message::page)),
    read("/incidents", Who::Domain, || get(incidents::list)),
    read("/incidents/{which}", Who::Domain, || get(incidents::show)),
    read("/incidents/{which}/{file}", Who::Domain, || get(incidents::report)),
    read("/accounts", Who::Domain, || get(accounts::list)),
    read("/accounts.csv", Who::Domain, || get(transfer::accounts)),
    read("/accounts/import", Who::Domain, || get(transfer::account_form)),
    write("/accounts/import", Who::Domain, || post(transfer::import_accounts)),
    read("/accounts/{address}", Who::Domain, || get(accounts::show)),
    read("/accounts/{address}/rules", Who::Domain, || get(rules::of_account)),
    read("/domains", Who::Domain, || get(people::domains)),
    read("/aliases", Who::Domain, || get(people::aliases)),
    read("/aliases.csv", Who::Domain, || get(transfer::aliases)),
    read("/aliases/import", Who::Domain, || get(transfer::alias_form)),
    write("/aliases/import", Who::Domain, || post(transfer::import_aliases)),
    read("/lists", Who::Domain, || get(lists::list)),
    read("/lists/{address}", Who::Domain, || get(lists::show)),
    read("/logs", Who::Domain, || get(logs::page)),
    read("/logs.txt", Who::Domain, || get(logs::export)),
    read("/logs/events", Who::Domain, || get(logs::events)),
    read("/queue", Who::Domain, || get(queue::page)),
    read("/queue.csv", Who::Domain, || get(queue::export)),
    write("/rules", Who::Domain, || post(rules::write)),
    read("/rules", Who::System, || get(rules::page)),
    read("/now", Who::System, || get(now::page)),
    read("/now/events", Who::System, || get(now::events)),
    read("/audit", Who::System, || get(audit::page)),
    write("/audit", Who::System, || post(audit::look)),
    read("/drill", Who::System, || get(drill::page)),
    write("/drill", Who::System, || post(drill::begin)),
    write("/drill/cancel", Who::System, || post(drill::cancel)),
    read("/drill/events", Who::System, || get(drill::events)),
    read("/reputation", Who::System, || get(reputation::page)),
    write("/reputation", Who::System, || post(reputation::ask)),
    read("/trace", Who::System, || get(reputation::trace_form)),
    write("/trace", Who::System, || post(reputation::trace)),
    write("/settings/alert", Who::System, || post(settings::alert)),
    read("/lockouts", Who::System, || get(lockouts::page)),
    read("/settings", Who::System, || get(settings::page)),
    read("/health", Who::System, || get(health::page)),
];

/// The router.
pub fn router(console: &Console) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        router = router.route(route.path, gated(console, route.who, (route.run)()));
    }
    for (path, run) in api::routes() {
        router = router.route(&path, gated(console, Who::Program, run));
    }
    let lost = gated(console, Who::Anyone, axum::routing::any(|| async { Oops::NotFound }));
    router
        .fallback_service(lost.with_state(console.clone()))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(middleware::from_fn(guarded))
        .with_state(console.clone())
}

fn gated(console: &Console, who: Who, run: Run) -> Run {
    run.layer(middleware::from_fn_with_state(Gate { console: console.clone(), who }, gate))
}

/// What browsers are told about every answer: nothing from elsewhere, nothing in line, in nobody's frame, kept nowhere.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("strict-transport-security", "max-age=15552000"),
];

async fn guarded(request: Request<axum::body::Body>, next: Next) -> Response {
    let mut response = next.run(request).await.into_response();
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
