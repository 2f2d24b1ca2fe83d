//! The tokens of Cedar text (policies and schemas), as far as the guards need them.
//!
//! Strings, comments and words end exactly where Cedar's own lexer ends them, so nothing can hide in them. What
//! Cedar's lexer refuses is [`Token::Other`] here: Cedar stops reading there, the guards merely go on counting.

/// A kind of bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bracket {
    Round,
    Square,
    Curly,
}

/// A token; operators are grouped by how tightly they bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Open(Bracket),
    Close(Bracket),
    Comma,
    Colon,
    PathSeparator,
    Semicolon,
    Dot,
    Or,
    And,
    Relation,
    Less,
    Greater,
    Plus,
    Minus,
    Times,
    Not,
    Word(&'a str),
    Literal,
    /// A string without its closing quote.
    Unclosed,
    Other,
}

/// The tokens of a text with the byte offset at which each begins.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What is left, white space and comments skipped.
    fn rest(&mut self) -> &'a str {
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return trimmed;
            }
            self.at += trimmed.find(['\n', '\r']).unwrap_or(trimmed.len());
        }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = (usize, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        let (length, token) = match rest.as_bytes() {
            [b'|', b'|', ..] => (2, Token::Or),
            [b'&', b'&', ..] => (2, Token::And),
            [b':', b':', ..] => (2, Token::PathSeparator),
            [b'=' | b'!' | b'<' | b'>', b'=', ..] => (2, Token::Relation),
            [b'(', ..] => (1, Token::Open(Bracket::Round)),
            [b'[', ..] => (1, Token::Open(Bracket::Square)),
            [b'{', ..] => (1, Token::Open(Bracket::Curly)),
            [b')', ..] => (1, Token::Close(Bracket::Round)),
            [b']', ..] => (1, Token::Close(Bracket::Square)),
            [b'}', ..] => (1, Token::Close(Bracket::Curly)),
            [b',', ..] => (1, Token::Comma),
            [b':', ..] => (1, Token::Colon),
            [b';', ..] => (1, Token::Semicolon),
            [b'.', ..] => (1, Token::Dot),
            [b'=', ..] => (1, Token::Relation),
            [b'<', ..] => (1, Token::Less),
            [b'>', ..] => (1, Token::Greater),
            [b'+', ..] => (1, Token::Plus),
            [b'-', ..] => (1, Token::Minus),
            [b'*' | b'/' | b'%', ..] => (1, Token::Times),
            [b'!', ..] => (1, Token::Not),
            [b'"', ..] => string_length(rest).map_or((rest.len(), Token::Unclosed), |length| (length, Token::Literal)),
            [b'0'..=b'9', ..] => (length_while(rest, |c| c.is_ascii_digit()), Token::Literal),
            [b'_' | b'a'..=b'z' | b'A'..=b'Z', ..] => {
                let length = length_while(rest, |c| c == '_' || c.is_ascii_alphanumeric());
                (length, Token::Word(rest.get(..length).unwrap_or_default()))
            }
            _ => (first.len_utf8(), Token::Other),
        };
        let start = self.at;
        self.at += length;
        Some((start, token))
    }
}

fn length_while(text: &str, keep: impl Fn(char) -> bool) -> usize {
    text.find(|c| !keep(c)).unwrap_or(text.len())
}

/// The length of the string literal at the beginning of the text, quotes included.
fn string_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(index + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token<'_>> {
        Lexer::new(text).map(|(_, token)| token).collect()
    }

    #[test]
    fn nothing_hides_in_strings_and_comments() {
        use Token::{Literal, Open, Unclosed, Word};
        assert_eq!(tokens(r#"a // ((("\" "(\"(" "\\" ("#), [Word("a")]);
        assert_eq!(
            tokens("a // (((\r\"(\\\"(\" \"\\\\\" ("),
            [Word("a"), Literal, Literal, Open(Bracket::Round)],
            "a carriage return ends a comment"
        );
        assert_eq!(tokens(r#""a\"#), [Unclosed]);
        assert_eq!(tokens("\u{2003}\u{a0}12 é"), [Literal, Token::Other]);
    }

    #[test]
    fn the_longest_operator_wins() {
        use Token::{And, Colon, Greater, Less, Not, Or, PathSeparator, Relation};
        assert_eq!(
            tokens("|| && :: : == != <= >= < > ! :::"),
            [
                Or,
                And,
                PathSeparator,
                Colon,
                Relation,
                Relation,
                Relation,
                Relation,
                Less,
                Greater,
                Not,
                PathSeparator,
                Colon
            ]
        );
    }
}
