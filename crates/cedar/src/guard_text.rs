//! Measures the syntax tree of Cedar policies without building it.
//!
//! Cedar turns chains into trees as deep as they are long (`a && a && …`, `x.a.a.…`, `!!…`, one `when` after the
//! other) and walks them by recursion. One pass over the tokens adds up, along any path, the nesting, the operator
//! chains and the clauses, with the precedence of Cedar's grammar, so that `a == b && c == d` counts what it builds
//! and no more. The measure never falls short of the tree: in doubt, and on text that Cedar refuses anyway, it counts
//! too much.
//!
//! `x is T in y` becomes `x is T && x in y`: the tree holds `x` twice, and evaluation may walk it twice. Nested in
//! one another such tests double and double again, so the weight of a policy counts that too.

use crate::{
    error::{CedarError, Finding, position},
    guard_text::chain::Chain,
    lexer::{Bracket, Lexer, Token},
};

mod chain;

/// The deepest syntax tree that is accepted, counted along any path of a policy, all its clauses together.
pub const MAX_TREE_DEPTH: usize = 400;

/// The heaviest content that is accepted, in tokens once `is … in` is written out.
pub const MAX_WEIGHT: u64 = 500_000;

/// What the scope of a policy adds above its clauses.
const SCOPE_DEPTH: usize = 4;

/// Refuses text whose syntax tree would be too deep or too heavy, and text with unbalanced brackets, which has no
/// depth to speak of. `MissingContent` if there is not a single token.
pub(crate) fn check(text: &str) -> Result<(), CedarError> {
    measure(text).map(drop)
}

/// The depth of the deepest policy.
fn measure(text: &str) -> Result<usize, CedarError> {
    let mut scan = Scan::new(text);
    let mut empty = true;
    for (at, token) in Lexer::new(text) {
        empty = false;
        scan.token(at, token)?;
    }
    if empty { Err(CedarError::MissingContent) } else { scan.finish() }
}

/// Where an `if` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Branch {
    Condition,
    Then,
    Else,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bracket(Bracket),
    If(Branch),
}

/// An open bracket or `if` and what has been seen inside.
#[derive(Debug)]
struct Frame {
    kind: Kind,
    opened: usize,
    chain: Chain,
}

struct Scan<'a> {
    text: &'a str,
    frames: Vec<Frame>,
    /// Whether an operand stands before this token, so that a word can be an operator and `-` is binary.
    operand: bool,
    /// Whether this token, if it is a word, is a plain name (after `.`, `::` and `has`).
    name: bool,
    /// The clauses of this policy and the highest of them.
    clauses: usize,
    clause: usize,
    /// The depth of the deepest policy so far.
    deepest: usize,
    weight: u64,
}

