//! The conditions of a statement, evaluated on the facts as they lie there.
//!
//! It says what Cedar's evaluator says, or nothing: wherever that one would fail, and wherever a form is rare, the
//! answer is none and Cedar is asked. So every error and every message is Cedar's own. Operators on values are Cedar's
//! functions; what is added is that nothing is copied and that entities are looked up only when they are needed.

use std::{cmp::Ordering, sync::Arc};

use cedar_policy_core::{
    ast::{BinaryOp, EntityUID, Literal, Set, UnaryOp, Value, ValueKind, Var},
    evaluator,
    extensions::Extensions,
};
use smol_str::SmolStr;

use crate::{
    condition::{At, Condition, Node, extension_value},
    entity::Probe,
    facts::uid_value,
    scene::Scene,
};

/// A value that lies somewhere, or one that was just made.
enum Operand<'a> {
    Value(&'a Value),
    Literal(&'a Literal),
    Uid(&'a Arc<EntityUID>),
    Made(Value),
}

/// Whether a condition holds. None where Cedar has to be asked. The stack that it needs grows with the depth of the
/// condition, which the caller bounds.
pub(crate) fn holds(condition: &Condition, scene: &Scene<'_>) -> Option<bool> {
    Evaluation { condition, scene }.eval(condition.root()?)?.bool()
}

/// One condition before one request.
#[derive(Clone, Copy)]
struct Evaluation<'a> {
    condition: &'a Condition,
    scene: &'a Scene<'a>,
}

impl<'a> Evaluation<'a> {
    fn at(self, at: At) -> Option<Operand<'a>> {
        self.eval(self.condition.node(at)?)
    }

    fn holds(self, at: At) -> Option<bool> {
        self.at(at)?.bool()
    }

    fn values(self, nodes: &[At]) -> Option<Vec<Value>> {
        nodes.iter().map(|at| Some(self.at(*at)?.into_value())).collect()
    }

    fn eval(self, node: &'a Node) -> Option<Operand<'a>> {
        let scene = self.scene;
        match node {
            Node::Literal(literal) => Some(Operand::Literal(literal)),
            Node::Constant(value) => Some(Operand::Value(value)),
            Node::Var(Var::Principal) => Some(Operand::Uid(&scene.facts.principal)),
            Node::Var(Var::Action) => Some(Operand::Uid(&scene.facts.action)),
            Node::Var(Var::Resource) => Some(Operand::Uid(&scene.facts.resource)),
            Node::Var(Var::Context) => Some(Operand::Value(&scene.facts.context)),
            Node::And(left, right) => made(self.holds(*left)? && self.holds(*right)?),
            Node::Or(left, right) => made(self.holds(*left)? || self.holds(*right)?),
            Node::If(test, yes, no) => self.at(if self.holds(*test)? { *yes } else { *no }),
            Node::Unary(op, arg) => unary(*op, &self.at(*arg)?),
            Node::Binary(op, left, right) => binary(*op, self.at(*left)?, self.at(*right)?, scene),
            Node::GetAttr(of, name) => self.at(*of)?.member(name, scene),
            Node::HasAttr(of, name) => made(has(&self.at(*of)?, name, scene)?),
            Node::HasAll(of, names) => made(has_all(self.at(*of)?, names, scene)?),
            Node::Like(of, pattern) => made(pattern.wildcard_match(self.at(*of)?.text()?)),
            Node::Is(of, entity_type) => made(self.at(*of)?.uid()?.entity_type() == &**entity_type),
            Node::Set(items) => Some(Operand::Made(Value::set(self.values(items)?, None))),
            Node::Record(members) => {
                let member = |(name, at): &(SmolStr, At)| Some((name.clone(), self.at(*at)?.into_value()));
                Some(Operand::Made(Value::record(members.iter().map(member).collect::<Option<Vec<_>>>()?, None)))
            }
            Node::Call(call) => extension_value(&call.0, &self.values(&call.1)?).map(Operand::Made),
            Node::Unknown => None,
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every arm of eval")]
fn made<'a>(value: bool) -> Option<Operand<'a>> {
    Some(Operand::Literal(if value { &Literal::Bool(true) } else { &Literal::Bool(false) }))
}

fn unary<'a>(op: UnaryOp, arg: &Operand<'a>) -> Option<Operand<'a>> {
    match op {
        UnaryOp::Not => made(!arg.bool()?),
        UnaryOp::IsEmpty => made(arg.set()?.is_empty()),
        UnaryOp::Neg => Some(Operand::Made(arg.long()?.checked_neg()?.into())),
    }
}

fn binary<'a>(op: BinaryOp, left: Operand<'a>, right: Operand<'a>, scene: &'a Scene<'a>) -> Option<Operand<'a>> {
    match op {
        BinaryOp::Eq => made(left.equals(&right)),
        BinaryOp::Less => made(compare(left, right, op, Ordering::is_lt)?),
        BinaryOp::LessEq => made(compare(left, right, op, Ordering::is_le)?),
        BinaryOp::Add => Some(Operand::Made(left.long()?.checked_add(right.long()?)?.into())),
        BinaryOp::Sub => Some(Operand::Made(left.long()?.checked_sub(right.long()?)?.into())),
        BinaryOp::Mul => Some(Operand::Made(left.long()?.checked_mul(right.long()?)?.into())),
        BinaryOp::In => made(is_in(left.uid()?, &right, scene)?),
        BinaryOp::Contains => made(left.set()?.contains(&right.into_value())),
        BinaryOp::ContainsAll => made(right.set()?.is_subset(left.set()?)),
        BinaryOp::ContainsAny => made(!right.set()?.is_disjoint(left.set()?)),
        BinaryOp::HasTag => {
            let (uid, tag) = (left.uid()?, right.text()?);
            made(scene.entity(uid).is_some_and(|entity| entity.tag(tag).is_some()))
        }
        BinaryOp::GetTag => {
            let (uid, tag) = (left.uid()?, right.text()?);
            scene.entity(uid)?.tag(tag).map(Operand::Value)
        }
    }
}

/// Longs here, dates and durations by Cedar.
fn compare(left: Operand<'_>, right: Operand<'_>, op: BinaryOp, wanted: fn(Ordering) -> bool) -> Option<bool> {
    if let (Some(left), Some(right)) = (left.long(), right.long()) {
        return Some(wanted(left.cmp(&right)));
    }
    let (left, right) = (left.into_value(), right.into_value());
    let said = evaluator::binary_relation(op, &left, &right, Extensions::all_available()).ok()?;
    Operand::Made(said).bool()
}

/// `uid in right`, where the right side is an entity or a set of nothing but entities.
fn is_in(uid: &EntityUID, right: &Operand<'_>, scene: &Scene<'_>) -> Option<bool> {
    if let Some(above) = right.uid() {
        return scene.is_in(uid, &[Probe::of(above)]);
    }
    let mut listed = Vec::new();
    for value in right.set()?.iter() {
        let ValueKind::Lit(Literal::EntityUID(above)) = value.value_kind() else { return None };
        listed.push(Probe::of(above));
    }
    scene.is_in(uid, &listed)
}

fn has(of: &Operand<'_>, name: &str, scene: &Scene<'_>) -> Option<bool> {
    if let Some(uid) = of.uid() {
        return Some(scene.entity(uid).is_some_and(|entity| entity.attr(name).is_some()));
    }
    match of.value()?.value_kind() {
        ValueKind::Record(members) => Some(members.contains_key(name)),
        _ => None,
    }
}

fn has_all<'a>(of: Operand<'a>, names: &[SmolStr], scene: &'a Scene<'a>) -> Option<bool> {
    let [name, names @ ..] = names else { return Some(true) };
    if !has(&of, name, scene)? {
        return Some(false);
    }
    let mut current = of.member(name, scene)?;
    for name in names {
        if !has(&current, name, scene)? {
            return Some(false);
        }
        current = current.member(name, scene)?;
    }
    Some(true)
}

impl<'a> Operand<'a> {
    fn literal(&self) -> Option<&Literal> {
        match self {
            Self::Value(Value { value: ValueKind::Lit(literal), .. })
            | Self::Made(Value { value: ValueKind::Lit(literal), .. }) => Some(literal),
            Self::Literal(literal) => Some(literal),
            Self::Value(_) | Self::Made(_) | Self::Uid(_) => None,
        }
    }

    fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Made(value) => Some(value),
            Self::Literal(_) | Self::Uid(_) => None,
        }
    }

    fn bool(&self) -> Option<bool> {
        match self.literal()? {
            Literal::Bool(value) => Some(*value),
            _ => None,
        }
    }

    fn long(&self) -> Option<i64> {
        match self.literal()? {
            Literal::Long(value) => Some(*value),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self.literal()? {
            Literal::String(value) => Some(value),
            _ => None,
        }
    }

    fn uid(&self) -> Option<&EntityUID> {
        match self {
            Self::Uid(uid) => Some(uid),
            _ => match self.literal()? {
                Literal::EntityUID(uid) => Some(uid),
                _ => None,
            },
        }
    }

    fn set(&self) -> Option<&Set> {
        match self.value()?.value_kind() {
            ValueKind::Set(set) => Some(set),
            _ => None,
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Literal(literal) => Value::new(literal.clone(), None),
            Self::Uid(uid) => uid_value(uid),
            Self::Made(value) => value,
        }
    }

    /// Values of different types are unequal; that is no error.
    fn equals(&self, other: &Self) -> bool {
        if let (Some(own), Some(other)) = (self.uid(), other.uid()) {
            return std::ptr::eq(own, other) || own == other;
        }
        match (self.literal(), other.literal()) {
            (Some(own), Some(other)) => own == other,
            (None, None) => matches!((self.value(), other.value()), (Some(own), Some(other)) if own == other),
            _ => false,
        }
    }

    /// An attribute of an entity or a member of a record.
    fn member(self, name: &str, scene: &'a Scene<'a>) -> Option<Self> {
        match self {
            Self::Made(value) => match value.value_kind() {
                ValueKind::Record(members) => members.get(name).cloned().map(Self::Made),
                ValueKind::Lit(Literal::EntityUID(uid)) => attribute(uid, name, scene),
                _ => None,
            },
            Self::Value(Value { value: ValueKind::Record(members), .. }) => members.get(name).map(Self::Value),
            entity => attribute(entity.uid()?, name, scene),
        }
    }
}

fn attribute<'a>(uid: &EntityUID, name: &str, scene: &'a Scene<'a>) -> Option<Operand<'a>> {
    scene.entity(uid)?.attr(name).map(Operand::Value)
}
