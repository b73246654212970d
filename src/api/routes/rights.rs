//! The routes about grants, roles and people that are made over the API.

use super::Kind::{List, Object, Text};
use super::{Kind, Route};
use crate::api::resources::rights;

type Field = (&'static str, Kind, bool, &'static str);

/// The keys of a grant, as in the access file.
const GRANT: [Field; 10] = [
    ("name", Text, false, "What it is called in answers"),
    (
        "to",
        List,
        false,
        "Who: names, `role:NAME`, `group:NAME`, `*`; a denial without it is for everybody",
    ),
    ("except", List, false, "Who not, of those"),
    (
        "run",
        List,
        false,
        "What they may run: `pack.action`, `alias:pack.name`, `pack:name`",
    ),
    ("deny", List, false, "Instead of `run`: what they may not run"),
    (
        "in",
        List,
        false,
        "Where, `slack:default/#ops`; nothing: everywhere",
    ),
    (
        "at",
        Object,
        false,
        "When, `{days, hours, zone}` or a list of these; nothing: always",
    ),
    ("when", Text, false, "A condition on the parameters"),
    ("approval", Object, false, "Terms of the approval that is needed"),
    ("reason", Text, false, "Why something is denied"),
];

const ROLE: [Field; 2] = [
    ("includes", List, false, "Roles whose rights it has, too"),
    ("members", List, false, "People who have it"),
];

pub(super) fn about_rights() -> Vec<Route> {
    vec![
        Route::get(
            "/access/grants",
            "Grants and denials of the access file and those made here (owners and administrators)",
            rights::grants,
        ),
        Route::post(
            "/access/grants",
            "Make a grant or a denial (owners and administrators)",
            rights::make_grant,
        )
        .body(&GRANT)
        .created(),
        Route::get(
            "/access/grants/{id}",
            "A grant or denial that was made here",
            rights::grant,
        ),
        Route::put(
            "/access/grants/{id}",
            "Put another grant or denial in its place",
            rights::change_grant,
        )
        .body(&GRANT),
        Route::delete(
            "/access/grants/{id}",
            "Take a grant or denial back",
            rights::delete_grant,
        ),
        Route::get(
            "/access/roles",
            "Roles of the access file and those made here (owners and administrators)",
            rights::roles,
        ),
        Route::post("/access/roles", "Make a role", rights::make_role)
            .body(&[("name", Text, true, "Its name")])
            .body(&ROLE)
            .created(),
        Route::get("/access/roles/{name}", "A role", rights::role),
        Route::put(
            "/access/roles/{name}",
            "Make or change a role",
            rights::change_role,
        )
        .body(&ROLE),
        Route::delete(
            "/access/roles/{name}",
            "Delete a role that nothing names any more",
            rights::delete_role,
        ),
        Route::post(
            "/people",
            "Make somebody known (administrators only)",
            rights::make_person,
        )
        .body(&[
            ("name", Text, true, "Name"),
            ("email", List, false, "Mail addresses"),
            ("roles", List, false, "Roles"),
        ])
        .created(),
        Route::delete(
            "/people/{name}",
            "Forget somebody who was made known here and has no account (administrators only)",
            rights::delete_person,
        ),
    ]
}
