//! The API's document, of `OpenAPI` 3.1, made from the code: request bodies are the very types that handlers
//! read, routes and answers stand in lists that tests hold against the router and against real answers.

mod answers;
mod office;
mod outgoing;
mod queries;
mod report;
mod routes;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::{Response as Shown, ResponseBuilder, ResponsesBuilder};
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Components, ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Schema,
};
use utoipa::{PartialSchema, ToSchema};

use super::access::{Entry, ROUTES};
use super::idempotency::KEYED;
use super::visitor::{PHONE, SESSION};
use crate::app::access::Role;
use crate::domain::idempotency::KEY_MAX;

use super::{disputes, journal, markets, pairing, people, seal, sources, statements, webhooks};

/// The media type of errors.
const PROBLEM: &str = "application/problem+json";

/// One route: what it is called, takes and answers.
struct Row {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    says: &'static str,
    query: &'static [Query],
    body: Body,
    status: u16,
    good: Form,
}

/// A parameter of the query: its name, its kind, what it is for.
struct Query(&'static str, Kind, &'static str);

/// What a parameter may be.
#[derive(Clone, Copy)]
enum Kind {
    Word,
    Date,
    Flag,
    Number(i64, i64),
}

/// What a request carries.
#[derive(Clone, Copy)]
enum Body {
    None,
    Json(&'static str),
    /// A body that may be left out.
    Optional(&'static str),
    /// The bytes of a file.
    File,
}

/// What a good answer is.
#[derive(Clone, Copy)]
enum Form {
    Json(&'static str),
    /// A page of a list.
    List(&'static str),
    Media(&'static [&'static str]),
    Text,
    Html,
    /// JSON that is not described further.
    None,
    /// No body.
    Empty,
}

/// Serves the document.
pub(super) async fn json() -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "max-age=300")];
    (headers, text()).into_response()
}

/// Returns the document as JSON.
#[must_use]
pub fn text() -> String {
    document().to_pretty_json().unwrap_or_default()
}

fn document() -> OpenApi {
    let about = "The ledger behind cashless markets. Money is whole đồng; instants are RFC 3339 with +07:00; \
        errors are RFC 9457 problems whose `type` explains itself. Lists go on by `after`. New fields and new values \
        of enumerations are compatible changes.";
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Sổ Chợ")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(about))
        .license(Some(license))
        .build();
    let paths = routes::ROWS.iter().fold(PathsBuilder::new(), |paths, row| {
        paths.path(shown_path(row.path), PathItem::new(method(row.method), operation(row)))
    });
    OpenApiBuilder::new().info(info).paths(paths.build()).components(Some(components())).build()
}

/// The document has no name for "the rest of the path".
fn shown_path(path: &str) -> String {
    path.replace("{*", "{")
}

fn method(name: &str) -> HttpMethod {
    match name {
        "POST" => HttpMethod::Post,
        "PATCH" => HttpMethod::Patch,
        "PUT" => HttpMethod::Put,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(row: &Row) -> utoipa::openapi::path::Operation {
    let tag = row.path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next()).unwrap_or("program");
    let mut operation = OperationBuilder::new()
        .operation_id(Some(row.id))
        .summary(Some(row.says))
        .tag(tag)
        .request_body(request(row.body))
        .responses(responses(row));
    let shown = shown_path(row.path);
    for part in shown.split('{').skip(1) {
        let name = part.split('}').next().unwrap_or_default();
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(if name == "date" { kind(Kind::Date) } else { kind(Kind::Word) }));
        operation = operation.parameter(parameter);
    }
    for Query(name, of, about) in row.query {
        let parameter = ParameterBuilder::new()
            .name(*name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(*about))
            .schema(Some(kind(*of)));
        operation = operation.parameter(parameter);
    }
    if row.is_keyed() {
        operation = operation.parameter(idempotency_key());
    }
    for requirement in row.security() {
        operation = operation.security(requirement);
    }
    operation.build()
}

/// The header that lets a program send a request again.
fn idempotency_key() -> ParameterBuilder {
    let most = KEY_MAX;
    let text =
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).min_length(Some(1)).max_length(Some(most));
    let text = text.pattern(Some(r"^[!#-+\--\[\]-~]+$")).examples(["8e03978e-40d5-43dd-bc93-6894a57f9324"]);
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Your own name for this request, kept 24 hours: sent again with the same body it gets the same answer, \
            marked `Idempotent-Replayed: true`, and nothing is done twice. With another body: 422 `idempotency_mismatch`. \
            While the first is under way: 409 `idempotency_in_flight`. Answers of 5xx are not kept.",
        ))
        .schema(Some(Schema::Object(text.build())))
}

