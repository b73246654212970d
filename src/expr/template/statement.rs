//! Lists and maps whose texts, keys included, may have expressions: read once, evaluated often.

use std::sync::Arc;

use super::compiled::{Body, Template};
use super::error::TemplateError;
use super::{Evaluator, Options};
use crate::expr::ErrorKind;
use crate::expr::scene::Scene;
use crate::expr::value::{Dict, Value, check_hashable};

/// Any value of a workflow definition or rule, its texts read.
#[derive(Debug, Clone)]
pub struct Statement(Node);

#[derive(Debug, Clone)]
enum Node {
    /// Nothing in it to evaluate.
    Constant(Value),
    Text(Arc<Template>),
    List(Arc<[Node]>),
    Map(Arc<[(Node, Node)]>),
    /// Nested too deeply.
    Refused(usize),
}

impl Statement {
    /// Whether there is nothing in it to evaluate: then its value is always the same.
    pub fn is_constant(&self) -> bool {
        matches!(self.0, Node::Constant(_))
    }
}

impl Evaluator {
    /// Reads all texts in a value. This never fails; what is wrong is told when it is evaluated.
    pub fn statement(&self, value: &Value) -> Statement {
        Statement(self.node(value, 0))
    }

    fn node(&self, value: &Value, depth: usize) -> Node {
        if depth > self.limits.depth {
            return Node::Refused(self.limits.depth);
        }
        match value {
            Value::Str(text) => {
                let template = self.template(text);
                match template.body {
                    Body::Plain => Node::Constant(value.clone()),
                    _ => Node::Text(template),
                }
            }
            Value::List(items) => {
                let nodes: Vec<Node> = items.iter().map(|item| self.node(item, depth + 1)).collect();
                if nodes.iter().all(Node::is_constant) {
                    return Node::Constant(value.clone());
                }
                Node::List(nodes.into())
            }
            Value::Dict(members) => {
                let nodes: Vec<(Node, Node)> = members
                    .iter()
                    .map(|(key, item)| (self.node(key, depth + 1), self.node(item, depth + 1)))
                    .collect();
                if nodes
                    .iter()
                    .all(|(key, item)| key.is_constant() && item.is_constant())
                {
                    return Node::Constant(value.clone());
                }
                Node::Map(nodes.into())
            }
            other => Node::Constant(other.clone()),
        }
    }

    /// Evaluates a statement: lists and maps are built anew where something in them is evaluated, and shared otherwise.
    ///
    /// # Errors
    ///
    /// The first text that fails; a key that becomes a list or map; exhausted limits.
    pub fn evaluate_statement(
        &self,
        statement: &Statement,
        scene: &dyn Scene,
        options: Options,
    ) -> Result<Value, TemplateError> {
        self.evaluate_node(&statement.0, scene, options)
    }

    /// Reads and evaluates any value.
    ///
    /// # Errors
    ///
    /// As [`Evaluator::evaluate_statement`].
    pub fn evaluate_value(
        &self,
        value: &Value,
        scene: &dyn Scene,
        options: Options,
    ) -> Result<Value, TemplateError> {
        self.evaluate_statement(&self.statement(value), scene, options)
    }

    fn evaluate_node(
        &self,
        node: &Node,
        scene: &dyn Scene,
        options: Options,
    ) -> Result<Value, TemplateError> {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Text(template) => self.evaluate(template, scene, options),
            Node::List(nodes) => {
                let items = nodes.iter().map(|node| self.evaluate_node(node, scene, options));
                items.collect::<Result<Vec<_>, _>>().map(Value::from)
            }
            Node::Map(nodes) => {
                let mut members = Dict::builder(nodes.len());
                for (key, item) in nodes.iter() {
                    let key = self.evaluate_node(key, scene, options)?;
                    check_hashable(&key).map_err(|error| {
                        TemplateError::new(ErrorKind::Type, "TypeError", error.to_string())
                    })?;
                    members.insert(key, self.evaluate_node(item, scene, options)?);
                }
                Ok(Value::Dict(Dict::new(members)))
            }
            Node::Refused(most) => Err(TemplateError::limit(format!(
                "Lists and maps with expressions nest at most {most} deep"
            ))),
        }
    }
}

impl Node {
    fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }
}
