//! The conditions of a statement, evaluated on the facts as they lie there.
//!
//! It says what Cedar's evaluator says, or nothing: wherever that one would fail, and wherever a form is rare, the
//! answer is none and Cedar is asked. So every error and every message is Cedar's own. Operators on values are Cedar's
//! functions; what is added is that nothing is copied and that entities are looked up only when they are needed.

use std::{cmp::Ordering, sync::Arc};

use cedar_policy_core::{
    ast::{BinaryOp, EntityUID, Expr, ExprKind, Literal, PartialValue, Set, UnaryOp, Value, ValueKind, Var},
    evaluator,
    extensions::Extensions,
};
use smol_str::SmolStr;

use crate::{
    entity::Probe,
    facts::{Facts, uid_value},
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
pub(crate) fn holds(condition: &Expr, facts: &Facts) -> Option<bool> {
    eval(condition, facts)?.bool()
}

fn eval<'a>(expr: &'a Expr, facts: &'a Facts) -> Option<Operand<'a>> {
    match expr.expr_kind() {
        ExprKind::Lit(literal) => Some(Operand::Literal(literal)),
        ExprKind::Var(Var::Principal) => Some(Operand::Uid(&facts.principal)),
        ExprKind::Var(Var::Action) => Some(Operand::Uid(&facts.action)),
        ExprKind::Var(Var::Resource) => Some(Operand::Uid(&facts.resource)),
        ExprKind::Var(Var::Context) => Some(Operand::Value(&facts.context)),
        ExprKind::And { left, right } => made(holds(left, facts)? && holds(right, facts)?),
        ExprKind::Or { left, right } => made(holds(left, facts)? || holds(right, facts)?),
        ExprKind::If { test_expr, then_expr, else_expr } => {
            eval(if holds(test_expr, facts)? { then_expr } else { else_expr }, facts)
        }
        ExprKind::UnaryApp { op, arg } => unary(*op, &eval(arg, facts)?),
        ExprKind::BinaryApp { op, arg1, arg2 } => binary(*op, eval(arg1, facts)?, eval(arg2, facts)?, facts),
        ExprKind::GetAttr { expr, attr } => eval(expr, facts)?.member(attr, facts),
        ExprKind::HasAttr { expr, attr } => made(has(&eval(expr, facts)?, attr, facts)?),
        ExprKind::ExtHasAttr { expr, attrs } => made(has_all(eval(expr, facts)?, attrs.iter(), facts)?),
        ExprKind::Like { expr, pattern } => made(pattern.wildcard_match(eval(expr, facts)?.text()?)),
        ExprKind::Is { expr, entity_type } => made(eval(expr, facts)?.uid()?.entity_type() == entity_type),
        ExprKind::Set(items) => {
            let values = items.iter().map(|item| Some(eval(item, facts)?.into_value()));
            Some(Operand::Made(Value::set(values.collect::<Option<Vec<_>>>()?, None)))
        }
        ExprKind::Record(members) => {
            let members = members.iter().map(|(name, value)| Some((name.clone(), eval(value, facts)?.into_value())));
            Some(Operand::Made(Value::record(members.collect::<Option<Vec<_>>>()?, None)))
        }
        ExprKind::ExtensionFunctionApp { fn_name, args } => {
            let args = args.iter().map(|arg| Some(eval(arg, facts)?.into_value())).collect::<Option<Vec<_>>>()?;
            match Extensions::all_available().func(fn_name).ok()?.call(&args).ok()? {
                PartialValue::Value(value) => Some(Operand::Made(value)),
                PartialValue::Residual(_) => None,
            }
        }
        ExprKind::Slot(_) | ExprKind::Unknown(_) => None,
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

fn binary<'a>(op: BinaryOp, left: Operand<'a>, right: Operand<'a>, facts: &'a Facts) -> Option<Operand<'a>> {
    match op {
        BinaryOp::Eq => made(left.equals(&right)),
        BinaryOp::Less => made(compare(left, right, op, Ordering::is_lt)?),
        BinaryOp::LessEq => made(compare(left, right, op, Ordering::is_le)?),
        BinaryOp::Add => Some(Operand::Made(left.long()?.checked_add(right.long()?)?.into())),
        BinaryOp::Sub => Some(Operand::Made(left.long()?.checked_sub(right.long()?)?.into())),
        BinaryOp::Mul => Some(Operand::Made(left.long()?.checked_mul(right.long()?)?.into())),
        BinaryOp::In => made(is_in(left.uid()?, &right, facts)?),
        BinaryOp::Contains => made(left.set()?.contains(&right.into_value())),
        BinaryOp::ContainsAll => made(right.set()?.is_subset(left.set()?)),
        BinaryOp::ContainsAny => made(!right.set()?.is_disjoint(left.set()?)),
        BinaryOp::HasTag => {
            let (uid, tag) = (left.uid()?, right.text()?);
            made(facts.entity(Probe::of(uid)).is_some_and(|entity| entity.tag(tag).is_some()))
        }
        BinaryOp::GetTag => {
            let (uid, tag) = (left.uid()?, right.text()?);
            facts.entity(Probe::of(uid))?.tag(tag).map(Operand::Value)
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
fn is_in(uid: &EntityUID, right: &Operand<'_>, facts: &Facts) -> Option<bool> {
    let own = Probe::of(uid);
    if let Some(above) = right.uid() {
        return facts.is_in(own, &[Probe::of(above)]);
    }
    let mut listed = Vec::new();
    for value in right.set()?.iter() {
        let ValueKind::Lit(Literal::EntityUID(above)) = value.value_kind() else { return None };
        listed.push(Probe::of(above));
    }
    facts.is_in(own, &listed)
}

fn has(of: &Operand<'_>, name: &str, facts: &Facts) -> Option<bool> {
    if let Some(uid) = of.uid() {
        return Some(facts.entity(Probe::of(uid)).is_some_and(|entity| entity.attr(name).is_some()));
    }
    match of.value()?.value_kind() {
        ValueKind::Record(members) => Some(members.contains_key(name)),
        _ => None,
    }
}

fn has_all<'a>(of: Operand<'a>, mut names: impl Iterator<Item = &'a SmolStr>, facts: &'a Facts) -> Option<bool> {
    let Some(name) = names.next() else { return Some(true) };
    if !has(&of, name, facts)? {
        return Some(false);
    }
    let mut current = of.member(name, facts)?;
    for name in names {
        if !has(&current, name, facts)? {
            return Some(false);
        }
        current = current.member(name, facts)?;
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
    fn member(self, name: &str, facts: &'a Facts) -> Option<Self> {
        match self {
            Self::Made(value) => match value.value_kind() {
                ValueKind::Record(members) => members.get(name).cloned().map(Self::Made),
                ValueKind::Lit(Literal::EntityUID(uid)) => attribute(uid, name, facts),
                _ => None,
            },
            Self::Value(Value { value: ValueKind::Record(members), .. }) => members.get(name).map(Self::Value),
            entity => attribute(entity.uid()?, name, facts),
        }
    }
}

fn attribute<'a>(uid: &EntityUID, name: &str, facts: &'a Facts) -> Option<Operand<'a>> {
    facts.entity(Probe::of(uid))?.attr(name).map(Operand::Value)
}