fn kind(kind: Kind) -> Schema {
    let object = |of: Type| ObjectBuilder::new().schema_type(SchemaType::Type(of));
    Schema::Object(match kind {
        Kind::Word => object(Type::String).build(),
        Kind::Date => object(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))).build(),
        Kind::Flag => object(Type::Boolean).build(),
        Kind::Number(least, most) => object(Type::Integer).minimum(Some(least)).maximum(Some(most)).build(),
    })
}

fn request(body: Body) -> Option<RequestBody> {
    let content = |schema: RefOr<Schema>| ContentBuilder::new().schema(Some(schema)).build();
    let (name, required) = match body {
        Body::None => return None,
        Body::File => {
            let bytes = Schema::Object(ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).build());
            let bytes = content(RefOr::T(bytes));
            return Some(
                RequestBodyBuilder::new()
                    .content("application/octet-stream", bytes)
                    .required(Some(Required::True))
                    .build(),
            );
        }
        Body::Json(name) => (name, Required::True),
        Body::Optional(name) => (name, Required::False),
    };
    let content = content(reference(name));
    Some(RequestBodyBuilder::new().content("application/json", content).required(Some(required)).build())
}

fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

fn responses(row: &Row) -> utoipa::openapi::Responses {
    let problem = |says: &str| -> Shown {
        let content = ContentBuilder::new().schema(Some(reference("Problem"))).build();
        ResponseBuilder::new().description(says).content(PROBLEM, content).build()
    };
    let mut responses = ResponsesBuilder::new().response(row.status.to_string(), good(row.good));
    if row.id == "register" || row.id == "addStatement" {
        responses = responses.response("200", good(row.good));
    }
    if row.good_is_report() {
        responses = responses.response("304", ResponseBuilder::new().description("Unchanged since `ETag`").build());
    }
    if row.id == "feedDays" {
        let table = ContentBuilder::new().schema(Some(reference("FeedDays"))).build();
        let shown = ResponseBuilder::new().description("Done").content("application/json", table);
        responses = responses.response("200", shown.content("text/csv", ContentBuilder::new().build()).build());
    }
    // A row that the file's own cells break is told cell by cell.
    if row.id == "importVendors" {
        let cells = ContentBuilder::new().schema(Some(reference("Import"))).build();
        let refusal = ContentBuilder::new().schema(Some(reference("Problem"))).build();
        let told = ResponseBuilder::new().description("Bad cells one by one, or why the whole cannot be read");
        responses =
            responses.response("422", told.content("application/json", cells).content(PROBLEM, refusal).build());
    }
    responses
        .response("4XX", problem("Refused; `code` says why"))
        .response("5XX", problem("Not now, or a fault"))
        .build()
}

impl Row {
    /// Tells whether the route reads `Idempotency-Key`.
    fn is_keyed(&self) -> bool {
        self.method == "POST" && KEYED.iter().any(|(route, ..)| *route == self.path)
    }

    /// Returns the ways to show who asks, any one of which will do; none where nobody is asked.
    fn security(&self) -> Vec<SecurityRequirement> {
        let entry = ROUTES.iter().find(|(method, path, _)| *method == self.method && *path == self.path);
        let Some((_, _, Entry::With(right, _))) = entry else { return Vec::new() };
        let named = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
        let phone = right.is_held_by(Role::Vendor).then(|| named("phone"));
        [named("key"), named("session")].into_iter().chain(phone).collect()
    }

    fn good_is_report(&self) -> bool {
        self.id.starts_with("dailyReport")
    }
}

fn good(form: Form) -> Shown {
    let answer = |media: &str, schema: Option<RefOr<Schema>>| {
        let content = ContentBuilder::new().schema(schema).build();
        ResponseBuilder::new().description("Done").content(media, content).build()
    };
    match form {
        Form::Json(name) => answer("application/json", Some(reference(name))),
        Form::List(name) => answer("application/json", Some(RefOr::T(page_of(name)))),
        Form::Text => answer("text/plain", None),
        Form::Html => answer("text/html", None),
        Form::None => answer("application/json", None),
        Form::Empty => ResponseBuilder::new().description("Done").build(),
        Form::Media(kinds) => kinds
            .iter()
            .fold(ResponseBuilder::new().description("Done"), |response, kind| {
                response.content(*kind, ContentBuilder::new().build())
            })
            .build(),
    }
}

