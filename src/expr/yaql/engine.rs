//! The way in: compile a text once, evaluate it as often as needed.

use std::sync::{Arc, LazyLock};

use super::code::{self, Piece};
use super::error::YaqlError;
use super::function::Library;
use super::output;
use super::parser;
use super::runtime::{Cx, Env, Runtime, Scope};
use crate::expr::value::Value;

static STANDARD: LazyLock<Yaql> = LazyLock::new(|| Yaql::new(Library::standard()));

/// YAQL with a library. A clone shares it.
#[derive(Clone)]
pub struct Yaql {
    library: Arc<Library>,
}

/// A compiled expression, shared by all who evaluate it.
pub struct Compiled {
    root: Arc<Piece>,
    library: Arc<Library>,
}

impl Yaql {
    /// YAQL with this library; a layer that is still open is closed.
    pub fn new(library: Library) -> Self {
        Self {
            library: Arc::new(library.layer()),
        }
    }

    /// YAQL with the standard library alone.
    pub fn standard() -> &'static Self {
        &STANDARD
    }

    /// The functions.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// Compiles an expression (without `<% %>`).
    pub fn compile(&self, text: &str) -> Result<Arc<Compiled>, YaqlError> {
        let tree = parser::parse(text)?;
        Ok(Arc::new(Compiled {
            root: code::compile(&tree, &self.library),
            library: Arc::clone(&self.library),
        }))
    }
}

impl Compiled {
    /// Evaluates it. The result holds data only: lists for tuples and lazy sequences; sets stay sets, and a function,
    /// regular expression or context stays [`Value::Opaque`].
    pub fn eval(&self, env: &Env<'_>) -> Result<Value, YaqlError> {
        let runtime = Runtime::new(*env, &self.library);
        let scope = Scope::default();
        let cx = Cx {
            runtime: &runtime,
            scope: &scope,
        };
        output::finalize(&cx, self.root.run(&cx)?)
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compiled")
    }
}