impl<'a> Scan<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text, frames: Vec::new(), operand: false, name: false, clauses: 0, clause: 0, deepest: 0, weight: 0 }
    }

    fn token(&mut self, at: usize, token: Token<'_>) -> Result<(), CedarError> {
        self.weigh(1, at)?;
        let name = std::mem::take(&mut self.name);
        match token {
            Token::Open(bracket) => self.open(Kind::Bracket(bracket), at)?,
            Token::Close(bracket) => self.close(bracket, at)?,
            Token::Comma | Token::Colon => self.separator(at)?,
            Token::Semicolon => self.end_policy(at)?,
            Token::Or => self.operator(Chain::OR),
            Token::And => self.operator(Chain::AND),
            Token::Relation | Token::Less | Token::Greater => self.operator(Chain::RELATION),
            Token::Plus => self.operator(Chain::SUM),
            Token::Times => self.operator(Chain::PRODUCT),
            Token::Minus if self.operand => self.operator(Chain::SUM),
            Token::Minus | Token::Not => self.chain(Chain::unary),
            Token::Dot => {
                self.chain(Chain::unary);
                self.name = true;
            }
            Token::PathSeparator => self.name = true,
            Token::Word(word) if !name => self.word(word, at)?,
            Token::Word(_) | Token::Literal | Token::Other => self.complete_operand(),
            Token::Unclosed => {
                return Err(CedarError::invalid(Finding::at(self.text, at, "this string has no closing quote")));
            }
        }
        Ok(())
    }

    fn word(&mut self, word: &str, at: usize) -> Result<(), CedarError> {
        match word {
            // Outside all brackets stand only effects, `when`, `unless` and names of annotations.
            _ if self.frames.is_empty() => {}
            "if" if !self.operand => return self.open(Kind::If(Branch::Condition), at),
            "then" if self.operand && self.branch(Branch::Condition, Branch::Then, at)? => self.operand = false,
            "else" if self.operand && self.branch(Branch::Then, Branch::Else, at)? => self.operand = false,
            "is" if self.operand => {
                self.operator(Chain::RELATION);
                self.chain(Chain::type_test);
            }
            "in" if self.operand => {
                self.operator(Chain::RELATION);
                self.double_tested(at)?;
            }
            "has" if self.operand => {
                self.operator(Chain::RELATION);
                self.name = true;
            }
            "like" if self.operand => self.operator(Chain::RELATION),
            _ => self.complete_operand(),
        }
        Ok(())
    }

    fn open(&mut self, kind: Kind, at: usize) -> Result<(), CedarError> {
        if self.operand {
            // A call or an index: one more level on what stands before it.
            self.chain(Chain::unary);
        }
        if self.frames.len() >= MAX_TREE_DEPTH {
            return Err(self.too_deep(at));
        }
        self.frames.push(Frame { kind, opened: at, chain: Chain::default() });
        self.operand = false;
        Ok(())
    }

    /// A closing bracket also ends every `if` inside it.
    fn close(&mut self, bracket: Bracket, at: usize) -> Result<(), CedarError> {
        self.end_ifs(at)?;
        match self.frames.pop() {
            Some(frame) if frame.kind == Kind::Bracket(bracket) => {
                self.operand = true;
                self.attach(frame, at)
            }
            Some(frame) => {
                let (line, column) = position(self.text, frame.opened);
                let message = format!("this bracket does not close the one opened at line {line}, column {column}");
                Err(CedarError::invalid(Finding::at(self.text, at, message)))
            }
            None => Err(CedarError::invalid(Finding::at(self.text, at, "this bracket closes none"))),
        }
    }

    /// A comma or colon ends the expression before it, and every `if` in that.
    fn separator(&mut self, at: usize) -> Result<(), CedarError> {
        self.end_ifs(at)?;
        self.chain(Chain::end_expression);
        self.operand = false;
        Ok(())
    }

    /// Moves the innermost `if` that waits for this word on to its next branch; those inside it are complete.
    /// False if none waits: then the word is a name.
    fn branch(&mut self, from: Branch, to: Branch, at: usize) -> Result<bool, CedarError> {
        let waits = self.frames.iter().rev().map_while(|frame| match frame.kind {
            Kind::If(branch) => Some(branch),
            Kind::Bracket(_) => None,
        });
        let Some(complete) = waits.clone().position(|branch| branch == from) else { return Ok(false) };
        for frame in self.frames.split_off(self.frames.len() - complete).into_iter().rev() {
            self.attach(frame, at)?;
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.chain.end_expression();
            frame.kind = Kind::If(to);
        }
        Ok(true)
    }

    fn end_ifs(&mut self, at: usize) -> Result<(), CedarError> {
        while let Some(frame) = self.frames.pop_if(|frame| matches!(frame.kind, Kind::If(_))) {
            self.attach(frame, at)?;
        }
        Ok(())
    }

    /// A finished frame is an operand of the one around it, or a clause of the policy.
    fn attach(&mut self, frame: Frame, at: usize) -> Result<(), CedarError> {
        let kind = frame.kind;
        let (height, weight) = frame.chain.finish();
        let height = height + 1;
        if height > MAX_TREE_DEPTH {
            return Err(self.too_deep(at));
        }
        if let Some(outer) = self.frames.last_mut() {
            outer.chain.operand(height, weight);
        } else {
            self.clauses += usize::from(kind == Kind::Bracket(Bracket::Curly));
            self.clause = self.clause.max(height);
        }
        Ok(())
    }

    fn end_policy(&mut self, at: usize) -> Result<(), CedarError> {
        if let Some(frame) = self.frames.last() {
            let (line, column) = position(self.text, frame.opened);
            let message = format!("what was opened at line {line}, column {column} is not closed before this `;`");
            return Err(CedarError::invalid(Finding::at(self.text, at, message)));
        }
        let depth = std::mem::take(&mut self.clauses) + std::mem::take(&mut self.clause) + SCOPE_DEPTH;
        self.deepest = self.deepest.max(depth);
        if depth > MAX_TREE_DEPTH { Err(self.too_deep(at)) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<usize, CedarError> {
        if let Some(frame) = self.frames.last() {
            return Err(CedarError::invalid(Finding::at(
                self.text,
                frame.opened,
                "what is opened here is never closed",
            )));
        }
        self.end_policy(self.text.len())?;
        Ok(self.deepest)
    }

    fn operator(&mut self, level: usize) {
        self.chain(|chain| chain.operator(level));
        self.operand = false;
    }

    fn complete_operand(&mut self) {
        self.chain(|chain| chain.operand(1, 1));
        self.operand = true;
    }

    /// `in` after `is`: what is tested stands in the tree twice.
    fn double_tested(&mut self, at: usize) -> Result<(), CedarError> {
        let doubled = self.frames.last_mut().map_or(0, |frame| frame.chain.double_tested());
        self.weigh(doubled, at)
    }

    fn weigh(&mut self, weight: u64, at: usize) -> Result<(), CedarError> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight > MAX_WEIGHT { Err(self.too_heavy(at)) } else { Ok(()) }
    }

    /// What stands outside all brackets (annotations' names, effects, `when`) builds no tree.
    fn chain(&mut self, step: impl FnOnce(&mut Chain)) {
        if let Some(frame) = self.frames.last_mut() {
            step(&mut frame.chain);
        }
    }

    fn too_deep(&self, at: usize) -> CedarError {
        let (line, column) = position(self.text, at);
        CedarError::TooDeep(format!(
            "at line {line}, column {column} the syntax tree is deeper than {MAX_TREE_DEPTH} levels, counting brackets, \
             chains of operators and attributes, and all clauses of the policy; split the policy into several, or put \
             alternatives into a set (`[…].contains(x)`, `x in […]`)"
        ))
    }

    fn too_heavy(&self, at: usize) -> CedarError {
        let (line, column) = position(self.text, at);
        CedarError::TooDeep(format!(
            "at line {line}, column {column} the policies come to more than {MAX_WEIGHT} terms once each `x is T in y` is \
             written out as `x is T && x in y`; do not nest such tests in the left side of one another"
        ))
    }
}

#[cfg(test)]
mod tests;
