//! What each part of a query cost: the answer to `explain`.

use std::fmt::{self, Write};
use std::time::Duration;

use crate::ast::{Expr, Span};

/// Of a long expression so many bytes are shown.
const MAX_SHOWN: usize = 200;

/// A node of the plan with what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanNode {
    /// Index of the node that takes this one's series; `None` for the root, which comes first. A node comes after its parent.
    pub parent: Option<usize>,
    /// What kind of expression it is.
    pub kind: &'static str,
    /// The expression; its beginning and `…`, when it is long.
    pub expr: String,
    /// Where it stands in the query.
    pub span: Span,
    /// Whether it is the same at every step, and evaluated once.
    pub once: bool,
    /// How many series it may have.
    pub series: u64,
    /// How many samples it gave, over all steps.
    pub samples: u64,
    /// How many samples it read from the storage itself.
    pub samples_read: u64,
    /// The most memory that it held itself at once, in bytes, by the estimate of
    /// [`EngineOptions::max_bytes`](crate::EngineOptions::max_bytes).
    pub peak_bytes: u64,
    /// The time it took to plan and to evaluate it, operands included.
    pub time: Duration,
}

/// The nodes while they are planned and evaluated.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    nodes: Vec<PlanNode>,
    /// What each node holds now, in bytes.
    held: Vec<u64>,
    /// The node that is planned or evaluated.
    current: Option<usize>,
}

impl Plan {
    /// Begins the planning of an expression, an operand of the current node.
    pub(crate) fn begin(&mut self, expr: &Expr) -> usize {
        let node = self.nodes.len();
        self.nodes.push(PlanNode {
            parent: self.current,
            kind: kind(expr),
            expr: shown(expr),
            span: expr.span(),
            once: false,
            series: 0,
            samples: 0,
            samples_read: 0,
            peak_bytes: 0,
            time: Duration::ZERO,
        });
        self.held.push(0);
        self.current = Some(node);
        node
    }

    /// Ends the planning of the current node.
    pub(crate) fn planned(&mut self, series: usize, once: bool, took: Duration) {
        let Some(node) = self.current_node() else {
            return;
        };
        node.series = series as u64;
        node.once = once;
        node.time += took;
        self.current = node.parent;
    }

    /// Makes a node the current one; the one before.
    pub(crate) fn enter(&mut self, node: Option<usize>) -> Option<usize> {
        std::mem::replace(&mut self.current, node)
    }

    /// Counts what a node gave for a tile.
    pub(crate) fn evaluated(&mut self, node: usize, samples: u64, took: Duration) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.samples += samples;
            node.time += took;
        }
    }

    /// Counts samples that the current node read.
    pub(crate) fn read(&mut self, samples: u64) {
        if let Some(node) = self.current_node() {
            node.samples_read += samples;
        }
    }

    /// Counts memory that the current node takes.
    pub(crate) fn take(&mut self, bytes: u64) {
        let Some(current) = self.current else {
            return;
        };
        if let (Some(node), Some(held)) = (self.nodes.get_mut(current), self.held.get_mut(current))
        {
            *held += bytes;
            node.peak_bytes = node.peak_bytes.max(*held);
        }
    }

    /// Counts memory that a node gives back.
    pub(crate) fn give_back(&mut self, node: Option<usize>, bytes: u64) {
        if let Some(held) = node.and_then(|node| self.held.get_mut(node)) {
            *held = held.saturating_sub(bytes);
        }
    }

    pub(crate) fn current(&self) -> Option<usize> {
        self.current
    }

    pub(crate) fn into_nodes(self) -> Vec<PlanNode> {
        self.nodes
    }

    fn current_node(&mut self) -> Option<&mut PlanNode> {
        self.nodes.get_mut(self.current?)
    }
}

fn kind(expr: &Expr) -> &'static str {
    match expr {
        Expr::Number(_) => "number",
        Expr::String(_) => "string",
        Expr::Vector(_) => "selector",
        Expr::Matrix(_) => "range selector",
        Expr::Subquery(_) => "subquery",
        Expr::Call(e) => e.function.name,
        Expr::Aggregate(e) => e.op.as_str(),
        Expr::Binary(e) => e.op.as_str(),
        Expr::Unary(e) => e.op.as_str(),
        Expr::Paren(_) => "parentheses",
    }
}

/// The text of an expression, or its beginning.
fn shown(expr: &Expr) -> String {
    struct Beginning(String);

    impl Write for Beginning {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            let room = MAX_SHOWN - self.0.len();
            self.0.push_str(&s[..s.floor_char_boundary(room)]);
            if s.len() > room {
                Err(fmt::Error)
            } else {
                Ok(())
            }
        }
    }

    let mut text = Beginning(String::new());
    if write!(text, "{expr}").is_err() {
        text.0.push('…');
    }
    text.0
}
