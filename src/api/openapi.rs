//! The OpenAPI document, made from the table of routes.

use std::sync::LazyLock;

use http::{Method, StatusCode};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItemBuilder, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, Required, SecurityRequirement, Server,
};

use super::http::error::ApiResult;
use super::http::json_bytes;
use super::routes::{self, Kind, Route};

/// The document as it is served.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| build().to_json().unwrap_or_default());

/// `GET /openapi.json`.
pub(super) async fn document() -> ApiResult {
    Ok(json_bytes(StatusCode::OK, DOCUMENT.as_str()))
}

fn build() -> OpenApi {
    let mut paths = PathsBuilder::new();
    for route in routes::all() {
        let method = method(&route.method);
        let mut item = PathItemBuilder::new().operation(method, operation(&route));
        if route.from_root {
            item = item.servers(Some([Server::new("/")]));
        } else if route.path == "/" {
            item = item.servers(Some([Server::new("/"), Server::new("/api/v1"), Server::new("/v1")]));
        }
        paths = paths.path(document_path(route.path), item.build());
    }
    let error = ObjectBuilder::new()
        .property("faultstring", text("What is wrong, for people"))
        .required("faultstring")
        .build();
    let components = ComponentsBuilder::new()
        .schema("Error", error)
        .security_scheme(
            "bearer",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        )
        .security_scheme("token", key("X-Auth-Token"))
        .security_scheme("key", key("St2-Api-Key"))
        .build();
    let info = InfoBuilder::new()
        .title("Sayso")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Requests, executions and what becomes of them. Paths and answers are those of the system that Sayso \
             takes the place of, so that its clients work unchanged. Every path is served under both servers.",
        ))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/api/v1"), Server::new("/v1")]))
        .paths(paths.build())
        .components(Some(components))
        .build()
}

/// `{*file_path}` is `{file_path}` in the document.
fn document_path(path: &str) -> String {
    path.replace("{*", "{")
}

fn operation(route: &Route) -> OperationBuilder {
    let mut operation = OperationBuilder::new().summary(Some(route.summary));
    for name in names_in(route.path) {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema(Kind::Text)));
        operation = operation.parameter(parameter);
    }
    for (name, kind, meaning) in &route.query {
        let parameter = ParameterBuilder::new()
            .name(*name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(*meaning))
            .schema(Some(schema(*kind)));
        operation = operation.parameter(parameter);
    }
    if !route.body.is_empty() {
        let mut object = ObjectBuilder::new();
        for (name, kind, required, meaning) in &route.body {
            object = object.property(*name, described(*kind, meaning));
            if *required {
                object = object.required(*name);
            }
        }
        let content = ContentBuilder::new().schema(Some(object.build())).build();
        operation = operation
            .request_body(Some(RequestBodyBuilder::new().content("application/json", content).build()));
    }
    let answer = ContentBuilder::new().schema(Some(ObjectBuilder::new().build())).build();
    operation = operation.response(
        route.status.to_string(),
        ResponseBuilder::new().description("As asked").content(route.content, answer),
    );
    let error = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build();
    operation = operation.response(
        "default",
        ResponseBuilder::new().description("A refusal or a failure").content("application/json", error),
    );
    if route.public {
        operation
    } else {
        let none: [String; 0] = [];
        operation.securities(Some([
            SecurityRequirement::new("bearer", none.clone()),
            SecurityRequirement::new("token", none.clone()),
            SecurityRequirement::new("key", none),
        ]))
    }
}

/// Names in braces.
fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(|name| name.trim_start_matches('*'))
}

fn method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn key(header: &str) -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(header)))
}

fn text(meaning: &str) -> utoipa::openapi::schema::Object {
    described(Kind::Text, meaning)
}

fn described(kind: Kind, meaning: &str) -> utoipa::openapi::schema::Object {
    ObjectBuilder::new().schema_type(type_of(kind)).description(Some(meaning)).build()
}

fn schema(kind: Kind) -> utoipa::openapi::schema::Object {
    ObjectBuilder::new().schema_type(type_of(kind)).build()
}

const fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Text => Type::String,
        Kind::Integer => Type::Integer,
        Kind::Flag => Type::Boolean,
        Kind::Object => Type::Object,
        Kind::List => Type::Array,
    }
}
