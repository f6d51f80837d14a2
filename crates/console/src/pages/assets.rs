//! Our own files: style, script, sign. There are no others, and nothing comes from elsewhere.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::secret;

const FILES: [(&str, &str, &str); 3] = [
    ("console.css", "text/css; charset=utf-8", include_str!("../assets/console.css")),
    ("console.js", "text/javascript; charset=utf-8", include_str!("../assets/console.js")),
    ("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
];

/// What stands behind a file's address, so that browsers may keep it until it changes.
#[must_use]
pub fn tag(name: &str) -> String {
    static TAGS: std::sync::OnceLock<Vec<(&str, String)>> = std::sync::OnceLock::new();
    let tags = TAGS.get_or_init(|| {
        FILES.iter().map(|(name, _, text)| (*name, secret::derived(text, "asset").chars().take(12).collect())).collect()
    });
    tags.iter().find(|(found, _)| *found == name).map(|(_, tag)| tag.clone()).unwrap_or_default()
}

/// `GET /assets/{name}`.
pub async fn file(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(found, ..)| *found == name) {
        Some((_, kind, text)) => {
            ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "public, max-age=604800, immutable")], *text)
                .into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
