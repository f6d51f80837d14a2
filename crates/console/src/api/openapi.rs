//! The OpenAPI document (3.1), made of the tables.

use serde_json::{Map, Value, json};

use super::BASE;
use super::acts::{ACTS, Act, KEY};
use super::views::{Kind, VIEWS, View};

/// The document.
#[must_use]
pub fn document(version: &str) -> Value {
    let mut paths = Map::new();
    for view in VIEWS {
        let method = if view.body.is_some() { "post" } else { "get" };
        paths.insert(format!("{BASE}{}", view.path), json!({ method: of_view(view) }));
    }
    for act in ACTS {
        paths.insert(format!("{BASE}/acts/{}/{}", act.area, act.name), json!({ "post": of_act(act) }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sekisho",
            "version": version,
            "description": "What the web console shows and does, for programs. Lists come in pages: ask again with `next` as `cursor` until it is null.",
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": {
                "Text": {
                    "type": "object",
                    "properties": { "ja": { "type": "string" }, "en": { "type": "string" } },
                    "required": ["ja", "en"],
                },
                "Done": {
                    "type": "object",
                    "properties": { "text": { "$ref": "#/components/schemas/Text" }, "data": {} },
                    "required": ["text", "data"],
                },
                "Problem": {
                    "type": "object",
                    "description": "RFC 9457. With `confirm`, `numbers` says what would be destroyed: send it again with `confirmed`.",
                    "properties": {
                        "type": { "type": "string" },
                        "title": { "type": "string" },
                        "status": { "type": "integer" },
                        "detail": { "type": "string" },
                        "text": { "$ref": "#/components/schemas/Text" },
                        "confirm": { "type": "boolean" },
                        "numbers": {},
                    },
                    "required": ["type", "title", "status", "detail", "text"],
                },
            },
        },
    })
}

fn of_view(view: &View) -> Value {
    let mut params: Vec<Value> = parts(view.path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } }))
        .collect();
    params.extend(view.params.iter().map(|param| {
        let schema = match param.kind {
            Kind::Text => json!({ "type": "string" }),
            Kind::Number(most) => json!({ "type": "integer", "minimum": 1, "maximum": most }),
            Kind::OneOf(values) => json!({ "type": "string", "enum": values }),
            Kind::Moment => json!({ "type": "string", "format": "date-time" }),
        };
        json!({ "name": param.name, "in": "query", "required": false, "schema": schema })
    }));
    let item = object(view.fields.iter().copied());
    let answer = match view.list {
        None => item,
        Some(_) => json!({
            "type": "object",
            "properties": { "items": { "type": "array", "items": item }, "next": { "type": ["string", "null"] } },
            "required": ["items", "next"],
        }),
    };
    let mut operation = json!({
        "operationId": view.name,
        "summary": view.about,
        "parameters": params,
        "responses": responses(&answer),
    });
    if let Some(fields) = view.body {
        operation["requestBody"] = body(&object(fields.iter().copied()), true);
    }
    operation
}

fn of_act(act: &Act) -> Value {
    let mut schema = object(act.fields.iter().map(|(name, kind, _)| (*name, kind.trim_end_matches('?'))));
    let required: Vec<&str> =
        act.fields.iter().filter(|(_, kind, _)| !kind.ends_with('?')).map(|(name, ..)| *name).collect();
    for (name, kind, example) in act.fields {
        schema["properties"][name]["examples"] = json!([serde_json::from_str::<Value>(example).unwrap_or_default()]);
        // A truth that is left out is false; other things may be said to be nothing.
        if kind.ends_with('?') && *kind != "boolean?" {
            schema["properties"][name]["type"] = json!([kind.trim_end_matches('?'), "null"]);
        }
    }
    schema["required"] = json!(required);
    schema["additionalProperties"] = json!(false);
    json!({
        "operationId": format!("{}_{}", act.area, act.name),
        "summary": act.about,
        "description": format!("Needs the scope `{}`.", act.scope),
        "parameters": [{
            "name": KEY, "in": "header", "required": false,
            "description": "A request that is sent again with the same key acts once; answers are kept for a day.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9._-]+$" },
        }],
        "requestBody": body(&schema, !required.is_empty()),
        "responses": responses(&json!({ "$ref": "#/components/schemas/Done" })),
    })
}

fn body(schema: &Value, required: bool) -> Value {
    json!({ "required": required, "content": { "application/json": { "schema": schema } } })
}

fn responses(answer: &Value) -> Value {
    let mut responses =
        json!({ "200": { "description": "Well", "content": { "application/json": { "schema": answer } } } });
    let problems = [
        ("400", "The request cannot be read"),
        ("401", "No token that counts"),
        ("403", "The token, or its owner, may not"),
        ("409", "It was not done: it must be confirmed, or contradicts what is stored"),
        ("413", "Too long"),
        ("422", "It was read, and cannot be done or found"),
        ("503", "Not now; try again"),
    ];
    for (status, about) in problems {
        responses[status] = json!({
            "description": about,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
    }
    responses
}

/// An object with these fields, all there.
fn object<'a>(fields: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Value {
    let properties: Map<String, Value> = fields
        .clone()
        .map(|(name, kind)| {
            let schema = match kind.strip_suffix('?') {
                Some(kind) => json!({ "type": [kind, "null"] }),
                None if kind == "any" => json!({}),
                None => json!({ "type": kind }),
            };
            (name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = fields.map(|(name, _)| name).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The names in a path.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}