/// A page of a list: rows, whether there are more, and where they go on.
fn page_of(name: &str) -> Schema {
    let rows = ArrayBuilder::new().items(reference(name)).build();
    let flag = kind(Kind::Flag);
    let next = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null])).build();
    Schema::Object(
        ObjectBuilder::new()
            .property("data", RefOr::T(Schema::Array(rows)))
            .property("has_more", RefOr::T(flag))
            .property("next", RefOr::T(Schema::Object(next)))
            .required("data")
            .required("has_more")
            .build(),
    )
}

fn components() -> Components {
    let mut components = ComponentsBuilder::new();
    for add in [
        with::<answers::Problem>,
        with::<answers::AuditEntry>,
        with::<answers::Market>,
        with::<answers::Stall>,
        with::<answers::Registered>,
        with::<answers::Import>,
        with::<answers::Posting>,
        with::<answers::Proof>,
        with::<outgoing::Events>,
        with::<outgoing::FeedDays>,
        with::<outgoing::FeedDictionary>,
        with::<outgoing::SubscriptionSecret>,
        with::<outgoing::SubscriptionTest>,
        with::<webhooks::NewWebhook>,
        with::<webhooks::WebhookRotation>,
        with::<webhooks::Replay>,
        with::<answers::HeldItem>,
        with::<answers::Resolved>,
        with::<answers::Source>,
        with::<answers::Balances>,
        with::<answers::Closed>,
        with::<answers::Keys>,
        with::<answers::Version>,
        with::<answers::Device>,
        with::<answers::Dispute>,
        with::<answers::PairingCode>,
        with::<answers::Receipt>,
        with::<answers::Webhook>,
        with::<report::DailyReport>,
        with::<markets::NewMarket>,
        with::<markets::ChangedMarket>,
        with::<markets::NewStall>,
        with::<markets::ChangedStall>,
        with::<journal::CorrectionBody>,
        with::<journal::ResolveBody>,
        with::<seal::CloseBody>,
        with::<sources::NewSource>,
        with::<sources::Rotation>,
        with::<pairing::Rename>,
        with::<disputes::AnswerBody>,
        with::<pairing::CodeBody>,
    ] {
        components = add(components);
    }
    ways_in(office_forms(components)).build()
}

/// The forms of what an office and its integrators ask for.
fn office_forms(components: ComponentsBuilder) -> ComponentsBuilder {
    [
        with::<office::User>,
        with::<office::UserAdded>,
        with::<office::UserChanged>,
        with::<office::MachineKey>,
        with::<office::MachineKeyAdded>,
        with::<office::Checklist>,
        with::<office::BankAgainstBook>,
        with::<office::Booking>,
        with::<office::Statement>,
        with::<office::AcceptedLine>,
        with::<office::Comparison>,
        with::<people::NewUserBody>,
        with::<people::NewKeyBody>,
        with::<statements::BookBody>,
        with::<statements::SignBody>,
        with::<statements::AcceptBody>,
        with::<sources::ChangedAddresses>,
        with::<answers::Delivery>,
        with::<answers::DeliveryDetail>,
        with::<answers::Replayed>,
    ]
    .into_iter()
    .fold(components, |components, add| add(components))
}

/// A type under its own name, with those it is made of.
fn with<T: ToSchema + PartialSchema>(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    parts
        .into_iter()
        .chain([(T::name().into_owned(), T::schema())])
        .fold(components, |components, (name, schema)| components.schema(name, schema))
}

/// How a caller shows who asks. Webhooks show nothing of this: their bodies are signed.
fn ways_in(components: ComponentsBuilder) -> ComponentsBuilder {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("sc_…");
    let bearer = bearer.description(Some("A program's key, made with `socho key api add` or `POST /v1/keys`."));
    let cookie =
        |name: &str, says: &str| SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(name, says)));
    components
        .security_scheme("key", SecurityScheme::Http(bearer.build()))
        .security_scheme(
            "session",
            cookie(
                SESSION,
                "A login at /login. Changes also need our own `Origin`, or the form's token in `x-csrf-token`.",
            ),
        )
        .security_scheme("phone", cookie(PHONE, "A phone that was paired with a stall at /pair."))
}
