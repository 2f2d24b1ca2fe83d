//! The conditions of a statement in the form in which decisions read them.
//!
//! Cedar's syntax trees lie scattered over the memory, a node here and a node there. With thousands of policies next to
//! nothing of them is in a processor's caches when a request asks for it, and fetching costs more than evaluating. So the
//! nodes of a condition lie here one behind the other. Nothing else is changed, save that what depends on no request is
//! made once: a set or a record of constants, and an extension value such as `ip("10.0.0.0/8")`.

use std::sync::Arc;

use cedar_policy_core::{
    ast::{BinaryOp, EntityType, Expr, ExprKind, Literal, Name, PartialValue, Pattern, UnaryOp, Value, Var},
    extensions::Extensions,
};
use smol_str::SmolStr;

use crate::unit::Size;

/// Where a node stands.
pub(crate) type At = u32;

/// What is left of a statement once its scope has matched. A clone shares it.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// Each behind those that it is made of; the last one is the whole.
    nodes: Arc<[Node]>,
    pub(crate) size: Size,
}

/// One node of a syntax tree. Rare ones are boxed, so that the others stay small.
#[derive(Debug)]
pub(crate) enum Node {
    Literal(Literal),
    /// A constant that is no literal.
    Constant(Box<Value>),
    Var(Var),
    If(At, At, At),
    And(At, At),
    Or(At, At),
    Unary(UnaryOp, At),
    Binary(BinaryOp, At, At),
    GetAttr(At, SmolStr),
    HasAttr(At, SmolStr),
    /// `has` with several names, each within the one before.
    HasAll(At, Box<[SmolStr]>),
    Like(At, Box<Pattern>),
    Is(At, Box<EntityType>),
    Set(Box<[At]>),
    Record(Box<[(SmolStr, At)]>),
    Call(Box<(Name, Box<[At]>)>),
    /// What only Cedar can evaluate.
    Unknown,
}

impl Condition {
    /// Recurses as deep as the tree, which the guards have measured: on the pool.
    pub(crate) fn of(expr: &Expr) -> Self {
        let mut layout = Layout(Vec::new());
        layout.put(expr);
        Self { nodes: layout.0.into(), size: Size::of(expr) }
    }

    /// The node that is the whole.
    pub(crate) fn root(&self) -> Option<&Node> {
        self.nodes.last()
    }

    pub(crate) fn node(&self, at: At) -> Option<&Node> {
        self.nodes.get(at as usize)
    }

    /// About how much memory it holds, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.nodes)
    }
}

/// Nodes as far as they are laid out.
struct Layout(Vec<Node>);

impl Layout {
    fn put(&mut self, expr: &Expr) -> At {
        let start = self.0.len();
        let node = match expr.expr_kind() {
            ExprKind::Lit(literal) => Node::Literal(literal.clone()),
            ExprKind::Var(var) => Node::Var(*var),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                Node::If(self.put(test_expr), self.put(then_expr), self.put(else_expr))
            }
            ExprKind::And { left, right } => Node::And(self.put(left), self.put(right)),
            ExprKind::Or { left, right } => Node::Or(self.put(left), self.put(right)),
            ExprKind::UnaryApp { op, arg } => Node::Unary(*op, self.put(arg)),
            ExprKind::BinaryApp { op, arg1, arg2 } => Node::Binary(*op, self.put(arg1), self.put(arg2)),
            ExprKind::GetAttr { expr, attr } => Node::GetAttr(self.put(expr), attr.clone()),
            ExprKind::HasAttr { expr, attr } => Node::HasAttr(self.put(expr), attr.clone()),
            ExprKind::ExtHasAttr { expr, attrs } => Node::HasAll(self.put(expr), attrs.iter().cloned().collect()),
            ExprKind::Like { expr, pattern } => Node::Like(self.put(expr), Box::new(pattern.clone())),
            ExprKind::Is { expr, entity_type } => Node::Is(self.put(expr), Box::new(entity_type.clone())),
            ExprKind::Set(items) => Node::Set(items.iter().map(|item| self.put(item)).collect()),
            ExprKind::Record(members) => {
                Node::Record(members.iter().map(|(name, value)| (name.clone(), self.put(value))).collect())
            }
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                Node::Call(Box::new((fn_name.clone(), args.iter().map(|arg| self.put(arg)).collect())))
            }
            ExprKind::Slot(_) | ExprKind::Unknown(_) => Node::Unknown,
        };
        let node = match self.constant(&node) {
            // Its parts are the last nodes, and nobody else's.
            Some(value) => {
                self.0.truncate(start);
                Node::Constant(Box::new(value))
            }
            None => node,
        };
        self.0.push(node);
        // A version has at most 256 KiB, and so has far fewer nodes.
        At::try_from(self.0.len() - 1).unwrap_or(At::MAX)
    }

    /// What a node comes to whose parts are constants, if it can be made at all: what would fail is left to the request
    /// that asks for it.
    fn constant(&self, node: &Node) -> Option<Value> {
        match node {
            Node::Set(items) => Some(Value::set(self.values(items)?, None)),
            Node::Record(members) => {
                let member = |(name, at): &(SmolStr, At)| Some((name.clone(), self.value(*at)?));
                Some(Value::record(members.iter().map(member).collect::<Option<Vec<_>>>()?, None))
            }
            Node::Call(call) => extension_value(&call.0, &self.values(&call.1)?),
            _ => None,
        }
    }

    fn values(&self, nodes: &[At]) -> Option<Vec<Value>> {
        nodes.iter().map(|at| self.value(*at)).collect()
    }

    fn value(&self, at: At) -> Option<Value> {
        match self.0.get(at as usize)? {
            Node::Literal(literal) => Some(Value::new(literal.clone(), None)),
            Node::Constant(value) => Some((**value).clone()),
            _ => None,
        }
    }
}

/// What an extension function makes of these, if it does not fail. The functions depend on nothing else.
pub(crate) fn extension_value(function: &Name, args: &[Value]) -> Option<Value> {
    match Extensions::all_available().func(function).ok()?.call(args).ok()? {
        PartialValue::Value(value) => Some(value),
        PartialValue::Residual(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    fn nodes(text: &str) -> Vec<String> {
        let condition = Condition::of(&Expr::from_str(text).unwrap());
        condition.nodes.iter().map(|node| format!("{node:?}").split(['(', ' ']).next().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_usual_nodes_are_small() {
        assert!(size_of::<Node>() <= 32, "{}", size_of::<Node>());
    }

    #[test]
    fn what_depends_on_no_request_is_made_once() {
        assert_eq!(nodes("[1, 2, [3]]"), ["Constant"]);
        assert_eq!(nodes("{a: [1], b: User::\"x\"}"), ["Constant"]);
        assert_eq!(nodes("ip(\"10.0.0.0/8\")"), ["Constant"]);
        assert_eq!(nodes("[decimal(\"1.5\"), context.a]"), ["Constant", "Var", "GetAttr", "Set"]);
        assert_eq!(nodes("context.a && [1].contains(2)"), ["Var", "GetAttr", "Constant", "Literal", "Binary", "And"]);
    }

    #[test]
    fn what_fails_waits_for_the_request_that_asks_for_it() {
        assert_eq!(nodes("ip(\"nonsense\")"), ["Literal", "Call"]);
        assert_eq!(nodes("[ip(\"nonsense\")]"), ["Literal", "Call", "Set"]);
    }
}
