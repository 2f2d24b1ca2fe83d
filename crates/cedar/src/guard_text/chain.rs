//! The height and weight of one expression while its tokens pass by.

/// One level of Cedar's grammar: the operators seen at this level and the highest of its operands.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    operators: usize,
    operand: usize,
}

/// An expression, level by level. `a || b || c` is a chain of one level: its height is the number of its operators on
/// top of its highest operand, whichever way the tree leans.
#[derive(Debug, Default)]
pub(super) struct Chain {
    levels: [Level; Self::LEVELS],
    /// The highest of the expressions before this one in the same brackets or `if`.
    finished: usize,
    /// The weight of all that is finished, of the relation at hand, and of what its `is` tests.
    weight: u64,
    relation: u64,
    tested: u64,
}

impl Chain {
    pub(super) const OR: usize = 0;
    pub(super) const AND: usize = 1;
    pub(super) const RELATION: usize = 2;
    pub(super) const SUM: usize = 3;
    pub(super) const PRODUCT: usize = 4;
    /// `!`, `-`, attributes, methods and calls.
    const UNARY: usize = 5;
    const LEVELS: usize = 6;

    /// A binary operator: the tighter levels before it become its operand.
    pub(super) fn operator(&mut self, level: usize) {
        self.relation += 1;
        if level < Self::RELATION {
            self.end_relation();
        }
        let operand = self.fold_above(level);
        if let Some(at) = self.levels.get_mut(level) {
            at.operand = at.operand.max(operand);
            // `!=`, `>` and `>=` are negations of their opposites, `is … in` is a conjunction: two nodes.
            at.operators += if level == Self::RELATION { 2 } else { 1 };
        }
    }

    /// A unary operator, an attribute access or a call.
    pub(super) fn unary(&mut self) {
        self.relation += 1;
        if let Some(level) = self.levels.get_mut(Self::UNARY) {
            level.operators += 1;
        }
    }

    /// An operand of this height and weight.
    pub(super) fn operand(&mut self, height: usize, weight: u64) {
        self.relation = self.relation.saturating_add(weight);
        if let Some(level) = self.levels.get_mut(Self::UNARY) {
            level.operand = level.operand.max(height);
        }
    }

    /// `is`: remembers the weight of what it tests.
    pub(super) fn type_test(&mut self) {
        self.tested = self.relation;
    }

    /// `in`: counts what a preceding `is` tests once more, and says how much that is.
    pub(super) fn double_tested(&mut self) -> u64 {
        let tested = std::mem::take(&mut self.tested);
        self.relation = self.relation.saturating_add(tested);
        tested
    }

    /// Another expression follows in the same brackets.
    pub(super) fn end_expression(&mut self) {
        self.end_relation();
        let height = self.fold();
        self.finished = self.finished.max(height);
    }

    /// Height and weight of all expressions.
    pub(super) fn finish(mut self) -> (usize, u64) {
        self.end_expression();
        (self.finished, self.weight)
    }

    fn end_relation(&mut self) {
        self.weight = self.weight.saturating_add(std::mem::take(&mut self.relation));
        self.tested = 0;
    }

    /// The height of the whole expression, which is forgotten.
    fn fold(&mut self) -> usize {
        let inner = self.fold_above(Self::OR);
        let top = self.levels.first_mut().map(std::mem::take).unwrap_or_default();
        top.operators + top.operand.max(inner)
    }

    /// The height of what the levels tighter than this one hold, which is forgotten.
    fn fold_above(&mut self, level: usize) -> usize {
        self.levels
            .iter_mut()
            .skip(level + 1)
            .rev()
            .map(std::mem::take)
            .fold(0, |inner, level| level.operators + level.operand.max(inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_decides_what_adds_up() {
        // a == b && c == d || e: two levels above the relations, not five.
        let mut chain = Chain::default();
        for level in [Chain::RELATION, Chain::AND, Chain::RELATION, Chain::OR] {
            chain.operand(1, 1);
            chain.operator(level);
        }
        chain.operand(1, 1);
        assert_eq!(chain.finish(), (1 + 1 + 2 + 1, 9));
    }

    #[test]
    fn an_operand_counts_wherever_it_stands_in_the_chain() {
        for deep_at in [0, 5, 9] {
            let mut chain = Chain::default();
            for term in 0..10 {
                chain.operand(if term == deep_at { 50 } else { 1 }, 1);
                chain.operator(Chain::AND);
            }
            chain.operand(1, 1);
            assert_eq!(chain.finish().0, 10 + 50);
        }
    }
}
